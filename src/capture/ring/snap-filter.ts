import {
  DESTINATION_PORT,
  ETHERNET_HEADER_BYTES,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_JUMBO_LLC,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_9100,
  ETHERTYPE_QINQ_9200,
  ETHERTYPE_VLAN,
  IPPROTO_UDP,
  IPV4_HEADER_BYTES,
  IPV4_PROTOCOL,
  IPV6_HEADER_BYTES,
  IPV6_NEXT_HEADER,
  LLC_IPV4,
  LLC_SAPS,
  LLC_SNAP,
  MAX_ETHERNET_LENGTH,
  MAX_IPV4_HEADER_BYTES,
  PPPOE_HEADER_BYTES,
  PPP_ADDRESS_AND_CONTROL_BYTES,
  VLAN_TAG_BYTES,
} from "../../packet/headers.ts";
import { MAX_TAGS } from "../../packet/link/encapsulation.ts";
import { EXTENSION_HEADERS, MAX_EXTENSION_BYTES, TCP_READ_BYTES } from "../../packet/transport.ts";
import { MAX_TUNNEL_BYTES, TUNNEL_PORTS, TUNNEL_PROTOCOLS, UDP_PORT_BYTES } from "../../packet/tunnel.ts";

/* Classic BPF (linux/bpf_common.h, linux/filter.h): u16 code, u8 jump if true, u8 jump if false, u32 operand. */
export const BPF_LD_W_ABS = 0x20;
const BPF_LD_H_ABS = 0x28;
export const BPF_LD_B_ABS = 0x30;
const BPF_LD_H_IND = 0x48;
/** X = four times the lower half of a byte: the length of an IPv4 header. */
const BPF_LDX_B_MSH = 0xb1;
const BPF_LD_W_LEN = 0x80;
export const BPF_JMP_JEQ = 0x15;
const BPF_JMP_JGE = 0x35;
const BPF_ALU_AND_K = 0x54;
export const BPF_RET_K = 0x06;
/** Loads from here on are not of the packet but of what the kernel knows about it. */
export const SKF_AD_OFF = 0xffff_f000;
/** Loads from here on count from the network header, wherever the frame has it. */
export const SKF_NET_OFF = 0xfff0_0000;
export const SKF_AD_PROTOCOL = SKF_AD_OFF;
export const SKF_AD_PKTTYPE = SKF_AD_OFF + 4;
const PACKET_OUTGOING = 4;
/** Instructions that tell LLC that may carry IP from other. */
const LLC_INSTRUCTIONS = 5;
export const INSTRUCTION_BYTES = 8;

/** PPPoE header, PPP's address and control bytes, and its protocol number. */
const PPPOE_BYTES = PPPOE_HEADER_BYTES + PPP_ADDRESS_AND_CONTROL_BYTES + 2;
/** Tags stand before PPPoE and labels behind it, each as many as are looked through; the last label is one more. */
const ALL_TAGS_BYTES = (2 * MAX_TAGS + 1) * VLAN_TAG_BYTES + PPPOE_BYTES;
/** Headers of a tunnel, and those of the packet in it. */
export const INNER_BYTES =
  MAX_TUNNEL_BYTES + ETHERNET_HEADER_BYTES + ALL_TAGS_BYTES + IPV6_HEADER_BYTES + MAX_EXTENSION_BYTES;
/** Bytes of a frame that is copied whole, as libpcap has them. */
export const EVERYTHING = 0x4_0000;
/** Room for a link header of unknown kind; most interfaces that are not Ethernet have none. */
const UNKNOWN_LINK_BYTES = 64;

const TAGS = [
  ETHERTYPE_VLAN,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_9100,
  ETHERTYPE_QINQ_9200,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_JUMBO_LLC,
];

/** Drops a frame that is sent, and goes on with all others. */
export const IGNORE_OUTGOING: readonly Instruction[] = [
  [BPF_LD_W_ABS, 0, 0, SKF_AD_PKTTYPE],
  [BPF_JMP_JEQ, 0, 1, PACKET_OUTGOING],
  [BPF_RET_K, 0, 0, 0],
];

export type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/** What the frames that a socket hands over begin with, and what of them is parsed. */
export interface SnapOptions {
  /**
   * Frames begin with an Ethernet header; else with the network header, and the kernel knows the EtherType. With
   * `hasTransport` they begin with whatever link header the interface has.
   */
  isEthernet: boolean;
  /** On loopback every packet passes twice, out and in: it is counted when it comes in, as libpcap does. */
  ignoreOutgoing: boolean;
  /** Whether the transport header is parsed too, see parseSegments. */
  hasTransport: boolean;
  /** Whether the packets inside of tunnels are parsed too; not with `hasTransport`. */
  opensTunnels?: boolean;
}

/**
 * The classic BPF program that tells the kernel how many bytes of a frame to copy: what the parser reads and no more.
 * Without a program the kernel copies whole frames, which is what fills the ring of other programs.
 */
export function snapFilter({
  isEthernet,
  ignoreOutgoing,
  hasTransport,
  opensTunnels = false,
}: SnapOptions): Uint8Array {
  const link = isEthernet ? ETHERNET_HEADER_BYTES : hasTransport ? UNKNOWN_LINK_BYTES : 0;
  const network = isEthernet || !hasTransport ? link : SKF_NET_OFF;
  const ipv4 = link + (hasTransport ? MAX_IPV4_HEADER_BYTES + TCP_READ_BYTES : IPV4_HEADER_BYTES);
  const transport = hasTransport ? TCP_READ_BYTES : 0;
  const ipv6 = link + IPV6_HEADER_BYTES + transport;
  const extended = ipv6 + MAX_EXTENSION_BYTES + (opensTunnels ? INNER_BYTES : 0);
  const tagged = extended + ALL_TAGS_BYTES;
  const ofTunnels = opensTunnels ? tunnelTests(link) : { ipv4: [], ipv6: [] };
  const program: Instruction[] = [
    ...(ignoreOutgoing ? IGNORE_OUTGOING : []),
    // A load beyond the end would drop the frame, so short ones are kept whole.
    [BPF_LD_W_LEN, 0, 0, 0],
    [BPF_JMP_JGE, 1, 0, link + (opensTunnels ? MAX_IPV4_HEADER_BYTES + UDP_PORT_BYTES : IPV6_HEADER_BYTES)],
    [BPF_RET_K, 0, 0, EVERYTHING],
    isEthernet ? [BPF_LD_H_ABS, 0, 0, ETHERNET_TYPE] : [BPF_LD_W_ABS, 0, 0, SKF_AD_PROTOCOL],
    [BPF_JMP_JEQ, 0, ofTunnels.ipv4.length + 1, ETHERTYPE_IPV4],
    ...ofTunnels.ipv4,
    [BPF_RET_K, 0, 0, ipv4],
    ...returnIfAny(TAGS, tagged),
    [BPF_JMP_JEQ, LLC_INSTRUCTIONS + 2, 0, ETHERTYPE_IPV6],
    [BPF_JMP_JGE, LLC_INSTRUCTIONS, 0, MAX_ETHERNET_LENGTH + 1],
    [BPF_LD_H_ABS, 0, 0, network],
    [BPF_ALU_AND_K, 0, 0, LLC_SAPS],
    ...returnIfAny([LLC_SNAP, LLC_IPV4], tagged),
    // Neither: only its size counts, and LLC is not told by less than two bytes. A filter that returns 0 drops.
    [BPF_RET_K, 0, 0, link + 2],
    [BPF_LD_B_ABS, 0, 0, network + IPV6_NEXT_HEADER],
    ...returnIfAny(EXTENSION_HEADERS, extended),
    ...ofTunnels.ipv6,
    [BPF_RET_K, 0, 0, ipv6],
  ];
  return pack(program);
}

/** What keeps more of an IP packet if it has a tunnel inside; goes on behind if it has none. */
function tunnelTests(link: number): Record<"ipv4" | "ipv6", Instruction[]> {
  const ipv4 = link + MAX_IPV4_HEADER_BYTES + INNER_BYTES;
  const ipv6 = link + IPV6_HEADER_BYTES + INNER_BYTES;
  const portsOfIpv4: Instruction[] = [
    [BPF_LDX_B_MSH, 0, 0, link],
    [BPF_LD_H_IND, 0, 0, link + DESTINATION_PORT],
    ...returnIfAny(TUNNEL_PORTS, ipv4),
  ];
  const portsOfIpv6: Instruction[] = [
    [BPF_LD_H_ABS, 0, 0, link + IPV6_HEADER_BYTES + DESTINATION_PORT],
    ...returnIfAny(TUNNEL_PORTS, ipv6),
  ];
  return {
    ipv4: [
      [BPF_LD_B_ABS, 0, 0, link + IPV4_PROTOCOL],
      ...returnIfAny(TUNNEL_PROTOCOLS, ipv4),
      [BPF_JMP_JEQ, 0, portsOfIpv4.length, IPPROTO_UDP],
      ...portsOfIpv4,
    ],
    ipv6: [...returnIfAny(TUNNEL_PROTOCOLS, ipv6), [BPF_JMP_JEQ, 0, portsOfIpv6.length, IPPROTO_UDP], ...portsOfIpv6],
  };
}

/** Returns `bytes` if the accumulator is one of `values`, else goes on behind. */
function returnIfAny(values: readonly number[], bytes: number): Instruction[] {
  const tests = values.map((value, index): Instruction => {
    const isLast = index === values.length - 1;
    return [BPF_JMP_JEQ, values.length - 1 - index, isLast ? 1 : 0, value];
  });
  return [...tests, [BPF_RET_K, 0, 0, bytes]];
}

/** Writes a program as the kernel reads it. */
export function pack(program: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(program.length * INSTRUCTION_BYTES));
  for (const [index, [code, ifTrue, ifFalse, operand]] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, operand, true);
  }
  return new Uint8Array(view.buffer);
}
