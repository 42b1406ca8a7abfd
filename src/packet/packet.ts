/** What the parser made of a frame. All but `IP` and `NOT_IP` are counted as frames that could not be accounted. */
export const Verdict = {
  /** IPv4 or IPv6: the addresses and the protocol stand in the record. */
  IP: 0,
  /** ARP, LLDP, ...: has a size and nothing else. */
  NOT_IP: 1,
  /** The captured bytes end before the addresses do. */
  TRUNCATED: 2,
  /** A header contradicts itself, such as an IPv4 header of version 6. */
  MALFORMED: 3,
  /** The link type is none that is known here: the size is the whole frame. */
  UNKNOWN_LINK: 4,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** The verdicts that leave a frame out of the address accounting, by the name they carry on the page. */
export const REFUSALS = [
  [Verdict.TRUNCATED, "truncated"],
  [Verdict.MALFORMED, "malformed"],
  [Verdict.UNKNOWN_LINK, "unknown_link"],
] as const;

/** Why the packet in a tunnel was not found, and the outer one stands in the record. */
export const Unopened = {
  /** There is no tunnel, or it was opened. */
  NONE: 0,
  /** The outer packet is a part of another. */
  FRAGMENT: 1,
  /** The captured bytes end before the inner addresses do. */
  TRUNCATED: 2,
  /** A version or an option that is not known here. */
  UNSUPPORTED: 3,
  /** ARP, spanning tree, GTP's own messages, ... */
  NOT_IP: 4,
  /** An inner header contradicts itself. */
  MALFORMED: 5,
} as const;
export type Unopened = (typeof Unopened)[keyof typeof Unopened];

/** By the name that they carry on the page. */
export const UNOPENED_REASONS = [
  [Unopened.FRAGMENT, "fragment"],
  [Unopened.TRUNCATED, "truncated"],
  [Unopened.UNSUPPORTED, "unsupported"],
  [Unopened.NOT_IP, "not_ip"],
  [Unopened.MALFORMED, "malformed"],
] as const;

/** Of the number of a VLAN: IEEE 802.1Q, clause 9.6. */
export const VLAN_BITS = 12;
export const VLAN_MASK = (1 << VLAN_BITS) - 1;

/**
 * One parsed frame. A single record is reused for all of them: parsing into a fresh object costs 9 ns more a packet and
 * feeds the garbage collector.
 *
 * Addresses are signed 32-bit words (see word32).
 */
export class Packet {
  verdict: Verdict = Verdict.NOT_IP;
  /** Bytes from the network header to the end of the frame as it was on the wire (padding included). */
  lengthBytes = 0;
  /** EtherType of what the link carries, and where that starts in the parsed bytes; set by link.ts. */
  etherType = 0;
  networkOffset = 0;
  /** Bytes of the link behind what it carries, such as a frame check sequence; set by link.ts, 0 for Ethernet. */
  trailerBytes = 0;
  /**
   * VLAN, and above its bits the outer one if a tag stands in a tag; 0 without one. To be set before parsing, to what the
   * kernel has taken off the frame or to 0: the VLANs that are found are added by noteVlan.
   */
  vlan = 0;
  /** 4 or 6 if the verdict is `IP`, else unset. */
  version = 0;
  /** IP protocol number of the payload; behind IPv6 extension headers, the last one that could be read. */
  protocol = 0;
  /** Source address: IPv4, or the highest 32 bits of IPv6. */
  source = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  /** Destination address, likewise. */
  destination = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /**
   * Of a frame that the kernel has merged from several packets, or has yet to cut into them: payload of each of them
   * (the last may have less), and bytes of headers that each repeats. Both 0 if it is not known; set by
   * parseSegments, and of no meaning for other frames.
   */
  segmentBytes = 0;
  headerBytes = 0;
  /** Set by openTunnel, if tunnels are opened. */
  unopened: Unopened = Unopened.NONE;
}

/**
 * Adds the VLAN of a tag, given by the 16 bits of which it has the lower ones, to those of the packet: two are told. 0
 * stands for none, in a tag that has a priority alone.
 */
export function noteVlan(packet: Packet, tag: number): void {
  const vlan = tag & VLAN_MASK;
  if (vlan !== 0 && packet.vlan <= VLAN_MASK) packet.vlan = (packet.vlan << VLAN_BITS) | vlan;
}
