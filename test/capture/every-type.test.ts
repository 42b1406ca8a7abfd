import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Hook } from "../../src/capture/bpf/program/program.ts";
import { snapFilter } from "../../src/capture/ring/snap-filter.ts";
import { parseRange } from "../../src/config/range-syntax.ts";
import { LINKTYPE_ETHERNET } from "../../src/packet/link/link-types.ts";
import { Packet, Verdict } from "../../src/packet/packet.ts";
import { parseFrame, parsePayload } from "../../src/packet/parse.ts";
import { facts, hex, MACS } from "../packet/frames.ts";
import { lacking } from "../support/requirements.ts";
import { canRun } from "./bpf/test-run.ts";
import { Twins } from "./bpf/twins.ts";
import { runClassicBpf } from "./ring/classic-bpf.ts";

const NUMBERS = 0x1_0000;
/** Behind the packet, so that the ring does not keep the frame whole for being short. */
const PADDING_BYTES = 100;
const KERNEL_LIMIT = 10_000;
const RANGES = ["10.0.0.0/8/24", "2001:db8::/32/48"];
/** Below it, a number is the length of an 802.3 frame. */
const MIN_ETHER_TYPE = 0x0600;
const MAX_LENGTH = 1500;

/** What may follow; each holds an IP packet, whose source address has the number that led to it: NNNN. */
const BODIES = {
  ipv4: "45 00 0014 0000 4000 40 11 0000 0a NNNN 09 c0000201",
  ipv6: `60 000000 0000 11 40 2001 0db8 NNNN ${"0000".repeat(5)} 2001 0db9 ${"0000".repeat(6)}`,
  vlan: "0007 0800 IPV4",
  mpls: "000641ff IPV4",
  pppoe: "11 00 0001 0016 0021 IPV4",
  llc: "aaaa03 000000 0800 IPV4",
};
type Body = keyof typeof BODIES;

const ETHER_TYPES: readonly [number, Body][] = [
  [0x0800, "ipv4"],
  [0x86dd, "ipv6"],
  [0x8100, "vlan"],
  [0x88a8, "vlan"],
  [0x9100, "vlan"],
  [0x9200, "vlan"],
  [0x8847, "mpls"],
  [0x8848, "mpls"],
  [0x8864, "pppoe"],
  [0x8870, "llc"],
  ...Array.from({ length: MAX_LENGTH + 1 }, (_, length): [number, Body] => [length, "llc"]),
];

/** Where a number of 16 bits says what follows, and which ones lead to IP by what. */
interface Place {
  name: string;
  before: string;
  known: ReadonlyMap<number, Body>;
  /** Whether a number stands here in its two bytes. */
  holds: (number: number) => boolean;
}

const isAny = (): boolean => true;
const PLACES: readonly Place[] = [
  { name: "EtherType", before: "", known: new Map(ETHER_TYPES), holds: isAny },
  { name: "EtherType in a tag", before: "8100 0007", known: new Map(ETHER_TYPES), holds: isAny },
  {
    name: "PPP protocol",
    before: "8864 11 00 0001 0100",
    known: new Map<number, Body>([
      [0x0021, "ipv4"],
      [0x0057, "ipv6"],
      [0x0281, "mpls"],
      [0x0283, "mpls"],
    ]),
    // An odd first byte is the last one of the number (RFC 1661 section 2).
    holds: (number) => ((number >> 8) & 1) === 0,
  },
  {
    name: "EtherType of SNAP",
    before: "0100 aaaa03 000000",
    known: new Map<number, Body>([
      [0x0800, "ipv4"],
      [0x86dd, "ipv6"],
    ]),
    holds: isAny,
  },
];

/** The bodies as bytes, by number: made once, and the number written over. */
class Frames {
  readonly #made = new Map<Body, { bytes: Uint8Array; numberAt: number; at: number }>();

  constructor(before: string) {
    const start = hex(before).length;
    for (const [body, text] of Object.entries(BODIES)) {
      const whole = text.replace("IPV4", BODIES.ipv4);
      const at = start + 2 + hex(whole.slice(0, whole.indexOf("NNNN"))).length;
      const bytes = hex(`${before} 0000 ${whole.replace("NNNN", "0000")} ${"00".repeat(PADDING_BYTES)}`);
      this.#made.set(body as Body, { bytes, numberAt: start, at });
    }
  }

  /** Good until the next one. */
  frame(number: number, body: Body): Uint8Array {
    const { bytes, numberAt, at } = this.#made.get(body)!;
    for (const offset of [numberAt, at]) {
      bytes[offset] = number >> 8;
      bytes[offset + 1] = number & 0xff;
    }
    return bytes;
  }
}

const ETHERNET = snapFilter({ isEthernet: true, ignoreOutgoing: false, hasTransport: false });
const COOKED = snapFilter({ isEthernet: false, ignoreOutgoing: false, hasTransport: false });

for (const { name, before, known, holds } of PLACES) {
  describe(`every ${name}`, () => {
    const frames = new Frames(`${MACS} ${before}`);

    test("leads the parser to IP if it should, with what the ring keeps of the frame too", () => {
      for (let number = 0; number < NUMBERS; number++) {
        if (!holds(number)) continue;
        for (const body of Object.keys(BODIES) as Body[]) {
          const frame = frames.frame(number, body);
          const packet = new Packet();
          parseFrame(packet, LINKTYPE_ETHERNET, frame, 0, frame.length, frame.length);
          const what = `0x${number.toString(16)} before ${body}`;
          if (known.get(number) !== body) {
            assert.notEqual(numberOf(packet), number, what);
            continue;
          }
          assert.equal(numberOf(packet), number, what);
          const bytes = Math.min(runClassicBpf(ETHERNET, frame, { protocol: 0, packetType: 0 }), frame.length);
          const snapped = new Packet();
          parseFrame(snapped, LINKTYPE_ETHERNET, frame.slice(0, bytes), 0, bytes, frame.length);
          assert.deepEqual(facts(snapped), facts(packet), what);
        }
      }
    });

    for (const hook of Object.values(Hook)) {
      test(`leads the kernel program there, at the hook ${hook}`, { skip: lacking("root") }, () => {
        using twins = new Twins(RANGES.map(parseRange), { hook, maxAddresses: KERNEL_LIMIT });
        for (let number = 0; number < NUMBERS; number++) {
          if (!holds(number)) continue;
          const frame = frames.frame(number, known.get(number) ?? "ipv4");
          if (canRun(hook, frame)) twins.see(frame);
        }
        assert.deepEqual(countedNumbers(twins), [...known.keys()].toSorted(ascending));
        assert.deepEqual(twins.counted(), twins.parsed());
      });
    }
  });
}

describe("every EtherType that the kernel knows of a frame without a link header", () => {
  const frames = new Frames("");
  const known = new Map(ETHER_TYPES.filter(([number]) => number >= MIN_ETHER_TYPE));

  test("leads the parser to IP with what the ring keeps of the frame", () => {
    for (const [number, body] of known) {
      const bytes = frames.frame(number, body).slice(2);
      const [whole, snapped] = [new Packet(), new Packet()];
      parsePayload(whole, number, bytes, 0, bytes.length, bytes.length);
      assert.equal(numberOf(whole), number);
      const kept = Math.min(runClassicBpf(COOKED, bytes, { protocol: number, packetType: 0 }), bytes.length);
      parsePayload(snapped, number, bytes.slice(0, kept), 0, kept, bytes.length);
      assert.deepEqual(facts(snapped), facts(whole), `0x${number.toString(16)}`);
    }
  });

  test("leads the kernel program there", { skip: lacking("root") }, () => {
    using twins = new Twins(RANGES.map(parseRange), { isEthernet: false, maxAddresses: KERNEL_LIMIT });
    for (let etherType = MIN_ETHER_TYPE; etherType < NUMBERS; etherType++) {
      const bytes = frames.frame(etherType, known.get(etherType) ?? "ipv4").slice(2);
      if (canRun("bare", bytes, etherType)) twins.see(bytes, { etherType });
    }
    assert.deepEqual(countedNumbers(twins), [...known.keys()].toSorted(ascending));
    assert.deepEqual(twins.counted(), twins.parsed());
  });
});

/** The number in the source address of an IP packet of ours; undefined for all else. */
function numberOf({ verdict, version, source, source1 }: Packet): number | undefined {
  if (verdict !== Verdict.IP) return undefined;
  return version === 4 ? (source >>> 8) & 0xffff : source1 >>> 16;
}

/** The numbers in the addresses that the kernel program has counted for. */
function countedNumbers(twins: Twins): number[] {
  const found = new Set<number>();
  for (const row of twins.counted().cells.keys()) {
    const [, version, words] = /^IPv([46]) (\S+) of range/.exec(row) ?? assert.fail(row);
    const parts = words!.split(":").map((word) => Number.parseInt(word, 16));
    found.add(version === "4" ? (parts[0]! >>> 8) & 0xffff : parts[1]! >>> 16);
  }
  return [...found].toSorted(ascending);
}

function ascending(a: number, b: number): number {
  return a - b;
}
