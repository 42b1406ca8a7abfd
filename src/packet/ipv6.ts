import { word32 } from "./bytes.ts";
import { type Packet, Verdict } from "./packet.ts";
import { payloadProtocol } from "./transport.ts";

/*
 * RFC 8200, section 3
 *
 *     0               1               2               3
 *     |version| traffic class |              flow label               |
 *  4  |        payload length         |  next header  |   hop limit   |
 *  8  |                    source address (16 bytes)                  |
 * 24  |                  destination address (16 bytes)               |
 */
const NEXT_HEADER = 6;
const SOURCE = 8;
const DESTINATION = 24;
const HEADER_BYTES = 40;

/** Reads the IPv6 header at `at` and the extension headers behind it. Hot; does not allocate. */
export function parseIpv6(packet: Packet, bytes: Uint8Array, at: number, end: number): Verdict {
  if (end - at < HEADER_BYTES) {
    if (end > at && bytes[at]! >> 4 !== 6) return Verdict.MALFORMED;
    return Verdict.TRUNCATED;
  }
  if (bytes[at]! >> 4 !== 6) return Verdict.MALFORMED;
  packet.version = 6;
  packet.source = word32(bytes, at + SOURCE);
  packet.source1 = word32(bytes, at + SOURCE + 4);
  packet.source2 = word32(bytes, at + SOURCE + 8);
  packet.source3 = word32(bytes, at + SOURCE + 12);
  packet.destination = word32(bytes, at + DESTINATION);
  packet.destination1 = word32(bytes, at + DESTINATION + 4);
  packet.destination2 = word32(bytes, at + DESTINATION + 8);
  packet.destination3 = word32(bytes, at + DESTINATION + 12);
  packet.protocol = payloadProtocol(bytes[at + NEXT_HEADER]!, bytes, at + HEADER_BYTES, end);
  return Verdict.IP;
}
