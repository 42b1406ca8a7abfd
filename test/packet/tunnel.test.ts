import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { snapFilter } from "../../src/capture/ring/snap-filter.ts";
import { LINKTYPE_ETHERNET } from "../../src/packet/link/link-types.ts";
import { Packet, Unopened, Verdict } from "../../src/packet/packet.ts";
import { parseFrame, parsePayload } from "../../src/packet/parse.ts";
import { openTunnel } from "../../src/packet/tunnel.ts";
import { pcap } from "../capture/savefile/captures.ts";
import { runClassicBpf } from "../capture/ring/classic-bpf.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { facts, hex, IPV4, IPV6, MACS } from "./frames.ts";
import {
  type Carrier,
  CARRIERS,
  type Inner,
  lengthOf,
  outerIpv4,
  OUTERS,
  SAMPLES,
  tunnelFrame,
  UDP_GTP,
  UNOPENABLE,
} from "./tunnels.ts";

const ETHERNET_HEADER_BYTES = 14;
const ETHERNET = snapFilter({ isEthernet: true, ignoreOutgoing: false, hasTransport: false, opensTunnels: true });
const COOKED = snapFilter({ isEthernet: false, ignoreOutgoing: false, hasTransport: false, opensTunnels: true });

/** What is made of the first `captured` bytes of a frame. */
function opened(frame: Uint8Array, captured = frame.length): Packet {
  const packet = new Packet();
  parseFrame(packet, LINKTYPE_ETHERNET, frame.slice(0, captured), 0, captured, frame.length);
  openTunnel(packet, frame.slice(0, captured), captured);
  return packet;
}

function openedPayload(etherType: number, bytes: Uint8Array, captured = bytes.length): Packet {
  const packet = new Packet();
  parsePayload(packet, etherType, bytes.slice(0, captured), 0, captured, bytes.length);
  openTunnel(packet, bytes.slice(0, captured), captured);
  return packet;
}

/** What the ring keeps of a frame. */
function kept(frame: Uint8Array): number {
  return Math.min(runClassicBpf(ETHERNET, frame, { protocol: 0, packetType: 0 }), frame.length);
}

function assertSnapped(frame: Uint8Array, what: string): void {
  const [whole, snapped] = [opened(frame), opened(frame, kept(frame))];
  assert.deepEqual([facts(snapped), snapped.unopened], [facts(whole), whole.unopened], what);
  const etherType = (frame[12]! << 8) | frame[13]!;
  const payload = frame.slice(ETHERNET_HEADER_BYTES);
  const bytes = Math.min(runClassicBpf(COOKED, payload, { protocol: etherType, packetType: 0 }), payload.length);
  const [all, some] = [openedPayload(etherType, payload), openedPayload(etherType, payload, bytes)];
  assert.deepEqual([facts(some), some.unopened], [facts(all), all.unopened], `${what}, without Ethernet`);
}

/** What parsing the inner packet alone gives. */
function innerFacts({ version, packet }: Inner): unknown {
  const bytes = hex(packet);
  const alone = new Packet();
  parsePayload(alone, version === 4 ? 0x0800 : 0x86dd, bytes, 0, bytes.length, bytes.length);
  return facts(alone);
}

describe("a packet in a tunnel", () => {
  for (const outer of OUTERS) {
    test(`counts as it is, whatever carries it in ${outer}`, () => {
      for (const { name, inner, frame } of SAMPLES.filter((sample) => sample.outer === outer)) {
        const packet = opened(frame);
        assert.equal(packet.unopened, Unopened.NONE, name);
        assert.deepEqual(facts(packet), innerFacts(inner), name);
        assertSnapped(frame, name);
      }
    });
  }

  test("has its padding in its size, as every packet has", () => {
    const [sample] = SAMPLES;
    const padded = Uint8Array.from([...sample!.frame, ...new Uint8Array(9)]);
    assert.equal(opened(padded).lengthBytes, opened(sample!.frame).lengthBytes + 9);
  });

  test("is not opened if the capture ends before its addresses, and is if it ends behind them", () => {
    for (const { name, inner, frame } of SAMPLES) {
      const start = frame.length - lengthOf(inner.packet);
      const needed = start + (inner.version === 4 ? 20 : 40);
      const outer = outerFacts(frame);
      for (let captured = 0; captured < frame.length; captured++) {
        const packet = opened(frame, captured);
        const what = `${captured} bytes of ${name}`;
        const reasons: readonly Unopened[] = captured >= needed ? [Unopened.NONE] : [Unopened.NONE, Unopened.TRUNCATED];
        assert.ok(reasons.includes(packet.unopened), what);
        assert.equal(packet.lengthBytes, captured >= needed ? lengthOf(inner.packet) : outer.lengthBytes, what);
      }
    }
  });

  test("is of one level: one that carries another counts with its own addresses", () => {
    const ipip = CARRIERS[0]!;
    const middle = outerIpv4(5, 4, IPV4);
    const packet = opened(tunnelFrame("IPv6", ipip, middle));
    assert.equal(packet.unopened, Unopened.NONE);
    assert.equal(packet.source >>> 0, 0xc6336401);
    assert.equal(packet.protocol, 4);
  });
});

function outerFacts(frame: Uint8Array): ReturnType<typeof facts> {
  const packet = new Packet();
  parseFrame(packet, LINKTYPE_ETHERNET, frame, 0, frame.length, frame.length);
  return facts(packet);
}

describe("what can't be opened counts for the outer addresses", () => {
  for (const { name, reason, packet: outer } of UNOPENABLE) {
    test(name, () => {
      const frame = hex(`${MACS} 0800 ${outer}`);
      const packet = opened(frame);
      assert.equal(packet.unopened, reason);
      assert.deepEqual(facts(packet), outerFacts(frame));
      assert.equal(packet.networkOffset, ETHERNET_HEADER_BYTES);
      assertSnapped(frame, name);
    });
  }

  test("the fragments of IPv6 too", () => {
    for (const [fragment, reason] of [
      ["0001", Unopened.FRAGMENT],
      ["0010", Unopened.FRAGMENT],
      ["0000", Unopened.NONE],
    ] as const) {
      const frame = hex(`${MACS} 86dd 60000000 0030 2c 40 ${"20010db8".repeat(8)} 29 00 ${fragment} 00000007 ${IPV6}`);
      assert.equal(opened(frame).unopened, reason);
      assertSnapped(frame, fragment);
    }
  });
});

describe("every number, to the parser and with what the ring keeps", () => {
  const INSIDE = 0x0a010203;

  /** The numbers that open the frame, written over its bytes from `at` on: the highest byte first. */
  function opening(text: string, at: number, bytes: 1 | 2): number[] {
    const frame = hex(text);
    const view = new DataView(frame.buffer);
    return Array.from({ length: 256 ** bytes }, (_, number) => number).filter((number) => {
      if (bytes === 1) view.setUint8(at, number);
      else view.setUint16(at, number);
      assertSnapped(frame, `${number}`);
      return opened(frame).source >>> 0 === INSIDE;
    });
  }

  const NETWORK = 14;
  const TRANSPORT = NETWORK + 20;
  const outer = (payload: string) => `${MACS} 0800 ${outerIpv4(5, 0, payload)}`;

  test("of a protocol", () => {
    const protocol = NETWORK + 9;
    assert.deepEqual(opening(outer(IPV4), protocol, 1), [4]);
    assert.deepEqual(opening(outer(`0000 0800 ${IPV4}`), protocol, 1), [47]);
  });

  test("of a port of UDP", () => {
    const ports = (content: string) =>
      opening(`${MACS} 0800 ${outerIpv4(6, 17, `${UDP_GTP} ${content} ${"00".repeat(80)}`)}`, TRANSPORT + 4 + 2, 2);
    assert.deepEqual(ports(`08000000 00000700 ${MACS} 0800 ${IPV4}`), [4789]);
    assert.deepEqual(ports(`0000 0800 00000700 ${IPV4}`), [6081]);
    assert.deepEqual(ports(`30 ff 0000 00000007 ${IPV4}`), [2152]);
  });

  test("of a type in GRE", () => {
    const types = (content: string) =>
      opening(`${MACS} 0800 ${outerIpv4(5, 47, `0000 0000 ${content}`)}`, TRANSPORT + 2, 2);
    assert.deepEqual(types(IPV4), [0x0800]);
    assert.deepEqual(types(`${MACS} 0800 ${IPV4}`), [0x6558, 0x88be]);
  });
});

test("whatever follows a header that tells a tunnel, it is read alike from what the ring keeps", () => {
  const heads = [
    ...CARRIERS.map((carrier) => carrier),
    { name: "", protocol: 17, port: 2152, header: "", carries: [] },
  ];
  const property = fc.property(
    fc.constantFrom(...OUTERS),
    fc.constantFrom<Carrier>(...heads),
    fc.nat(16),
    fc.uint8Array({ maxLength: 900 }),
    (outer, carrier, headBytes, rest) => {
      const header = carrier.header
        .replace("LLLL", "0000")
        .replaceAll(/\s+/g, "")
        .slice(0, 2 * headBytes);
      const frame = tunnelFrame(outer, { ...carrier, header }, Buffer.from(rest).toString("hex"));
      assertSnapped(frame, carrier.name);
    },
  );
  fc.assert(property, { numRuns: 20_000 });
});

test("what is no IP is left as it is", () => {
  const frame = hex(`${MACS} 0806 0001 0800 0604 0001 ${"00".repeat(40)}`);
  const packet = opened(frame);
  assert.deepEqual([packet.verdict, packet.unopened], [Verdict.NOT_IP, Unopened.NONE]);
});

test("tshark finds the same inner addresses", { skip: lacking("tshark") }, () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "tunnels.pcap");
  // Of ERSPAN it reads Ethernet alone.
  const samples = SAMPLES.filter(({ carrier }) => carrier.name !== "ERSPAN III of IP");
  const frames = samples.map(({ frame }) => ({ bytes: [...frame] }));
  writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, frames).flat()));
  const fields = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"].flatMap((name) => ["-e", name]);
  const options = ["-n", "-T", "fields", "-E", "occurrence=l", ...fields];
  const lines = execFileSync("tshark", ["-r", path, ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const theirs = lines
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [protocols = "", source4, destination4, source6, destination6] = line.split("\t");
      const isIpv4 = protocols.split(":").findLast((name) => name === "ip" || name === "ipv6") === "ip";
      return isIpv4 ? [source4, destination4] : [source6, destination6];
    });
  const ours = samples.map(({ inner }) =>
    inner.version === 4 ? ["10.1.2.3", "192.0.2.9"] : ["2001:db8::1", "fe80::ff02:3"],
  );
  for (const [index, { name }] of samples.entries()) assert.deepEqual(theirs[index], ours[index], name);
});
