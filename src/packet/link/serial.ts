import { u16 } from "../bytes.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST, LLC_UI } from "../headers.ts";
import { type Packet, Verdict } from "../packet.ts";
import { ETHERTYPE_NONE, parsePpp, parseTags } from "./encapsulation.ts";
import { parseBridgingSnap } from "./media.ts";

/* Serial lines: PPP and Cisco's HDLC, frame relay. All start at `networkOffset`, as parseLink does. */

const HDLC_HEADER_BYTES = 4;
const HDLC_UNICAST = 0x0f;
const HDLC_MULTICAST = 0x8f;

/*
 * Frame relay (Q.922 annex A, RFC 2427): an address of two to four bytes, of which the last is odd. In the first two:
 *
 *     | DLCI 6 | C/R | 0 |   | DLCI 4 | FECN | BECN | DE | last |
 */
const MAX_ADDRESS_BYTES = 4;
const IS_LAST = 0x01;
/** Of multilink frame relay (FRF.16): the bits that tell the beginning and the end of a fragment, and control frames. */
const MFR_BITS = 0xe0;
const MFR_BEGINNING = 0x80;
const MFR_WHOLE = 0xc0;
const MFR_HEADER_BYTES = 2;

/* Network layer protocol identifiers: ISO/IEC TR 9577, RFC 2427. */
const NLPID_SNAP = 0x80;
const NLPID_IPV6 = 0x8e;
const NLPID_IPV4 = 0xcc;
const NLPID_PPP = 0xcf;

/** HDLC framing tells PPP (address 0xff) from Cisco's own (0x0f unicast, 0x8f multicast), which has an EtherType. */
export function parseHdlc(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < HDLC_HEADER_BYTES) return Verdict.TRUNCATED;
  if (bytes[at] !== HDLC_UNICAST && bytes[at] !== HDLC_MULTICAST) return parsePpp(packet, bytes, end);
  packet.networkOffset = at + HDLC_HEADER_BYTES;
  return parseTags(packet, u16(bytes, at + 2), bytes, end);
}

/** PPP as pppd records it: the direction, 0 or 1, in the place of the HDLC address. */
export function parsePppd(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at >= 2 && bytes[at]! <= 1 && bytes[at + 1] === 0x03) packet.networkOffset = at + 2;
  return parsePpp(packet, bytes, end);
}

/** Frame relay: Cisco's encapsulation, which is an EtherType, or that of RFC 2427, which begins with a control byte. */
export function parseFrameRelay(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  let body = at + 2;
  while (body < at + MAX_ADDRESS_BYTES && body <= end && !isLast(bytes, body - 1)) body++;
  if (end - body < 2) return Verdict.TRUNCATED;
  if (isLast(bytes, at) || !isLast(bytes, body - 1)) return Verdict.MALFORMED;
  packet.networkOffset = body;
  if (bytes[body] === LLC_UI) return parseNlpid(packet, bytes, end);
  const etherType = u16(bytes, body);
  packet.etherType = ETHERTYPE_NONE;
  if (!isRouted(etherType)) return Verdict.IP;
  packet.networkOffset = body + 2;
  return parseTags(packet, etherType, bytes, end);
}

/** Multilink frame relay: a whole packet, or its first fragment; the others have no header. */
export function parseMultilinkFrameRelay(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < MFR_HEADER_BYTES) return Verdict.TRUNCATED;
  const bits = bytes[at]! & MFR_BITS;
  if (bits !== MFR_BEGINNING && bits !== MFR_WHOLE) return Verdict.IP;
  packet.networkOffset = at + MFR_HEADER_BYTES;
  return parseFrameRelay(packet, bytes, end);
}

/** A control byte, or two if the second is a pad, and the NLPID. */
function parseNlpid(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  const nlpidAt = bytes[at + 1] === 0 ? at + 2 : at + 1;
  if (nlpidAt >= end) return Verdict.TRUNCATED;
  packet.networkOffset = nlpidAt + 1;
  packet.etherType = ETHERTYPE_NONE;
  switch (bytes[nlpidAt]) {
    case NLPID_IPV4:
      packet.etherType = ETHERTYPE_IPV4;
      return Verdict.IP;
    case NLPID_IPV6:
      packet.etherType = ETHERTYPE_IPV6;
      return Verdict.IP;
    case NLPID_SNAP:
      return parseBridgingSnap(packet, 0, bytes, end);
    case NLPID_PPP:
      return parsePpp(packet, bytes, end);
    default:
      return Verdict.IP;
  }
}

function isLast(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! & IS_LAST) !== 0;
}

function isRouted(etherType: number): boolean {
  return (
    etherType === ETHERTYPE_IPV4 ||
    etherType === ETHERTYPE_IPV6 ||
    etherType === ETHERTYPE_MPLS ||
    etherType === ETHERTYPE_MPLS_MULTICAST
  );
}
