import { u16, u32, u32LittleEndian } from "./bytes.ts";
import { type Packet, Verdict } from "./packet.ts";

/** Link-layer header types, as pcap files number them (https://www.tcpdump.org/linktypes.html). */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_PPP = 9;
export const LINKTYPE_PPP_HDLC = 50;
export const LINKTYPE_PPP_ETHER = 51;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_C_HDLC = 104;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_LINUX_SLL2 = 276;
/** DLT_RAW of BSD and of Linux before it became 101: in the files of old tools. */
const DLT_RAW = 12;
const DLT_RAW_OPENBSD = 14;

const KNOWN_LINK_TYPES: ReadonlySet<number> = new Set([
  LINKTYPE_NULL,
  LINKTYPE_ETHERNET,
  LINKTYPE_PPP,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_PPP_ETHER,
  LINKTYPE_RAW,
  LINKTYPE_C_HDLC,
  LINKTYPE_LOOP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL2,
  DLT_RAW,
  DLT_RAW_OPENBSD,
]);

/** Whether frames of this link type can be accounted by address. */
export function isKnownLinkType(linkType: number): boolean {
  return KNOWN_LINK_TYPES.has(linkType);
}

/* EtherTypes: IEEE 802 Numbers, IANA. */
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_QINQ = 0x88a8;
/** Stacked tags of switches older than 802.1ad. */
export const ETHERTYPE_QINQ_OLD = 0x9100;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_MPLS_MULTICAST = 0x8848;
export const ETHERTYPE_PPPOE_SESSION = 0x8864;
/** Stands in `etherType` for what carries no EtherType and is not IP. */
const ETHERTYPE_NONE = 0;

export const ETHERNET_HEADER_BYTES = 14;
const ETHERNET_TYPE = 12;
const VLAN_TAG_BYTES = 4;
const MPLS_LABEL_BYTES = 4;
const MPLS_BOTTOM_OF_STACK = 0x01;
const PPPOE_HEADER_BYTES = 6;
const SLL_HEADER_BYTES = 16;
const SLL_PROTOCOL = 14;
const SLL2_HEADER_BYTES = 20;
const NULL_HEADER_BYTES = 4;
const HDLC_HEADER_BYTES = 4;

/* PPP protocol numbers: RFC 1661 section 2, and the registry "PPP DLL Protocol Numbers". */
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_MPLS = 0x0281;
const PPP_MPLS_MULTICAST = 0x0283;

/** Tags and labels that are looked through, together; a frame with more is malformed. */
export const MAX_TAGS = 8;

/**
 * Reads the link header of the frame at [start, end) and sets `etherType` and `networkOffset`. Any verdict but `IP`
 * ("go on") ends the parse; `networkOffset` is then where the reading stopped. Hot; does not allocate.
 */
export function parseLink(packet: Packet, linkType: number, bytes: Uint8Array, start: number, end: number): Verdict {
  if (linkType === LINKTYPE_ETHERNET) return parseEthernet(packet, bytes, start, end);
  packet.networkOffset = start;
  packet.etherType = ETHERTYPE_NONE;
  switch (linkType) {
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
    case DLT_RAW:
    case DLT_RAW_OPENBSD:
      return parseVersionNibble(packet, bytes, start, end);
    case LINKTYPE_LINUX_SLL:
      if (!skipHeader(packet, SLL_HEADER_BYTES, end)) return Verdict.TRUNCATED;
      return parseTags(packet, u16(bytes, start + SLL_PROTOCOL), bytes, end);
    case LINKTYPE_LINUX_SLL2:
      if (!skipHeader(packet, SLL2_HEADER_BYTES, end)) return Verdict.TRUNCATED;
      return parseTags(packet, u16(bytes, start), bytes, end);
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return parseAddressFamily(packet, bytes, start, end);
    case LINKTYPE_PPP:
      return parsePpp(packet, bytes, end);
    case LINKTYPE_PPP_HDLC:
    case LINKTYPE_C_HDLC:
      return parseHdlc(packet, bytes, end);
    case LINKTYPE_PPP_ETHER:
      return parseTags(packet, ETHERTYPE_PPPOE_SESSION, bytes, end);
    default:
      return Verdict.UNKNOWN_LINK;
  }
}

function parseEthernet(packet: Packet, bytes: Uint8Array, start: number, end: number): Verdict {
  packet.networkOffset = start + ETHERNET_HEADER_BYTES;
  if (end - start < ETHERNET_HEADER_BYTES) return Verdict.TRUNCATED;
  const etherType = u16(bytes, start + ETHERNET_TYPE);
  if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6) {
    packet.etherType = etherType;
    return Verdict.IP;
  }
  return parseTags(packet, etherType, bytes, end);
}

/** Moves `networkOffset` behind a header of fixed size; false where the capture ends inside it. */
function skipHeader(packet: Packet, headerBytes: number, end: number): boolean {
  packet.networkOffset += headerBytes;
  return packet.networkOffset <= end;
}

/**
 * Looks through what may stand between a link header and the network header: VLAN tags, MPLS labels, PPPoE. What is
 * inside none of them is left as it is. Starts at `networkOffset`, with the EtherType of what stands there. Hot.
 */
export function parseTags(packet: Packet, etherType: number, bytes: Uint8Array, end: number): Verdict {
  for (let count = 0; count <= MAX_TAGS; count++) {
    packet.etherType = etherType;
    const at = packet.networkOffset;
    switch (etherType) {
      case ETHERTYPE_VLAN:
      case ETHERTYPE_QINQ:
      case ETHERTYPE_QINQ_OLD:
        if (!skipHeader(packet, VLAN_TAG_BYTES, end)) return Verdict.TRUNCATED;
        etherType = u16(bytes, at + 2);
        break;
      case ETHERTYPE_MPLS:
      case ETHERTYPE_MPLS_MULTICAST:
        if (!skipHeader(packet, MPLS_LABEL_BYTES, end)) return Verdict.TRUNCATED;
        if ((bytes[at + 2]! & MPLS_BOTTOM_OF_STACK) === 0) break;
        return parseLabelled(packet, bytes, end);
      case ETHERTYPE_PPPOE_SESSION:
        if (!skipHeader(packet, PPPOE_HEADER_BYTES, end)) return Verdict.TRUNCATED;
        return parsePpp(packet, bytes, end);
      default:
        return Verdict.IP;
    }
  }
  return Verdict.MALFORMED;
}

/** MPLS does not say what it carries: IP is told by its first four bits (RFC 4928 section 3), all else is not IP. */
function parseLabelled(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (at >= end) return Verdict.TRUNCATED;
  const version = bytes[at]! >> 4;
  packet.etherType = version === 4 ? ETHERTYPE_IPV4 : version === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_NONE;
  return Verdict.IP;
}

function parseVersionNibble(packet: Packet, bytes: Uint8Array, start: number, end: number): Verdict {
  if (start >= end) return Verdict.TRUNCATED;
  const version = bytes[start]! >> 4;
  if (version !== 4 && version !== 6) return Verdict.MALFORMED;
  packet.etherType = version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  return Verdict.IP;
}

/** PPP, with or without the HDLC address and control bytes, with or without protocol field compression. */
function parsePpp(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  let at = packet.networkOffset;
  if (end - at >= 2 && bytes[at] === 0xff && bytes[at + 1] === 0x03) at += 2;
  if (end - at < 2) return Verdict.TRUNCATED;
  // The last byte of a protocol number is odd, all others are even (RFC 1661 section 2).
  const compressed = (bytes[at]! & 1) === 1;
  const protocol = compressed ? bytes[at]! : u16(bytes, at);
  packet.networkOffset = at + (compressed ? 1 : 2);
  switch (protocol) {
    case PPP_IPV4:
      packet.etherType = ETHERTYPE_IPV4;
      return Verdict.IP;
    case PPP_IPV6:
      packet.etherType = ETHERTYPE_IPV6;
      return Verdict.IP;
    case PPP_MPLS:
    case PPP_MPLS_MULTICAST:
      return parseTags(packet, ETHERTYPE_MPLS, bytes, end);
    default:
      packet.etherType = ETHERTYPE_NONE;
      return Verdict.IP;
  }
}

/** HDLC framing tells PPP (address 0xff) from Cisco's own (0x0f unicast, 0x8f multicast), which has an EtherType. */
function parseHdlc(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < HDLC_HEADER_BYTES) return Verdict.TRUNCATED;
  if (bytes[at] !== 0x0f && bytes[at] !== 0x8f) return parsePpp(packet, bytes, end);
  packet.networkOffset = at + HDLC_HEADER_BYTES;
  return parseTags(packet, u16(bytes, at + 2), bytes, end);
}

/** NULL: the address family in the byte order of the capturing host, which is not known; LOOP: big-endian. */
function parseAddressFamily(packet: Packet, bytes: Uint8Array, start: number, end: number): Verdict {
  if (!skipHeader(packet, NULL_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  const bigEndian = u32(bytes, start);
  // Families are small numbers: one above 16 bits was written in the other order.
  const family = bigEndian <= 0xffff ? bigEndian : u32LittleEndian(bytes, start);
  switch (family) {
    case 2:
      packet.etherType = ETHERTYPE_IPV4;
      break;
    // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
    case 10:
    case 24:
    case 28:
    case 30:
      packet.etherType = ETHERTYPE_IPV6;
      break;
    default:
      packet.etherType = ETHERTYPE_NONE;
  }
  return Verdict.IP;
}
