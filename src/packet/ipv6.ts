import { word32 } from "./bytes.ts";
import { IPV6_DESTINATION, IPV6_HEADER_BYTES, IPV6_NEXT_HEADER, IPV6_SOURCE } from "./headers.ts";
import { type Packet, Verdict } from "./packet.ts";
import { payloadProtocol } from "./transport.ts";

/** Of the header at `at`, which was found to be whole. Hot. */
export function ipv6NextHeader(view: DataView, at: number): number {
  return view.getUint8(at + IPV6_NEXT_HEADER);
}

/** Reads the IPv6 header at `at` and the extension headers behind it. Hot; does not allocate. */
export function parseIpv6(packet: Packet, bytes: Uint8Array, at: number, end: number): Verdict {
  if (end - at < IPV6_HEADER_BYTES) {
    if (end > at && bytes[at]! >> 4 !== 6) return Verdict.MALFORMED;
    return Verdict.TRUNCATED;
  }
  if (bytes[at]! >> 4 !== 6) return Verdict.MALFORMED;
  packet.version = 6;
  packet.source = word32(bytes, at + IPV6_SOURCE);
  packet.source1 = word32(bytes, at + IPV6_SOURCE + 4);
  packet.source2 = word32(bytes, at + IPV6_SOURCE + 8);
  packet.source3 = word32(bytes, at + IPV6_SOURCE + 12);
  packet.destination = word32(bytes, at + IPV6_DESTINATION);
  packet.destination1 = word32(bytes, at + IPV6_DESTINATION + 4);
  packet.destination2 = word32(bytes, at + IPV6_DESTINATION + 8);
  packet.destination3 = word32(bytes, at + IPV6_DESTINATION + 12);
  packet.protocol = payloadProtocol(bytes[at + IPV6_NEXT_HEADER]!, bytes, at + IPV6_HEADER_BYTES, end);
  return Verdict.IP;
}

/** Reads the header at `at`, which was found to be whole and without extension headers. Hot; does not allocate. */
export function readPlainIpv6(packet: Packet, view: DataView, at: number, lengthBytes: number): void {
  packet.verdict = Verdict.IP;
  packet.lengthBytes = lengthBytes;
  packet.version = 6;
  packet.source = view.getInt32(at + IPV6_SOURCE);
  packet.source1 = view.getInt32(at + IPV6_SOURCE + 4);
  packet.source2 = view.getInt32(at + IPV6_SOURCE + 8);
  packet.source3 = view.getInt32(at + IPV6_SOURCE + 12);
  packet.destination = view.getInt32(at + IPV6_DESTINATION);
  packet.destination1 = view.getInt32(at + IPV6_DESTINATION + 4);
  packet.destination2 = view.getInt32(at + IPV6_DESTINATION + 8);
  packet.destination3 = view.getInt32(at + IPV6_DESTINATION + 12);
  packet.protocol = ipv6NextHeader(view, at);
}
