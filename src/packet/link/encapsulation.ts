import { u16 } from "../bytes.ts";
import { type Packet, Verdict } from "../packet.ts";

/* EtherTypes: IEEE 802 Numbers, IANA. */
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_QINQ = 0x88a8;
/** Stacked tags of switches older than 802.1ad. */
export const ETHERTYPE_QINQ_9100 = 0x9100;
export const ETHERTYPE_QINQ_9200 = 0x9200;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_MPLS_MULTICAST = 0x8848;
export const ETHERTYPE_PPPOE_SESSION = 0x8864;
/** LLC in frames that are longer than a length field can tell (draft-ietf-isis-ext-eth). */
export const ETHERTYPE_JUMBO_LLC = 0x8870;
/** Stands in `etherType` for what carries no EtherType and is not IP. */
export const ETHERTYPE_NONE = 0;
/** Up to here the field has the length of an 802.3 frame, and LLC follows. */
export const MAX_LENGTH = 1500;

export const ETHERNET_HEADER_BYTES = 14;
const ETHERNET_TYPE = 12;
const VLAN_TAG_BYTES = 4;
const MPLS_LABEL_BYTES = 4;
const MPLS_BOTTOM_OF_STACK = 0x01;
const PPPOE_HEADER_BYTES = 6;

/* PPP protocol numbers: RFC 1661 section 2, and the registry "PPP DLL Protocol Numbers". */
export const PPP_IPV4 = 0x0021;
export const PPP_IPV6 = 0x0057;
export const PPP_MPLS = 0x0281;
export const PPP_MPLS_MULTICAST = 0x0283;

/*
 * IEEE 802.2, RFC 1042
 *
 *  LLC      0 | DSAP | SSAP | control |
 *  SNAP     3 | OUI (3 bytes) | EtherType (2 bytes) |
 *
 * The lowest bit of a SAP tells a group, and a response.
 */
export const LLC_SAPS = 0xfefe;
export const LLC_SNAP = 0xaaaa;
/** RFC 948: IPv4 without SNAP. */
export const LLC_IPV4 = 0x0606;
/** Unnumbered information. */
export const LLC_UI = 0x03;
export const LLC_BYTES = 3;
export const LLC_SNAP_BYTES = 8;
/** The upper two bytes of the OUI of RFC 1042 and of that of Cisco's bridges, and the last bytes. */
export const SNAP_OUI_HIGH = 0;
export const SNAP_OUI_RFC1042 = 0x00;
export const SNAP_OUI_CISCO = 0xf8;

/** Tags and labels that are looked through, together; a frame with more is malformed. */
export const MAX_TAGS = 8;

/** Reads the Ethernet frame that begins at `start`, as parseLink does. Hot; does not allocate. */
export function parseEthernet(packet: Packet, bytes: Uint8Array, start: number, end: number): Verdict {
  packet.networkOffset = start + ETHERNET_HEADER_BYTES;
  if (end - start < ETHERNET_HEADER_BYTES) return Verdict.TRUNCATED;
  return parseType(packet, u16(bytes, start + ETHERNET_TYPE), bytes, end);
}

/** What parseTags does, and sooner for what most frames are. Hot. */
export function parseType(packet: Packet, etherType: number, bytes: Uint8Array, end: number): Verdict {
  if (etherType !== ETHERTYPE_IPV4 && etherType !== ETHERTYPE_IPV6) return parseTags(packet, etherType, bytes, end);
  packet.etherType = etherType;
  return Verdict.IP;
}

/** Moves `networkOffset` behind a header of fixed size; false where the capture ends inside it. */
export function skipHeader(packet: Packet, headerBytes: number, end: number): boolean {
  packet.networkOffset += headerBytes;
  return packet.networkOffset <= end;
}

/**
 * Looks through what may stand between a link header and the network header: VLAN tags, MPLS labels, PPPoE, LLC. What is
 * inside none of them is left as it is. Starts at `networkOffset`, with the EtherType of what stands there, or the length
 * of an 802.3 frame. Hot.
 */
export function parseTags(packet: Packet, etherType: number, bytes: Uint8Array, end: number): Verdict {
  for (let count = 0; count <= MAX_TAGS; count++) {
    packet.etherType = etherType;
    const at = packet.networkOffset;
    switch (etherType) {
      case ETHERTYPE_VLAN:
      case ETHERTYPE_QINQ:
      case ETHERTYPE_QINQ_9100:
      case ETHERTYPE_QINQ_9200:
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
      case ETHERTYPE_JUMBO_LLC:
        return parseLlc(packet, bytes, end);
      default:
        return etherType > MAX_LENGTH ? Verdict.IP : parseLlc(packet, bytes, end);
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

/** An IP packet, whose version its first four bits tell. */
export function parseVersionNibble(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (at >= end) return Verdict.TRUNCATED;
  const version = bytes[at]! >> 4;
  if (version !== 4 && version !== 6) return Verdict.MALFORMED;
  packet.etherType = version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  return Verdict.IP;
}

/** PPP, with or without the HDLC address and control bytes, with or without protocol field compression. */
export function parsePpp(packet: Packet, bytes: Uint8Array, end: number): Verdict {
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

/** LLC, of which IP is found behind the SAP of SNAP and that of IPv4. All else is not IP. */
export function parseLlc(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  packet.etherType = ETHERTYPE_NONE;
  if (end - at < 2) return Verdict.TRUNCATED;
  const saps = u16(bytes, at) & LLC_SAPS;
  if (saps !== LLC_SNAP && saps !== LLC_IPV4) return Verdict.IP;
  const isSnap = saps === LLC_SNAP;
  if (end - at < (isSnap ? LLC_SNAP_BYTES : LLC_BYTES)) return Verdict.TRUNCATED;
  if (bytes[at + 2] !== LLC_UI) return Verdict.IP;
  packet.networkOffset = at + LLC_BYTES;
  if (isSnap) return parseSnap(packet, bytes, end);
  packet.etherType = ETHERTYPE_IPV4;
  return Verdict.IP;
}

/** SNAP with an EtherType; what that says is not looked through any further. */
export function parseSnap(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  packet.etherType = ETHERTYPE_NONE;
  if (end - at < LLC_SNAP_BYTES - LLC_BYTES) return Verdict.TRUNCATED;
  const last = bytes[at + 2];
  const isEtherType = u16(bytes, at) === SNAP_OUI_HIGH && (last === SNAP_OUI_RFC1042 || last === SNAP_OUI_CISCO);
  if (!isEtherType) return Verdict.IP;
  const etherType = u16(bytes, at + 3);
  packet.networkOffset = at + LLC_SNAP_BYTES - LLC_BYTES;
  if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6) packet.etherType = etherType;
  return Verdict.IP;
}
