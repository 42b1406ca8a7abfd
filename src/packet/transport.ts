import { u16 } from "./bytes.ts";
import {
  EXTENSION_FRAGMENT,
  EXTENSION_LENGTH,
  EXTENSION_READ_BYTES,
  FRAGMENT_HEADER_BYTES,
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HIP,
  IPPROTO_HOPOPTS,
  IPPROTO_MH,
  IPPROTO_ROUTING,
  IPPROTO_SHIM6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_OFFSET,
  IPV4_MORE_FRAGMENTS,
  IPV6_HEADER_BYTES,
  IPV6_MORE_FRAGMENTS,
  IPV6_NEXT_HEADER,
  MIN_TCP_DATA_OFFSET,
  TCP_DATA_OFFSET,
  UDP_HEADER_BYTES,
} from "./headers.ts";
import { type Packet, Verdict } from "./packet.ts";

/** Bytes of a TCP header that are read. */
export const TCP_READ_BYTES = TCP_DATA_OFFSET + 1;

export const EXTENSION_HEADERS = [
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
  IPPROTO_FRAGMENT,
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_MH,
  IPPROTO_HIP,
  IPPROTO_SHIM6,
] as const;

/** Next header → 1 if it is an extension header. */
const IS_EXTENSION = new Uint8Array(256);
for (const header of EXTENSION_HEADERS) IS_EXTENSION[header] = 1;

/** No stack sends more; a longer chain is an attack, and its packets keep the protocol of the last header read. */
export const MAX_EXTENSION_HEADERS = 8;

/** How far behind the IPv6 header the chain is followed, in bytes: what the ring engine captures. */
export const MAX_EXTENSION_BYTES = 128;

/** Stands for the offset of a header that is in another packet; no chain of extension headers is that long. */
export const ELSEWHERE = 0xffff;
/** Set by `followExtensions`, above the offset, if the packet is a part of another. */
const FRAGMENTED = 1 << 24;

/**
 * Follows the extension headers that start at `at` and returns the number of the first header that is none of them.
 * If the chain is cut short by the capture, or too long, or goes on in another fragment, it is the last number that
 * could be read: the addresses are good all the same. Hot; does not allocate.
 */
export function payloadProtocol(nextHeader: number, bytes: Uint8Array, at: number, end: number): number {
  // Most packets carry none of them.
  if (!isExtension(nextHeader)) return nextHeader;
  return followExtensions(nextHeader, bytes, at, end) & 0xff;
}

/** Follows a chain as `payloadProtocol` says. Returns the protocol, and in the bits above it where its header starts. */
function followExtensions(nextHeader: number, bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_EXTENSION_BYTES);
  let at = start;
  let fragmented = 0;
  let protocol = nextHeader;
  for (let count = 0; count < MAX_EXTENSION_HEADERS && isExtension(protocol); count++) {
    if (limit - at < EXTENSION_READ_BYTES) break;
    const header = protocol;
    protocol = bytes[at]!;
    if (header === IPPROTO_FRAGMENT) {
      const fragment = u16(bytes, at + EXTENSION_FRAGMENT);
      if (fragment >> 3 !== 0) return protocol | (ELSEWHERE << 8) | FRAGMENTED;
      if ((fragment & IPV6_MORE_FRAGMENTS) !== 0) fragmented = FRAGMENTED;
      at += FRAGMENT_HEADER_BYTES;
    } else if (header === IPPROTO_AH) {
      at += (bytes[at + EXTENSION_LENGTH]! + 2) * 4;
    } else {
      at += (bytes[at + EXTENSION_LENGTH]! + 1) * 8;
    }
  }
  return protocol | ((at - start) << 8) | fragmented;
}

/** Whether a header of this number is followed by another one of the packet's. */
export function isExtension(protocol: number): boolean {
  return IS_EXTENSION[protocol] === 1;
}

/**
 * Fills in how a frame that stands for several packets is made of them: `segmentBytes` is what the kernel says of it
 * (its gso_size). For a parsed frame whose network header is at `network`. Does not allocate.
 *
 * The headers are those of IP and of the TCP or UDP in it. Inside of a tunnel there are more, which nothing here tells:
 * its packets count as too short by them.
 */
export function parseSegments(
  packet: Packet,
  segmentBytes: number,
  bytes: Uint8Array,
  network: number,
  end: number,
): void {
  packet.segmentBytes = segmentBytes;
  packet.headerBytes = 0;
  if (packet.verdict !== Verdict.IP) return;
  const transport = transportOffset(packet, bytes, network, end);
  if (transport === ELSEWHERE) return;
  const transportBytes = transportHeaderBytes(packet.protocol, bytes, network + transport, end);
  if (transportBytes > 0) packet.headerBytes = transport + transportBytes;
}

/** Whether the packet is a part of another. Does not allocate. */
export function isFragment(packet: Packet, bytes: Uint8Array, network: number, end: number): boolean {
  if (packet.version === 4) {
    return (u16(bytes, network + IPV4_FRAGMENT) & (IPV4_FRAGMENT_OFFSET | IPV4_MORE_FRAGMENTS)) !== 0;
  }
  const next = bytes[network + IPV6_NEXT_HEADER]!;
  return (followExtensions(next, bytes, network + IPV6_HEADER_BYTES, end) & FRAGMENTED) !== 0;
}

/** Bytes of IP headers before the transport header, or ELSEWHERE. Does not allocate. */
export function transportOffset(packet: Packet, bytes: Uint8Array, network: number, end: number): number {
  if (packet.version === 4) {
    const isLaterFragment = (u16(bytes, network + IPV4_FRAGMENT) & IPV4_FRAGMENT_OFFSET) !== 0;
    return isLaterFragment ? ELSEWHERE : (bytes[network]! & 0x0f) * 4;
  }
  const next = bytes[network + IPV6_NEXT_HEADER]!;
  const extensions = (followExtensions(next, bytes, network + IPV6_HEADER_BYTES, end) >> 8) & ELSEWHERE;
  return extensions === ELSEWHERE ? ELSEWHERE : IPV6_HEADER_BYTES + extensions;
}

/** Length of the TCP or UDP header at `at`; 0 for other protocols, and if it was not captured or cannot be. */
export function transportHeaderBytes(protocol: number, bytes: Uint8Array, at: number, end: number): number {
  if (protocol === IPPROTO_UDP) return UDP_HEADER_BYTES;
  if (protocol !== IPPROTO_TCP || end - at < TCP_READ_BYTES) return 0;
  const dataOffset = bytes[at + TCP_DATA_OFFSET]! >> 4;
  return dataOffset < MIN_TCP_DATA_OFFSET ? 0 : dataOffset * 4;
}
