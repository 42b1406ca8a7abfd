import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FileFilter } from "../../../src/capture/pcap/file-filter.ts";
import { ErrorCode, PromtapError } from "../../../src/errors.ts";
import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_NULL, LINKTYPE_RAW } from "../../../src/packet/link.ts";
import {
  arpFrame,
  cut,
  ipv4Frame,
  type Frame,
  ipv6Frame,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  tagged,
} from "../../support/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { type PcapFields, pcapHeader, pcapRecord, u32 } from "../savefile/captures.ts";

const FLAG = "wialon-filter";
const options = { skip: lacking("libpcap", "tcpdump") };

/** Frames of many kinds; ports are 40000 → 9. */
const FRAMES = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP].flatMap((protocol) =>
  [60, 100, 1400].flatMap((lengthBytes) => [
    ipv4Frame({ source: "10.0.0.1", destination: "192.0.2.200", protocol, lengthBytes }),
    tagged(ipv4Frame({ source: "10.0.0.2", destination: "192.0.2.1", protocol, lengthBytes }), 7),
    ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol, lengthBytes }),
    cut(ipv4Frame({ source: "10.0.0.3", destination: "192.0.2.1", protocol, lengthBytes }), 22),
  ]),
);
FRAMES.push(arpFrame());

/** Headers before the transport header, as [protocol number, bytes behind the next one's]: RFC 8200, RFC 4302. */
const HOP_BY_HOP = [0, [0, 1, 4, 0, 0, 0, 0]] as const;
const DESTINATION = [60, [1, 1, 12, ...Buffer.alloc(12)]] as const;
const ROUTING = [43, [0, 4, 0, 0, 0, 0, 0]] as const;
const FRAGMENT = [44, [0, 0, 0, 0, 0, 0, 1]] as const;
const AUTHENTICATION = [51, [4, 0, 0, 0, 0, 1, 0, 0, 0, 1, ...Buffer.alloc(13)]] as const;
const CHAINS = [
  [HOP_BY_HOP],
  [HOP_BY_HOP, DESTINATION, ROUTING],
  [AUTHENTICATION],
  [DESTINATION, AUTHENTICATION, FRAGMENT],
  [HOP_BY_HOP, HOP_BY_HOP, HOP_BY_HOP, HOP_BY_HOP, DESTINATION, DESTINATION],
];
for (const chain of CHAINS) {
  for (const protocol of [PROTOCOL_TCP, PROTOCOL_UDP]) {
    const plain = ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol, lengthBytes: 80 });
    FRAMES.push(chained(plain, protocol, chain), cut(chained(plain, protocol, chain), 50));
  }
}
for (const protocol of [PROTOCOL_TCP, PROTOCOL_UDP]) {
  const plain = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol, lengthBytes: 60 });
  FRAMES.push(chained(plain, protocol, [AUTHENTICATION]), chained(plain, protocol, [AUTHENTICATION, AUTHENTICATION]));
}

const EXPRESSIONS = [
  "tcp port 9",
  "port 40000",
  "udp portrange 5-20",
  "host 10.0.0.1 or host 2001:db8::2",
  "net 192.0.2.128/25",
  "not ip",
  "vlan 7 and tcp",
  "greater 200",
  "less 80 and not arp",
  "ip[2:2] > 99 and ip[8] == 64",
  "tcp[tcpflags] & tcp-ack != 0",
  "ether[0] & 1 = 0 and (ip[0] & 0xf) * 4 = 20",
  "ip[ip[0] & 0xf] != 5 or len % 7 = 3",
  "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x14151617",
  "ip6 proto 6 or icmp",
  "64 = -(-ip[8]) or ip[9] / 2 * 2 - 1 ^ 3 = 18",
  "ip[ip[8] - 65] >= 0 or arp",
  "ip broadcast",
  "ip6 protochain 17",
  "ip6 protochain 6",
  "ip6 protochain 51",
  "ip6 protochain 44",
  "ip6 protochain 59",
  "ip protochain 6",
  "ip protochain 51",
  "protochain 17",
  "not protochain 17 and port 9",
  "vlan and ip6 protochain 6",
];

/** The frame with these headers before its transport header. */
function chained(frame: Frame, protocol: number, chain: readonly (readonly [number, readonly number[]])[]): Frame {
  const isIpv4 = frame.ip?.version === 4;
  const headerBytes = 14 + (isIpv4 ? 20 : 40);
  const header = frame.bytes.slice(0, headerBytes);
  const numbers = [...chain.map(([number]) => number), protocol];
  header[14 + (isIpv4 ? 9 : 6)] = numbers[0]!;
  const extensions = chain.flatMap(([, rest], index) => [numbers[index + 1]!, ...rest]);
  const bytes = [...header, ...extensions, ...frame.bytes.slice(headerBytes)];
  return { bytes, lengthBytes: frame.lengthBytes + extensions.length };
}

/** Indices of the frames that tcpdump keeps of a file with this expression. Each frame has its index for a time. */
function keptByTcpdump(expression: string, frames: readonly number[][], fields: Partial<PcapFields> = {}): number[] {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "frames.pcap");
  const order = fields.order ?? "little";
  const parts = frames.map((bytes, index) => [...u32(order, index), ...pcapRecord(order, { bytes }).slice(4)]);
  writeFileSync(path, Uint8Array.from([...pcapHeader({ order, ...fields }), ...parts.flat()]));
  const args = ["-r", path, "-tt", "-n", "-q", "-c", `${frames.length}`, expression];
  const text = execFileSync("tcpdump", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return [...text.matchAll(/^(\d+)\.\d{6} /gm)].map(([, index]) => Number(index));
}

function passed(filter: FileFilter, linkType: number, frames: readonly number[][]): number[] {
  return frames.flatMap((bytes, index) => {
    const framed = Uint8Array.from([9, 9, 9, ...bytes, 9]);
    return filter.passes(linkType, framed, 3, 3 + bytes.length, bytes.length) ? [index] : [];
  });
}

describe("a filter for frames of a file", options, () => {
  for (const expression of EXPRESSIONS) {
    test(`passes what tcpdump passes: ${expression}`, () => {
      const filter = new FileFilter({ flag: FLAG, expression });
      const frames = FRAMES.map(({ bytes }) => bytes);
      assert.deepEqual(passed(filter, LINKTYPE_ETHERNET, frames), keptByTcpdump(expression, frames));
    });
  }

  for (const [linkType, order, header] of [
    [LINKTYPE_RAW, "little", () => []],
    [LINKTYPE_LINUX_SLL, "little", (type: number) => [...Buffer.alloc(14), type >> 8, type & 0xff]],
    [LINKTYPE_NULL, "little", (type: number) => [type === 0x800 ? 2 : 30, 0, 0, 0]],
    [LINKTYPE_NULL, "big", (type: number) => [0, 0, 0, type === 0x800 ? 2 : 30]],
  ] as const) {
    test(`passes what tcpdump passes of link type ${linkType}, of ${order}-endian files`, () => {
      const isIp = ({ bytes }: Frame): boolean => bytes[12] === 0x08 || bytes[12] === 0x86;
      const frames = FRAMES.filter(isIp).map(({ bytes }) => [
        ...header((bytes[12]! << 8) | bytes[13]!),
        ...bytes.slice(14),
      ]);
      for (const expression of ["tcp port 9", "ip6 protochain 6", "protochain 17", "not ip", "greater 200"]) {
        const filter = new FileFilter({ flag: FLAG, expression });
        const kept = keptByTcpdump(expression, frames, { linkType, order });
        assert.deepEqual(passed(filter, linkType, frames), kept, expression);
      }
    });
  }

  test("comes to an end where a frame's headers lead in a circle", () => {
    const plain = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: 51, lengthBytes: 60 });
    // libpcap takes the length of an AH for its place: (3 + 2) * 4 bytes behind the first header, this one is its own next.
    const headers = Array.from({ length: 20 }, () => [51, 3]);
    const bytes = Uint8Array.from([...plain.bytes.slice(0, 34), ...headers.flat()]);
    const filter = new FileFilter({ flag: FLAG, expression: "ip protochain 6" });
    assert.equal(filter.passes(LINKTYPE_ETHERNET, bytes, 0, bytes.length, bytes.length), false);
  });

  for (const expression of ["inbound", "outbound and tcp", "ifindex 3"]) {
    test(`that asks for what no file tells is refused, as tcpdump does: ${expression}`, () => {
      assert.throws(() => new FileFilter({ flag: FLAG, expression }), {
        code: ErrorCode.USAGE,
        message: /not supported on Ethernet when reading savefiles/,
      });
    });
  }

  test("is made anew for each link type", () => {
    const filter = new FileFilter({ flag: FLAG, expression: "tcp port 9" });
    const { bytes } = ipv4Frame({
      source: "10.0.0.1",
      destination: "10.0.0.2",
      protocol: PROTOCOL_TCP,
      lengthBytes: 60,
    });
    const packet = Uint8Array.from(bytes.slice(14));
    assert.equal(filter.passes(LINKTYPE_RAW, packet, 0, 60, 60), true);
    const cooked = Uint8Array.from([...new Uint8Array(14), 8, 0, ...packet]);
    assert.equal(filter.passes(LINKTYPE_LINUX_SLL, cooked, 0, cooked.length, cooked.length), true);
    assert.equal(filter.passes(LINKTYPE_LINUX_SLL, packet, 0, 60, 60), false);
  });

  test("passes nothing of a link type for which it means nothing", () => {
    const filter = new FileFilter({ flag: FLAG, expression: "ether host 02:00:00:00:00:01" });
    assert.equal(filter.passes(LINKTYPE_RAW, new Uint8Array(60), 0, 60, 60), false);
  });

  test("that is not legal is a usage error that says why", () => {
    assert.throws(
      () => new FileFilter({ flag: FLAG, expression: "tcp prt 1" }),
      (error) =>
        error instanceof PromtapError &&
        error.code === ErrorCode.USAGE &&
        /^invalid --wialon-filter "tcp prt 1": .*syntax error.*; legal is an expression of pcap-filter\(7\)$/.test(
          error.message,
        ),
    );
  });
});
