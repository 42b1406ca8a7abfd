import { u16 } from "../bytes.ts";
import {
  ETHERNET_HEADER_BYTES,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_JUMBO_LLC,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_9100,
  ETHERTYPE_QINQ_9200,
  ETHERTYPE_VLAN,
  LLC_BYTES,
  LLC_IPV4,
  LLC_SAPS,
  LLC_SNAP,
  LLC_SNAP_BYTES,
  LLC_UI,
  MAX_ETHERNET_LENGTH,
  MPLS_BOTTOM_OF_STACK,
  MPLS_LABEL_BOTTOM,
  MPLS_LABEL_BYTES,
  PPPOE_HEADER_BYTES,
  PPP_ADDRESS_AND_CONTROL,
  PPP_ADDRESS_AND_CONTROL_BYTES,
  PPP_IPV4,
  PPP_IPV6,
  PPP_MPLS,
  PPP_MPLS_MULTICAST,
  SNAP_OUI_CISCO,
  SNAP_OUI_HIGH,
  SNAP_OUI_RFC1042,
  VLAN_TAG_BYTES,
  VLAN_TAG_TYPE,
} from "../headers.ts";
import { noteVlan, type Packet, Verdict } from "../packet.ts";

/** Stands in `etherType` for what carries no EtherType and is not IP. */
export const ETHERTYPE_NONE = 0;

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

/** Moves `networkOffset` behind a header of fixed size; false if the capture ends inside it. */
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
        noteVlan(packet, u16(bytes, at));
        etherType = u16(bytes, at + VLAN_TAG_TYPE);
        break;
      case ETHERTYPE_MPLS:
      case ETHERTYPE_MPLS_MULTICAST:
        if (!skipHeader(packet, MPLS_LABEL_BYTES, end)) return Verdict.TRUNCATED;
        if ((bytes[at + MPLS_LABEL_BOTTOM]! & MPLS_BOTTOM_OF_STACK) === 0) break;
        return parseLabelled(packet, bytes, end);
      case ETHERTYPE_PPPOE_SESSION:
        if (!skipHeader(packet, PPPOE_HEADER_BYTES, end)) return Verdict.TRUNCATED;
        return parsePpp(packet, bytes, end);
      case ETHERTYPE_JUMBO_LLC:
        return parseLlc(packet, bytes, end);
      default:
        return etherType > MAX_ETHERNET_LENGTH ? Verdict.IP : parseLlc(packet, bytes, end);
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
  if (end - at >= 2 && u16(bytes, at) === PPP_ADDRESS_AND_CONTROL) at += PPP_ADDRESS_AND_CONTROL_BYTES;
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
