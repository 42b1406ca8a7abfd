import { u16, u24 } from "../bytes.ts";
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, LLC_BYTES } from "../headers.ts";
import { type Packet, Verdict } from "../packet.ts";
import { parseEthernet, parseLlc, parseSnap, parseTags, skipHeader } from "./encapsulation.ts";

/* Networks besides Ethernet, and the tags of its switches. All start at `networkOffset`, as parseLink does. */

/** Of Marvell's and Broadcom's switches; Marvell's other tag begins with an EtherType. */
export const DSA_TAG_BYTES = 4;
export const EDSA_TAG_BYTES = 8;
export const IEEE1394_HEADER_BYTES = 18;
const IPOIB_HEADER_BYTES = 44;
const SYMANTEC_HEADER_BYTES = 44;
const SYMANTEC_TYPE = 6;
const FIBRE_CHANNEL_HEADER_BYTES = 16;
const TOKEN_RING_HEADER_BYTES = 14;
const TOKEN_RING_SOURCE = 8;
const TOKEN_RING_IS_ROUTED = 0x80;
const TOKEN_RING_FRAME_TYPE = 0xc0;
const TOKEN_RING_LLC = 0x40;
const ROUTE_BYTES = 0x1f;
const FDDI_HEADER_BYTES = 13;
const FDDI_FRAME_TYPE = 0xf0;
const FDDI_LLC = 0x50;
const SUNATM_HEADER_BYTES = 4;
const SUNATM_TRAFFIC = 0x0f;
const SUNATM_LANE = 1;
const SUNATM_LLC = 2;
const LANE_HEADER_BYTES = 2;
/** LLC and SNAP with the OUI of bridged frames (RFC 2684 section 5.2), and the kinds that are Ethernet. */
const LLC_SNAP_START = 0xaaaa03;
const BRIDGED_OUI = 0x0080c2;
const BRIDGED_ETHERNET_WITH_FCS = 0x0001;
const BRIDGED_ETHERNET = 0x0007;
const SNAP_BYTES = 5;
const ETHERNET_FCS_BYTES = 4;
const ATM_PAD_BYTES = 2;

/** A header whose last two bytes are an EtherType, or a length as in 802.3. */
export function parseTyped(packet: Packet, headerBytes: number, bytes: Uint8Array, end: number): Verdict {
  if (!skipHeader(packet, headerBytes, end)) return Verdict.TRUNCATED;
  return parseTags(packet, u16(bytes, packet.networkOffset - 2), bytes, end);
}

/** Ethernet whose switch has put a tag between the addresses and the EtherType. */
export function parseTaggedEthernet(packet: Packet, tagBytes: number, bytes: Uint8Array, end: number): Verdict {
  return parseTyped(packet, ETHERNET_HEADER_BYTES + tagBytes, bytes, end);
}

/** IP over InfiniBand (RFC 4391): a global routing header, and an EtherType before two reserved bytes. */
export function parseIpoib(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  if (!skipHeader(packet, IPOIB_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  return parseTags(packet, u16(bytes, packet.networkOffset - 4), bytes, end);
}

export function parseSymantec(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, SYMANTEC_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  return parseTags(packet, u16(bytes, at + SYMANTEC_TYPE), bytes, end);
}

/** RFC 2625: a header of addresses, and LLC. */
export function parseIpOverFibreChannel(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  if (!skipHeader(packet, FIBRE_CHANNEL_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  return parseLlc(packet, bytes, end);
}

/** Token ring (IEEE 802.5), with or without the route that its bridges have written. */
export function parseTokenRing(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, TOKEN_RING_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  if ((bytes[at + TOKEN_RING_SOURCE]! & TOKEN_RING_IS_ROUTED) !== 0) {
    if (packet.networkOffset >= end) return Verdict.TRUNCATED;
    const routeBytes = bytes[packet.networkOffset]! & ROUTE_BYTES;
    if (!skipHeader(packet, routeBytes, end)) return Verdict.TRUNCATED;
  }
  const isLlc = (bytes[at + 1]! & TOKEN_RING_FRAME_TYPE) === TOKEN_RING_LLC;
  return isLlc ? parseLlc(packet, bytes, end) : Verdict.IP;
}

export function parseFddi(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, FDDI_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  return (bytes[at]! & FDDI_FRAME_TYPE) === FDDI_LLC ? parseLlc(packet, bytes, end) : Verdict.IP;
}

/** ATM, LLC multiplexed (RFC 2684 section 5): routed, or bridged Ethernet. */
export function parseAtm(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < LLC_BYTES || u24(bytes, at) !== LLC_SNAP_START) return parseLlc(packet, bytes, end);
  packet.networkOffset = at + LLC_BYTES;
  return parseBridgingSnap(packet, ATM_PAD_BYTES, bytes, end);
}

/** Classical IP over ATM as Linux does it: with LLC, or without any header. */
export function parseClassicalIp(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < LLC_BYTES) return Verdict.TRUNCATED;
  if (u24(bytes, at) === LLC_SNAP_START) return parseLlc(packet, bytes, end);
  packet.etherType = ETHERTYPE_IPV4;
  return Verdict.IP;
}

/** ATM as Solaris shows it: a kind of traffic and the circuit before the packet. */
export function parseSunAtm(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, SUNATM_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  switch (bytes[at]! & SUNATM_TRAFFIC) {
    case SUNATM_LANE:
      return parseEthernet(packet, bytes, packet.networkOffset + LANE_HEADER_BYTES, end);
    case SUNATM_LLC:
      return parseAtm(packet, bytes, end);
    default:
      return Verdict.IP;
  }
}

/** SNAP that may bridge Ethernet, which then begins behind a pad. */
export function parseBridgingSnap(packet: Packet, padBytes: number, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < SNAP_BYTES) return Verdict.TRUNCATED;
  if (u24(bytes, at) !== BRIDGED_OUI) return parseSnap(packet, bytes, end);
  const kind = u16(bytes, at + 3);
  if (kind !== BRIDGED_ETHERNET && kind !== BRIDGED_ETHERNET_WITH_FCS) return Verdict.IP;
  if (kind === BRIDGED_ETHERNET_WITH_FCS) packet.trailerBytes = ETHERNET_FCS_BYTES;
  return parseEthernet(packet, bytes, at + SNAP_BYTES + padBytes, end);
}
