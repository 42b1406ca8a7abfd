import { Unopened } from "../../src/packet/packet.ts";
import { hex, IPV4, ipv6, IPV6, MACS } from "./frames.ts";

/*
 * Packets in tunnels, byte by byte. UDP has no checksum; its length and that of the outer packet are right.
 */

const DONT_FRAGMENT = "4000";
const OUTER_ADDRESSES = "c6 33 64 01 c6 33 64 02";
const OUTER_ADDRESSES6 = "20010db8 0000 0000 0000 0000 0000 0a0a 20010db8 0000 0000 0000 0000 0000 0b0b";

const VXLAN = "08000000 00000700";
const GENEVE = "0000 6558 00000700";
const GTP = "30 ff LLLL 00000007";

/** What stands between the outer IP headers, or that of UDP, and the inner frame or packet. LLLL: the length in GTP-U. */
export interface Carrier {
  name: string;
  protocol: number;
  /** Destination port, of UDP. */
  port?: number;
  header: string;
  /** Whether an Ethernet frame follows; else it is a packet of these versions. */
  carries: "ethernet" | readonly (4 | 6)[];
}

const BOTH = [4, 6] as const;
export const CARRIERS: readonly Carrier[] = [
  { name: "IPIP", protocol: 4, header: "", carries: [4] },
  { name: "SIT", protocol: 41, header: "", carries: [6] },
  { name: "GRE of IPv4", protocol: 47, header: "0000 0800", carries: [4] },
  { name: "GRE of IPv6", protocol: 47, header: "0000 86dd", carries: [6] },
  { name: "GRE with a key", protocol: 47, header: "2000 0800 00000007", carries: [4] },
  { name: "GRE with all fields", protocol: 47, header: "b000 86dd 00000000 00000007 00000001", carries: [6] },
  { name: "GRE of MPLS", protocol: 47, header: "0000 8847 00064040 00064140", carries: BOTH },
  { name: "GRE of Ethernet", protocol: 47, header: "0000 6558", carries: "ethernet" },
  { name: "NVGRE", protocol: 47, header: "2000 6558 00000700", carries: "ethernet" },
  { name: "ERSPAN I", protocol: 47, header: "0000 88be", carries: "ethernet" },
  { name: "ERSPAN II", protocol: 47, header: "1000 88be 00000001 1064 0007 00000000", carries: "ethernet" },
  { name: "ERSPAN III", protocol: 47, header: "1000 22eb 00000001 2064 0007 00000000 0000 8000", carries: "ethernet" },
  {
    name: "ERSPAN III with a subheader",
    protocol: 47,
    header: "1000 22eb 00000001 2064 0007 00000000 0000 8001 0000000000000000",
    carries: "ethernet",
  },
  { name: "ERSPAN III of IP", protocol: 47, header: "1000 22eb 00000001 2064 0007 00000000 0000 0800", carries: BOTH },
  { name: "VXLAN", protocol: 17, port: 4789, header: VXLAN, carries: "ethernet" },
  { name: "VXLAN with a group", protocol: 17, port: 4789, header: "88000011 00000700", carries: "ethernet" },
  { name: "Geneve", protocol: 17, port: 6081, header: GENEVE, carries: "ethernet" },
  { name: "Geneve of IPv4", protocol: 17, port: 6081, header: "0000 0800 00000700", carries: [4] },
  {
    name: "Geneve with all options",
    protocol: 17,
    port: 6081,
    header: `3f00 6558 00000700 0103001f ${"00".repeat(124)} 0103001e ${"00".repeat(120)}`,
    carries: "ethernet",
  },
  { name: "GTP-U", protocol: 17, port: 2152, header: GTP, carries: BOTH },
  { name: "GTP-U with a sequence", protocol: 17, port: 2152, header: "32 ff LLLL 00000007 0001 00 00", carries: BOTH },
  {
    name: "GTP-U with a PDU session container",
    protocol: 17,
    port: 2152,
    header: "34 ff LLLL 00000007 0000 00 85 01 1001 00",
    carries: BOTH,
  },
  ...[2, 3, 4].map((count) => ({
    name: `GTP-U with ${count} extension headers`,
    protocol: 17,
    port: 2152,
    header: `34 ff LLLL 00000007 0000 00 ${"85 01 1001".repeat(count)} 00`,
    carries: BOTH,
  })),
];

/** Inner frames or packets, and what comes before the IP header in them. */
export interface Inner {
  name: string;
  version: 4 | 6;
  link: string;
  packet: string;
}

const PAYLOAD = "5a".repeat(37);
const CHAIN = `${ipv6("00")} 3c 00 010400000000 11 00 010400000000`;
export const INNER_PACKETS: readonly Inner[] = [
  { name: "IPv4", version: 4, link: "", packet: `${IPV4} ${PAYLOAD}` },
  { name: "IPv6", version: 6, link: "", packet: `${IPV6} ${PAYLOAD}` },
  { name: "IPv6 with extension headers", version: 6, link: "", packet: `${CHAIN} ${PAYLOAD}` },
];
export const INNER_FRAMES: readonly Inner[] = INNER_PACKETS.flatMap(({ name, version, packet }) => {
  const type = version === 4 ? "0800" : "86dd";
  return [
    { name, version, link: `${MACS} ${type}`, packet },
    { name: `${name} with two tags`, version, link: `${MACS} 88a8 0064 8100 0007 ${type}`, packet },
  ];
});

/** What a carrier can have inside. */
export function innersOf({ carries }: Carrier): readonly Inner[] {
  if (carries === "ethernet") return INNER_FRAMES;
  return INNER_PACKETS.filter(({ version }) => carries.includes(version));
}

/** The outer IP headers, of several kinds. */
export const OUTERS = ["IPv4", "IPv4 with options", "IPv6", "IPv6 with options", "IPv6, atomic fragment"] as const;
export type Outer = (typeof OUTERS)[number];

/** An Ethernet frame of all that, as hexadecimal. */
export function tunnelFrame(outer: Outer, { protocol, port, header }: Carrier, inner: string): Uint8Array {
  const whole = `${header} ${inner}`;
  const content = whole.replace("LLLL", () => u16(lengthOf(whole.replace("LLLL", "0000")) - 8));
  const udp = port === undefined ? "" : `c000 ${u16(port)} ${u16(8 + lengthOf(content))} 0000`;
  const payload = `${udp} ${content}`;
  return hex(`${MACS} ${outer.startsWith("IPv4") ? "0800" : "86dd"} ${outerPacket(outer, protocol, payload)}`);
}

function outerPacket(outer: Outer, protocol: number, payload: string): string {
  switch (outer) {
    case "IPv4":
      return outerIpv4(5, protocol, payload);
    case "IPv4 with options":
      return outerIpv4(15, protocol, payload, DONT_FRAGMENT);
    case "IPv6":
      return outerIpv6(protocol, payload);
    case "IPv6 with options":
      return outerIpv6(60, `${u8(protocol)} 02 ${"01040000000000000000".repeat(2)} 0100 ${payload}`);
    default:
      return outerIpv6(44, `${u8(protocol)} 00 0000 00000007 ${payload}`);
  }
}

export function outerIpv4(words: number, protocol: number, payload: string, fragment = "0000"): string {
  const length = u16(4 * words + lengthOf(payload));
  const fields = `4${words.toString(16)} 00 ${length} 0001 ${fragment} 40 ${u8(protocol)} 0000`;
  return `${fields} ${OUTER_ADDRESSES} ${"01".repeat(4 * (words - 5))} ${payload}`;
}

export function outerIpv6(next: number, payload: string): string {
  return `60000000 ${u16(lengthOf(payload))} ${u8(next)} 40 ${OUTER_ADDRESSES6} ${payload}`;
}

export function lengthOf(text: string): number {
  return hex(text).length;
}

function u16(value: number): string {
  return value.toString(16).padStart(4, "0");
}

function u8(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** A packet in a tunnel, of every kind. */
export interface Sample {
  name: string;
  outer: Outer;
  carrier: Carrier;
  inner: Inner;
  frame: Uint8Array;
}

export const SAMPLES: readonly Sample[] = OUTERS.flatMap((outer) =>
  CARRIERS.flatMap((carrier) =>
    innersOf(carrier).map((inner) => ({
      name: `${inner.name} in ${carrier.name} in ${outer}`,
      outer,
      carrier,
      inner,
      frame: tunnelFrame(outer, carrier, `${inner.link} ${inner.packet}`),
    })),
  ),
);

const UDP_VXLAN = "c000 12b5 0000 0000";
const UDP_GENEVE = "c000 17c1 0000 0000";
export const UDP_GTP = "c000 0868 0000 0000";
const ARP = `${MACS} 0806 0001 0800 0604 0001`;

/** What can't be opened, by name; or what passes for a packet without a tunnel. */
export const UNOPENABLE = (
  [
    ["a first fragment of IPIP", Unopened.FRAGMENT, 4, IPV4, "2000"],
    ["a later fragment of IPIP", Unopened.FRAGMENT, 4, IPV4, "0010"],
    ["a first fragment of VXLAN", Unopened.FRAGMENT, 17, `${UDP_VXLAN} 08000000 00000700 ${MACS} 0800 ${IPV4}`, "2000"],
    ["a later fragment of VXLAN", Unopened.NONE, 17, `${UDP_VXLAN} 08000000 00000700 ${MACS} 0800 ${IPV4}`, "0010"],
    ["VXLAN without a network", Unopened.UNSUPPORTED, 17, `${UDP_VXLAN} 00000000 00000700 ${MACS} 0800 ${IPV4}`],
    ["VXLAN-GPE", Unopened.UNSUPPORTED, 17, `${UDP_VXLAN} 0c000001 00000700 ${IPV4}`],
    ["ARP in VXLAN", Unopened.NOT_IP, 17, `${UDP_VXLAN} 08000000 00000700 ${ARP}`],
    ["spanning tree in VXLAN", Unopened.NOT_IP, 17, `${UDP_VXLAN} 08000000 00000700 ${MACS} 0026 424203`],
    ["Geneve of version 1", Unopened.UNSUPPORTED, 17, `${UDP_GENEVE} 4000 0800 00000700 ${IPV4}`],
    ["a Geneve header cut short", Unopened.TRUNCATED, 17, `${UDP_GENEVE} 0000 0800 000007`],
    ["Geneve of OAM", Unopened.NOT_IP, 17, `${UDP_GENEVE} 0080 0000 00000700 ${IPV4}`],
    ["GRE with routing", Unopened.UNSUPPORTED, 47, `4000 0800 00000000 ${IPV4}`],
    ["GRE of version 1", Unopened.UNSUPPORTED, 47, `3001 880b 0000 0000 00000000 ${IPV4}`],
    ["a keepalive of GRE", Unopened.NOT_IP, 47, `0000 0000`],
    ["GRE of what is no IP", Unopened.NOT_IP, 47, `0000 00fe 8304`],
    ["ERSPAN II of version 2", Unopened.UNSUPPORTED, 47, `1000 88be 00000001 2064 0007 00000000 ${MACS} 0800 ${IPV4}`],
    [
      "ERSPAN III of another frame type",
      Unopened.UNSUPPORTED,
      47,
      `1000 22eb 00000001 2064 0007 00000000 0000 0400 ${IPV4}`,
    ],
    ["IPv6 in IPIP", Unopened.MALFORMED, 4, IPV6],
    ["IPv4 in SIT", Unopened.MALFORMED, 41, `${IPV4} ${"00".repeat(20)}`],
    ["IPIP of nothing", Unopened.TRUNCATED, 4, ""],
    ["an echo of GTP-U", Unopened.NOT_IP, 17, `${UDP_GTP} 32 01 0004 00000000 0001 0000`],
    ["GTP-U of version 2", Unopened.UNSUPPORTED, 17, `${UDP_GTP} 48 ff 0000 00000000 ${IPV4}`],
    ["GTP-U of Ethernet", Unopened.NOT_IP, 17, `${UDP_GTP} 30 ff 0000 00000000 ${MACS} 0800 ${IPV4}`],
    ...[0, 3].map(
      (before) =>
        [
          `an extension header of nothing, behind ${before}`,
          Unopened.MALFORMED,
          17,
          `${UDP_GTP} 34 ff 0000 00000000 0000 00 ${"85 01 0000".repeat(before)} 85 00 ${IPV4}`,
        ] as const,
    ),
    [
      "five extension headers",
      Unopened.UNSUPPORTED,
      17,
      `${UDP_GTP} 34 ff 0000 00000000 0000 00 85 ${"01 0000 85".repeat(4)} 01 0000 00 ${IPV4}`,
    ],
    ...[0, 1, 2, 3].map(
      (before) =>
        [
          `an extension header that is longer than all others together, behind ${before}`,
          Unopened.UNSUPPORTED,
          17,
          `${UDP_GTP} 34 ff 0000 00000000 0000 00 ${"85 01 0000".repeat(before)} 85 ff ${"00".repeat(1019)} ${IPV4}`,
        ] as const,
    ),
    ["UDP on another port", Unopened.NONE, 17, `c000 12b6 0000 0000 08000000 00000700 ${MACS} 0800 ${IPV4}`],
    [
      "what comes from the port of VXLAN",
      Unopened.NONE,
      17,
      `12b5 c000 0000 0000 08000000 00000700 ${MACS} 0800 ${IPV4}`,
    ],
    ["UDP without a port", Unopened.NONE, 17, "c000 12"],
    ["TCP to the port of VXLAN", Unopened.NONE, 6, `${UDP_VXLAN} 08000000 00000700 ${MACS} 0800 ${IPV4}`],
  ] as const
).map(([name, reason, protocol, payload, fragment]) => ({
  name,
  reason,
  packet: outerIpv4(5, protocol, payload, fragment),
}));
