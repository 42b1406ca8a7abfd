import { word32 } from "./bytes.ts";
import { type Packet, Verdict } from "./packet.ts";

/*
 * RFC 791, section 3.1
 *
 *     0               1               2               3
 *     |version|  ihl  |   service     |         total length          |
 *  4  |        identification         |flags|     fragment offset     |
 *  8  |      ttl      |   protocol    |        header checksum        |
 * 12  |                        source address                         |
 * 16  |                      destination address                      |
 */
const PROTOCOL = 9;
const SOURCE = 12;
const DESTINATION = 16;
const HEADER_BYTES = 20;
const MINIMUM_IHL = 5;

/** Fields of the header at `at`, which was found to be whole. Hot; do not allocate. */
export function ipv4Protocol(bytes: Uint8Array, at: number): number {
  return bytes[at + PROTOCOL]!;
}

export function ipv4Source(bytes: Uint8Array, at: number): number {
  return word32(bytes, at + SOURCE);
}

export function ipv4Destination(bytes: Uint8Array, at: number): number {
  return word32(bytes, at + DESTINATION);
}

/** Whether the header at `at` is whole and of version 4. Hot; does not allocate. */
export function isIpv4(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < HEADER_BYTES) return false;
  const first = bytes[at]!;
  return first >> 4 === 4 && (first & 0x0f) >= MINIMUM_IHL;
}

/**
 * Reads the IPv4 header at `at`, of a capture that ends before `end`. Hot; does not allocate.
 *
 * The total length is not read: it is 0 on frames that the network card will segment, and the frame's own length is
 * what was on the wire. The checksum is not verified: network cards fill it in after the capture. Fragments carry the
 * addresses and the protocol like any packet.
 */
export function parseIpv4(packet: Packet, bytes: Uint8Array, at: number, end: number): Verdict {
  if (!isIpv4(bytes, at, end)) {
    const isCutShort = end - at < HEADER_BYTES && (end <= at || bytes[at]! >> 4 === 4);
    return isCutShort ? Verdict.TRUNCATED : Verdict.MALFORMED;
  }
  packet.version = 4;
  packet.protocol = ipv4Protocol(bytes, at);
  packet.source = ipv4Source(bytes, at);
  packet.destination = ipv4Destination(bytes, at);
  return Verdict.IP;
}
