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
export const IPV4_HEADER_BYTES = 20;
const MIN_IHL = 5;

/** Fields of the header at `at`, which was found to be whole; see `isPlainIpv4` for why a DataView. Hot. */
export function ipv4Protocol(view: DataView, at: number): number {
  return view.getUint8(at + PROTOCOL);
}

/** As a signed word, as `word32` reads it. */
export function ipv4Source(view: DataView, at: number): number {
  return view.getInt32(at + SOURCE);
}

export function ipv4Destination(view: DataView, at: number): number {
  return view.getInt32(at + DESTINATION);
}

/** Whether a header of version 4 may begin with this byte: with the version, and a length that is long enough. */
export function beginsIpv4(first: number): boolean {
  return first >> 4 === 4 && (first & 0x0f) >= MIN_IHL;
}

/**
 * Reads the IPv4 header at `at`, of a capture that ends before `end`. Hot; does not allocate.
 *
 * The total length is not read: it is 0 on frames that the network card will segment, and the frame's own length is
 * what was on the wire. The checksum is not verified: network cards fill it in after the capture. Fragments carry the
 * addresses and the protocol like any packet.
 */
export function parseIpv4(packet: Packet, bytes: Uint8Array, at: number, end: number): Verdict {
  if (end - at < IPV4_HEADER_BYTES) return end <= at || bytes[at]! >> 4 === 4 ? Verdict.TRUNCATED : Verdict.MALFORMED;
  if (!beginsIpv4(bytes[at]!)) return Verdict.MALFORMED;
  packet.version = 4;
  packet.protocol = bytes[at + PROTOCOL]!;
  packet.source = word32(bytes, at + SOURCE);
  packet.destination = word32(bytes, at + DESTINATION);
  return Verdict.IP;
}
