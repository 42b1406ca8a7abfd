import { word32 } from "./bytes.ts";
import { IPV4_DESTINATION, IPV4_HEADER_BYTES, IPV4_PROTOCOL, IPV4_SOURCE, MIN_IPV4_IHL } from "./headers.ts";
import { type Packet, Verdict } from "./packet.ts";

/** Fields of the header at `at`, which was found to be whole; see `isPlainIpv4` for why a DataView. Hot. */
export function ipv4Protocol(view: DataView, at: number): number {
  return view.getUint8(at + IPV4_PROTOCOL);
}

/** As a signed word, as `word32` reads it. */
export function ipv4Source(view: DataView, at: number): number {
  return view.getInt32(at + IPV4_SOURCE);
}

export function ipv4Destination(view: DataView, at: number): number {
  return view.getInt32(at + IPV4_DESTINATION);
}

/** Whether a header of version 4 may begin with this byte: with the version, and a length that is long enough. */
export function beginsIpv4(first: number): boolean {
  return first >> 4 === 4 && (first & 0x0f) >= MIN_IPV4_IHL;
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
  packet.protocol = bytes[at + IPV4_PROTOCOL]!;
  packet.source = word32(bytes, at + IPV4_SOURCE);
  packet.destination = word32(bytes, at + IPV4_DESTINATION);
  return Verdict.IP;
}
