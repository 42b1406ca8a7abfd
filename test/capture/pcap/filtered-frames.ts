/*
 * Frames of many kinds to put filters to, and the filters. Ports are 40000 → 9. The last two bytes of a frame's own
 * hardware address are its index.
 */
import {
  arpFrame,
  cut,
  type Frame,
  ipv4Frame,
  ipv6Frame,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  tagged,
} from "../../support/frames.ts";

const ETHERNET_BYTES = 14;
const SOURCE_INDEX = 10;

/** A header before the transport header: its protocol number, and its bytes behind the next one's. */
type Header = readonly [protocol: number, rest: readonly number[]];

/* RFC 8200, RFC 4302. */
const HOP_BY_HOP: Header = [0, [0, 1, 4, 0, 0, 0, 0]];
const DESTINATION: Header = [60, [1, 1, 12, ...Buffer.alloc(12)]];
const ROUTING: Header = [43, [0, 4, 0, 0, 0, 0, 0]];
const FRAGMENT: Header = [44, [0, 0, 0, 0, 0, 0, 1]];
const AUTHENTICATION: Header = [51, [4, 0, 0, 0, 0, 1, 0, 0, 0, 1, ...Buffer.alloc(13)]];

const CHAINS: readonly (readonly Header[])[] = [
  [HOP_BY_HOP],
  [HOP_BY_HOP, DESTINATION, ROUTING],
  [AUTHENTICATION],
  [DESTINATION, AUTHENTICATION, FRAGMENT],
  [HOP_BY_HOP, HOP_BY_HOP, HOP_BY_HOP, HOP_BY_HOP, DESTINATION, DESTINATION],
];

export const FRAMES: readonly Frame[] = [
  ...[PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP].flatMap((protocol) =>
    [60, 100, 1400].flatMap((lengthBytes) => plainFrames(protocol, lengthBytes)),
  ),
  arpFrame(),
  tagged(arpFrame(), 7),
  ...[PROTOCOL_TCP, PROTOCOL_UDP].flatMap(chainedFrames),
].map(indexed);

/** Expressions of pcap-filter(7) that make programs of all instructions there are. */
export const EXPRESSIONS = [
  "tcp port 9",
  "port 40000",
  "udp portrange 5-20",
  "host 10.0.0.1 or host 2001:db8::2",
  "net 192.0.2.128/25",
  "not ip",
  "vlan 7 and tcp",
  "not vlan",
  "vlan and vlan",
  "udp or (vlan and udp port 9)",
  "greater 200",
  "less 80 and not arp",
  "ip[2:2] > 99 and ip[8] == 64",
  "tcp[tcpflags] & tcp-ack != 0",
  "ether[0] & 1 = 0 and (ip[0] & 0xf) * 4 = 20",
  "ip[ip[0] & 0xf] != 5 or len % 7 = 3",
  "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x14151617",
  "ip6 proto 6 or icmp",
  "64 = -(-ip[8]) or ip[9] / 2 * 2 - 1 ^ 3 = 18",
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
] as const;

/** Of an Ethernet frame, with its tag or without. */
export function indexOf(bytes: Uint8Array | readonly number[]): number {
  return (bytes[SOURCE_INDEX]! << 8) | bytes[SOURCE_INDEX + 1]!;
}

function indexed(frame: Frame, index: number): Frame {
  const bytes = [...frame.bytes];
  bytes.splice(SOURCE_INDEX, 2, index >> 8, index & 0xff);
  return { ...frame, bytes };
}

function plainFrames(protocol: number, lengthBytes: number): Frame[] {
  return [
    ipv4Frame({ source: "10.0.0.1", destination: "192.0.2.200", protocol, lengthBytes }),
    tagged(ipv4Frame({ source: "10.0.0.2", destination: "192.0.2.1", protocol, lengthBytes }), 7),
    tagged(tagged(ipv4Frame({ source: "10.0.0.2", destination: "192.0.2.1", protocol, lengthBytes }), 7), 8),
    ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol, lengthBytes }),
    cut(ipv4Frame({ source: "10.0.0.3", destination: "192.0.2.1", protocol, lengthBytes }), 22),
  ];
}

function chainedFrames(protocol: number): Frame[] {
  const ipv6 = ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol, lengthBytes: 80 });
  const ipv4 = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol, lengthBytes: 60 });
  return [
    ...CHAINS.map((chain) => chained(ipv6, protocol, chain)),
    ...CHAINS.map((chain) => cut(chained(ipv6, protocol, chain), 50)),
    ...CHAINS.map((chain) => tagged(chained(ipv6, protocol, chain), 7)),
    chained(ipv4, protocol, [AUTHENTICATION]),
    chained(ipv4, protocol, [AUTHENTICATION, AUTHENTICATION]),
  ];
}

/** The frame with these headers before its transport header. */
function chained(frame: Frame, protocol: number, chain: readonly Header[]): Frame {
  const isIpv4 = frame.ip?.version === 4;
  const headerBytes = ETHERNET_BYTES + (isIpv4 ? 20 : 40);
  const header = frame.bytes.slice(0, headerBytes);
  const numbers = [...chain.map(([number]) => number), protocol];
  header[ETHERNET_BYTES + (isIpv4 ? 9 : 6)] = numbers[0]!;
  const extensions = chain.flatMap(([, rest], index) => [numbers[index + 1]!, ...rest]);
  const bytes = [...header, ...extensions, ...frame.bytes.slice(headerBytes)];
  return { bytes, lengthBytes: frame.lengthBytes + extensions.length };
}
