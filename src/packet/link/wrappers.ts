import { u16, u16LittleEndian, u24, u32LittleEndian } from "../bytes.ts";
import { type Packet, Verdict } from "../packet.ts";
import { skipHeader } from "./encapsulation.ts";
import * as types from "./link-types.ts";

/* Link types that are a header before a frame of another link type. */

/* PPI (CACE Technologies, 2008): a length, a link type, and fields; the one of 802.11 comes first. */
const PPI_MIN_BYTES = 8;
const PPI_LENGTH = 2;
const PPI_LINK_TYPE = 4;
const PPI_FIELD = 8;
const PPI_FIELD_WIRELESS = 2;
const PPI_WIRELESS_FLAGS = PPI_FIELD + 4 + 8;
const PPI_FLAG_FCS = 0x01;
const FCS_BYTES = 4;

const SLIP_HEADER_BYTES = 16;
const DIRECTION_BYTES = 1;
const BRCM_TAG_BYTES = 4;
/** Its Ethernet frames have their frame check sequence, and in transparent mode the preamble too. */
const NETANALYZER_HEADER_BYTES = 4;
const PREAMBLE_BYTES = 8;

/* Apple's PKTAP, little-endian: a length, a kind, and a link type. */
const PKTAP_MIN_BYTES = 108;
const PKTAP_KIND = 4;
const PKTAP_PACKET = 1;
const PKTAP_LINK_TYPE = 8;

/* Junos: "MGC", flags, and if these say so a length and as many bytes. */
const JUNIPER_HEADER_BYTES = 4;
const JUNIPER_MAGIC = 0x4d4743;
const JUNIPER_FLAGS = 3;
const JUNIPER_FLAG_EXTENSIONS = 0x80;
const JUNIPER_FLAG_NO_LINK = 0x02;
const JUNIPER_PROTOCOL_BYTES = 4;

/** What is no link type but a verdict, so that both can be told by one number. */
function refusal(verdict: Verdict): number {
  return ~verdict;
}

/** The verdict that was returned as a link type. */
export function verdictOf(linkType: number): Verdict {
  return ~linkType as Verdict;
}

/**
 * Steps over the header that a link type is, from `networkOffset` on, and returns the link type of what follows; or a
 * verdict, below 0, see `verdictOf`.
 */
export function innerLinkType(packet: Packet, linkType: number, bytes: Uint8Array, end: number): number {
  switch (linkType) {
    case types.LINKTYPE_PPI:
      return skipPpi(packet, bytes, end);
    case types.LINKTYPE_PKTAP:
    case types.LINKTYPE_USER2:
      return skipPktap(packet, bytes, end);
    case types.LINKTYPE_JUNIPER_ETHER:
      return skipJuniper(packet, types.LINKTYPE_ETHERNET, bytes, end);
    case types.LINKTYPE_JUNIPER_PPP:
      return skipJuniper(packet, types.LINKTYPE_PPP, bytes, end);
    case types.LINKTYPE_JUNIPER_FRELAY:
      return skipJuniper(packet, types.LINKTYPE_FRELAY, bytes, end);
    case types.LINKTYPE_JUNIPER_CHDLC:
      return skipJuniper(packet, types.LINKTYPE_C_HDLC, bytes, end);
    case types.LINKTYPE_SLIP:
      return skip(packet, SLIP_HEADER_BYTES, types.LINKTYPE_RAW, end);
    case types.LINKTYPE_PPP_WITH_DIR:
      return skip(packet, DIRECTION_BYTES, types.LINKTYPE_PPP, end);
    case types.LINKTYPE_DSA_TAG_BRCM_PREPEND:
      return skip(packet, BRCM_TAG_BYTES, types.LINKTYPE_ETHERNET, end);
    case types.LINKTYPE_NETANALYZER:
      packet.trailerBytes = FCS_BYTES;
      return skip(packet, NETANALYZER_HEADER_BYTES, types.LINKTYPE_ETHERNET, end);
    case types.LINKTYPE_NETANALYZER_TRANSPARENT:
      packet.trailerBytes = FCS_BYTES;
      return skip(packet, NETANALYZER_HEADER_BYTES + PREAMBLE_BYTES, types.LINKTYPE_ETHERNET, end);
    default:
      return refusal(Verdict.UNKNOWN_LINK);
  }
}

/** A header of fixed size, which says nothing that matters here. */
function skip(packet: Packet, headerBytes: number, linkType: number, end: number): number {
  return skipHeader(packet, headerBytes, end) ? linkType : refusal(Verdict.TRUNCATED);
}

function skipPpi(packet: Packet, bytes: Uint8Array, end: number): number {
  const at = packet.networkOffset;
  if (end - at < PPI_MIN_BYTES) return refusal(Verdict.TRUNCATED);
  const headerBytes = u16LittleEndian(bytes, at + PPI_LENGTH);
  if (headerBytes < PPI_MIN_BYTES) return refusal(Verdict.MALFORMED);
  if (!skipHeader(packet, headerBytes, end)) return refusal(Verdict.TRUNCATED);
  const hasFlags = headerBytes > PPI_WIRELESS_FLAGS && u16LittleEndian(bytes, at + PPI_FIELD) === PPI_FIELD_WIRELESS;
  if (hasFlags && (bytes[at + PPI_WIRELESS_FLAGS]! & PPI_FLAG_FCS) !== 0) packet.trailerBytes = FCS_BYTES;
  return u32LittleEndian(bytes, at + PPI_LINK_TYPE);
}

function skipPktap(packet: Packet, bytes: Uint8Array, end: number): number {
  const at = packet.networkOffset;
  if (end - at < PKTAP_MIN_BYTES) return refusal(Verdict.TRUNCATED);
  const headerBytes = u32LittleEndian(bytes, at);
  if (headerBytes < PKTAP_MIN_BYTES) return refusal(Verdict.MALFORMED);
  if (headerBytes > end - at) return refusal(Verdict.TRUNCATED);
  packet.networkOffset = at + headerBytes;
  const isPacket = u32LittleEndian(bytes, at + PKTAP_KIND) === PKTAP_PACKET;
  return isPacket ? u32LittleEndian(bytes, at + PKTAP_LINK_TYPE) : refusal(Verdict.IP);
}

/** `linkType`: of what follows, unless it has no link header. */
function skipJuniper(packet: Packet, linkType: number, bytes: Uint8Array, end: number): number {
  const at = packet.networkOffset;
  if (!skipHeader(packet, JUNIPER_HEADER_BYTES, end)) return refusal(Verdict.TRUNCATED);
  if (u24(bytes, at) !== JUNIPER_MAGIC) return refusal(Verdict.MALFORMED);
  const flags = bytes[at + JUNIPER_FLAGS]!;
  if ((flags & JUNIPER_FLAG_EXTENSIONS) !== 0) {
    if (!skipHeader(packet, 2, end)) return refusal(Verdict.TRUNCATED);
    if (!skipHeader(packet, u16(bytes, packet.networkOffset - 2), end)) return refusal(Verdict.TRUNCATED);
  }
  if ((flags & JUNIPER_FLAG_NO_LINK) === 0) return linkType;
  return skipHeader(packet, JUNIPER_PROTOCOL_BYTES, end) ? types.LINKTYPE_RAW : refusal(Verdict.TRUNCATED);
}
