import { u16 } from "./bytes.ts";
import * as headers from "./headers.ts";
import { parseEthernet, parseType } from "./link/encapsulation.ts";
import { type Packet, Unopened, Verdict } from "./packet.ts";
import { parseNetwork } from "./parse.ts";
import { ELSEWHERE, isFragment, transportOffset } from "./transport.ts";

/** Of GTP-U that are stepped over. */
export const MAX_GTP_EXTENSIONS = 4;
/** How far behind the outer IP headers the inner frame or packet starts: behind UDP and a Geneve header of all options. */
export const MAX_TUNNEL_BYTES =
  headers.UDP_HEADER_BYTES + headers.GENEVE_HEADER_BYTES + 4 * headers.GENEVE_OPTION_WORDS;
/** Bytes of a UDP header that tell a tunnel. */
export const UDP_PORT_BYTES = headers.DESTINATION_PORT + 2;

/** Protocols that always carry a packet, and the one that does on some ports. */
export const TUNNEL_PROTOCOLS = [headers.IPPROTO_IPIP, headers.IPPROTO_IPV6, headers.IPPROTO_GRE] as const;
export const TUNNEL_PORTS = [headers.VXLAN_PORT, headers.GENEVE_PORT, headers.GTP_PORT] as const;

const MAY_CARRY = new Uint8Array(256);
for (const protocol of [...TUNNEL_PROTOCOLS, headers.IPPROTO_UDP]) MAY_CARRY[protocol] = 1;

/** Stands for an ERSPAN frame of IP without Ethernet, of the types of frames in its header. */
export const ERSPAN_IP = 2;
export const ERSPAN_ETHERNET = 0;

const UNOPENED_BY_VERDICT: readonly Unopened[] = [
  Unopened.NONE,
  Unopened.NOT_IP,
  Unopened.TRUNCATED,
  Unopened.MALFORMED,
  Unopened.UNSUPPORTED,
];

/**
 * Puts the IP packet that a tunnel carries in the place of the parsed one that carries it: its addresses, protocol, VLAN
 * and size, to the end of the frame like that of every packet. One level, of a frame whose captured bytes end before `end`.
 * What can't be opened stays as it is, and `unopened` says why. A later fragment of UDP shows no port, and passes for a
 * packet without a tunnel. Does not allocate.
 */
export function openTunnel(packet: Packet, bytes: Uint8Array, end: number): void {
  packet.unopened = Unopened.NONE;
  if (packet.verdict !== Verdict.IP || MAY_CARRY[packet.protocol] === 0) return;
  const { networkOffset, etherType, protocol, vlan } = packet;
  const isUdp = protocol === headers.IPPROTO_UDP;
  const transport = transportOffset(packet, bytes, networkOffset, end);
  const at = networkOffset + transport;
  if (isUdp && (transport === ELSEWHERE || !isTunnelPort(bytes, at, end))) return;
  packet.vlan = 0;
  if (isFragment(packet, bytes, networkOffset, end)) packet.unopened = Unopened.FRAGMENT;
  else packet.unopened = isUdp ? openUdp(packet, bytes, at, end) : openProtocol(packet, protocol, bytes, at, end);
  if (packet.unopened === Unopened.NONE) {
    packet.lengthBytes = Math.max(0, packet.lengthBytes - (packet.networkOffset - networkOffset));
    return;
  }
  packet.networkOffset = networkOffset;
  packet.etherType = etherType;
  packet.vlan = vlan;
}

function isTunnelPort(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < UDP_PORT_BYTES) return false;
  const port = u16(bytes, at + headers.DESTINATION_PORT);
  return port === headers.VXLAN_PORT || port === headers.GENEVE_PORT || port === headers.GTP_PORT;
}

function openProtocol(packet: Packet, protocol: number, bytes: Uint8Array, at: number, end: number): Unopened {
  if (protocol === headers.IPPROTO_GRE) return openGre(packet, bytes, at, end);
  const etherType = protocol === headers.IPPROTO_IPIP ? headers.ETHERTYPE_IPV4 : headers.ETHERTYPE_IPV6;
  return openInner(packet, etherType, bytes, at, end);
}

function openUdp(packet: Packet, bytes: Uint8Array, udp: number, end: number): Unopened {
  const at = udp + headers.UDP_HEADER_BYTES;
  switch (u16(bytes, udp + headers.DESTINATION_PORT)) {
    case headers.VXLAN_PORT:
      return openVxlan(packet, bytes, at, end);
    case headers.GENEVE_PORT:
      return openGeneve(packet, bytes, at, end);
    default:
      return openGtp(packet, bytes, at, end);
  }
}

function openVxlan(packet: Packet, bytes: Uint8Array, at: number, end: number): Unopened {
  if (end - at < headers.VXLAN_HEADER_BYTES) return Unopened.TRUNCATED;
  const flags = bytes[at]! & (headers.VXLAN_INSTANCE | headers.VXLAN_NEXT_PROTOCOL);
  if (flags !== headers.VXLAN_INSTANCE) return Unopened.UNSUPPORTED;
  return openInner(packet, headers.ETHERTYPE_ETHERNET, bytes, at + headers.VXLAN_HEADER_BYTES, end);
}

/** Options are stepped over: none changes what follows. */
function openGeneve(packet: Packet, bytes: Uint8Array, at: number, end: number): Unopened {
  if (end - at < headers.GENEVE_HEADER_BYTES) return Unopened.TRUNCATED;
  const first = bytes[at]!;
  if (first > headers.GENEVE_OPTION_WORDS) return Unopened.UNSUPPORTED;
  const etherType = u16(bytes, at + headers.GENEVE_TYPE);
  return openInner(packet, etherType, bytes, at + headers.GENEVE_HEADER_BYTES + first * 4, end);
}

function openGre(packet: Packet, bytes: Uint8Array, at: number, end: number): Unopened {
  if (end - at < headers.GRE_HEADER_BYTES) return Unopened.TRUNCATED;
  const flags = u16(bytes, at);
  if ((flags & (headers.GRE_VERSION | headers.GRE_ROUTING)) !== 0) return Unopened.UNSUPPORTED;
  const hasSequence = (flags & headers.GRE_SEQUENCE) !== 0;
  const fields =
    ((flags & headers.GRE_CHECKSUM) === 0 ? 0 : 1) + ((flags & headers.GRE_KEY) === 0 ? 0 : 1) + (hasSequence ? 1 : 0);
  const next = at + headers.GRE_HEADER_BYTES + fields * headers.GRE_FIELD_BYTES;
  const etherType = u16(bytes, at + headers.GRE_TYPE);
  if (etherType === headers.ERSPAN_III) return openErspanIII(packet, bytes, next, end);
  if (etherType !== headers.ERSPAN) return openInner(packet, etherType, bytes, next, end);
  if (!hasSequence) return openInner(packet, headers.ETHERTYPE_ETHERNET, bytes, next, end);
  if (end - next < headers.ERSPAN_II_BYTES) return Unopened.TRUNCATED;
  if (bytes[next]! >> 4 !== 1) return Unopened.UNSUPPORTED;
  return openInner(packet, headers.ETHERTYPE_ETHERNET, bytes, next + headers.ERSPAN_II_BYTES, end);
}

function openErspanIII(packet: Packet, bytes: Uint8Array, at: number, end: number): Unopened {
  if (end - at < headers.ERSPAN_III_BYTES) return Unopened.TRUNCATED;
  const last = u16(bytes, at + headers.ERSPAN_III_FRAME);
  const frameType = (last >> 10) & 0x1f;
  if (bytes[at]! >> 4 !== 2 || (frameType !== ERSPAN_ETHERNET && frameType !== ERSPAN_IP)) return Unopened.UNSUPPORTED;
  const more = (last & headers.ERSPAN_III_SUBHEADER) === 0 ? 0 : headers.ERSPAN_III_SUBHEADER_BYTES;
  const next = at + headers.ERSPAN_III_BYTES + more;
  if (frameType === ERSPAN_IP) return openByVersion(packet, bytes, next, end);
  return openInner(packet, headers.ETHERTYPE_ETHERNET, bytes, next, end);
}

function openGtp(packet: Packet, bytes: Uint8Array, at: number, end: number): Unopened {
  if (end - at < headers.GTP_HEADER_BYTES) return Unopened.TRUNCATED;
  const flags = bytes[at]!;
  if ((flags & headers.GTP_VERSION) !== headers.GTP_VERSION_1) return Unopened.UNSUPPORTED;
  if (bytes[at + headers.GTP_MESSAGE] !== headers.GTP_PDU) return Unopened.NOT_IP;
  const next = at + headers.GTP_HEADER_BYTES;
  if ((flags & headers.GTP_OPTIONAL) === 0) return openByVersion(packet, bytes, next, end);
  if (end - next < headers.GTP_OPTIONAL_BYTES) return Unopened.TRUNCATED;
  const extension = (flags & headers.GTP_EXTENSION) === 0 ? 0 : bytes[next + headers.GTP_OPTIONAL_BYTES - 1]!;
  const limit = at - headers.UDP_HEADER_BYTES + MAX_TUNNEL_BYTES;
  return openBehindExtensions(packet, extension, bytes, next + headers.GTP_OPTIONAL_BYTES, limit, end);
}

/** Steps over extension headers of GTP-U from `at` on, that end before `limit`; `type`: of the first, or 0. */
function openBehindExtensions(
  packet: Packet,
  type: number,
  bytes: Uint8Array,
  at: number,
  limit: number,
  end: number,
): Unopened {
  for (let count = 0; type !== 0; count++) {
    if (count === MAX_GTP_EXTENSIONS) return Unopened.UNSUPPORTED;
    if (at >= end) return Unopened.TRUNCATED;
    const next = at + bytes[at]! * 4;
    if (next === at) return Unopened.MALFORMED;
    if (next > limit) return Unopened.UNSUPPORTED;
    if (next > end) return Unopened.TRUNCATED;
    type = bytes[next - 1]!;
    at = next;
  }
  return openByVersion(packet, bytes, at, end);
}

/** A packet whose first four bits alone say what it is. */
function openByVersion(packet: Packet, bytes: Uint8Array, at: number, end: number): Unopened {
  if (at >= end) return Unopened.TRUNCATED;
  const version = bytes[at]! >> 4;
  if (version !== 4 && version !== 6) return Unopened.NOT_IP;
  return openInner(packet, version === 4 ? headers.ETHERTYPE_IPV4 : headers.ETHERTYPE_IPV6, bytes, at, end);
}

/** Unless it finds IP, it leaves the addresses of the record as they are. */
function openInner(packet: Packet, etherType: number, bytes: Uint8Array, at: number, end: number): Unopened {
  packet.networkOffset = at;
  const found = parseInner(packet, etherType, bytes, at, end);
  return UNOPENED_BY_VERDICT[found === Verdict.IP ? parseNetwork(packet, bytes, end) : found]!;
}

function parseInner(packet: Packet, etherType: number, bytes: Uint8Array, at: number, end: number): Verdict {
  if (etherType === headers.ETHERTYPE_ETHERNET) return parseEthernet(packet, bytes, at, end);
  // Below, it is no length here.
  return etherType > headers.MAX_ETHERNET_LENGTH ? parseType(packet, etherType, bytes, end) : Verdict.NOT_IP;
}
