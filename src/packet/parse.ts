import {
  ETHERNET_HEADER_BYTES,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  IPV4_HEADER_BYTES,
  IPV6_HEADER_BYTES,
} from "./headers.ts";
import { beginsIpv4, parseIpv4 } from "./ipv4.ts";
import { parseIpv6 } from "./ipv6.ts";
import { parseEthernet, parseType } from "./link/encapsulation.ts";
import { LINKTYPE_ETHERNET } from "./link/link-types.ts";
import { parseLink } from "./link.ts";
import { type Packet, Verdict } from "./packet.ts";

const PLAIN_IPV4_BYTES = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;
const PLAIN_IPV6_BYTES = ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES;

/**
 * Whether the Ethernet frame captured in [start, end) is one of most: a whole IPv4 header behind the Ethernet header,
 * without tags. Such a frame needs no record to be counted.
 *
 * Reads a DataView, where a number is one load and one test of its bounds: 3 ns a packet less than single bytes
 * (Node 24.21). Hot; does not allocate.
 */
export function isPlainIpv4(view: DataView, start: number, end: number): boolean {
  if (end - start < PLAIN_IPV4_BYTES || view.getUint16(start + ETHERNET_TYPE) !== ETHERTYPE_IPV4) return false;
  return beginsIpv4(view.getUint8(start + ETHERNET_HEADER_BYTES));
}

/** Whether it has a whole IPv6 header there, maybe with extension headers behind it. Hot; does not allocate. */
export function hasIpv6Header(view: DataView, start: number, end: number): boolean {
  if (end - start < PLAIN_IPV6_BYTES || view.getUint16(start + ETHERNET_TYPE) !== ETHERTYPE_IPV6) return false;
  return view.getUint8(start + ETHERNET_HEADER_BYTES) >> 4 === 6;
}

/**
 * Parses the frame captured in bytes[start, end) into the reused record; never throws, whatever the bytes are.
 *
 * `originalBytes` is the frame's size on the wire, at least what was captured of it. Hot; does not allocate.
 */
export function parseFrame(
  packet: Packet,
  linkType: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  originalBytes: number,
): void {
  if (linkType === LINKTYPE_ETHERNET) {
    finish(packet, parseEthernet(packet, bytes, start, end), bytes, start, end, originalBytes);
    return;
  }
  const verdict = parseLink(packet, linkType, bytes, start, end);
  finish(packet, verdict, bytes, start, end, originalBytes - packet.trailerBytes);
}

/**
 * Parses a frame whose link header the kernel has already taken off: `etherType` is what it says follows at `start`,
 * from where `originalBytes` counts. Otherwise as `parseFrame`. Hot; does not allocate.
 */
export function parsePayload(
  packet: Packet,
  etherType: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  originalBytes: number,
): void {
  packet.networkOffset = start;
  finish(packet, parseType(packet, etherType, bytes, end), bytes, start, end, originalBytes);
}

function finish(
  packet: Packet,
  linkVerdict: Verdict,
  bytes: Uint8Array,
  start: number,
  end: number,
  originalBytes: number,
): void {
  const linkBytes = packet.networkOffset - start;
  packet.lengthBytes = originalBytes > linkBytes ? originalBytes - linkBytes : 0;
  packet.verdict = linkVerdict === Verdict.IP ? parseNetwork(packet, bytes, end) : linkVerdict;
}

/** Reads the network header at `networkOffset`, by the EtherType. */
export function parseNetwork(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  if (packet.etherType === ETHERTYPE_IPV4) return parseIpv4(packet, bytes, packet.networkOffset, end);
  if (packet.etherType === ETHERTYPE_IPV6) return parseIpv6(packet, bytes, packet.networkOffset, end);
  return Verdict.NOT_IP;
}
