import { parseIpv4 } from "./ipv4.ts";
import { parseIpv6 } from "./ipv6.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, parseLink } from "./link.ts";
import { type Packet, Verdict } from "./packet.ts";

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
  const verdict = parseLink(packet, linkType, bytes, start, end);
  const linkBytes = packet.networkOffset - start;
  packet.lengthBytes = originalBytes > linkBytes ? originalBytes - linkBytes : 0;
  packet.verdict = verdict === Verdict.IP ? parseNetwork(packet, bytes, end) : verdict;
}

/**
 * Parses a packet whose link header the kernel has already taken off: `etherType` is what it says follows at `start`.
 * Otherwise as `parseFrame`; `originalBytes` counts from `start`. Hot; does not allocate.
 */
export function parsePacket(
  packet: Packet,
  etherType: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  originalBytes: number,
): void {
  packet.etherType = etherType;
  packet.networkOffset = start;
  packet.lengthBytes = originalBytes;
  packet.verdict = parseNetwork(packet, bytes, end);
}

function parseNetwork(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  if (packet.etherType === ETHERTYPE_IPV4) return parseIpv4(packet, bytes, packet.networkOffset, end);
  if (packet.etherType === ETHERTYPE_IPV6) return parseIpv6(packet, bytes, packet.networkOffset, end);
  return Verdict.NOT_IP;
}
