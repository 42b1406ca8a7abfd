import { ETHERTYPE_PPPOE_SESSION } from "./headers.ts";
import { ETHERTYPE_NONE, parseEthernet, parsePpp, parseTags, parseVersionNibble } from "./link/encapsulation.ts";
import * as types from "./link/link-types.ts";
import * as media from "./link/media.ts";
import * as pseudo from "./link/pseudo-headers.ts";
import * as serial from "./link/serial.ts";
import * as wireless from "./link/wireless.ts";
import { innerLinkType, verdictOf } from "./link/wrappers.ts";
import { Packet, Verdict } from "./packet.ts";

const probe = new Packet();
const NOTHING = new Uint8Array(0);

/** Whether frames of this link type can be accounted by address. */
export function isKnownLinkType(linkType: number): boolean {
  return parseLink(probe, linkType, NOTHING, 0, 0) !== Verdict.UNKNOWN_LINK;
}

/**
 * Reads the link header of the frame at [start, end) and sets `etherType`, `networkOffset` and `trailerBytes`. Any
 * verdict but `IP` ("go on") ends the parse; `networkOffset` is then where the reading stopped. Hot; does not allocate.
 */
export function parseLink(packet: Packet, linkType: number, bytes: Uint8Array, start: number, end: number): Verdict {
  packet.networkOffset = start;
  packet.trailerBytes = 0;
  packet.etherType = ETHERTYPE_NONE;
  const verdict = parseOne(packet, linkType, bytes, end);
  if (verdict !== Verdict.UNKNOWN_LINK) return verdict;
  const inner = innerLinkType(packet, linkType, bytes, end);
  return inner < 0 ? verdictOf(inner) : parseOne(packet, inner, bytes, end);
}

/** A frame that begins at `networkOffset` and has no other one inside. */
function parseOne(packet: Packet, linkType: number, bytes: Uint8Array, end: number): Verdict {
  switch (linkType) {
    case types.LINKTYPE_ETHERNET:
      return parseEthernet(packet, bytes, packet.networkOffset, end);
    case types.LINKTYPE_RAW:
    case types.LINKTYPE_IPV4:
    case types.LINKTYPE_IPV6:
    case types.DLT_RAW:
    case types.DLT_RAW_OPENBSD:
      return parseVersionNibble(packet, bytes, end);
    case types.LINKTYPE_LINUX_SLL:
      return pseudo.parseSll(packet, bytes, end);
    case types.LINKTYPE_LINUX_SLL2:
      return pseudo.parseSll2(packet, bytes, end);
    case types.LINKTYPE_NULL:
    case types.LINKTYPE_LOOP:
      return pseudo.parseNull(packet, bytes, end);
    case types.LINKTYPE_ENC:
      return pseudo.parseEnc(packet, bytes, end);
    case types.LINKTYPE_PFLOG:
      return pseudo.parsePflog(packet, bytes, end);
    case types.LINKTYPE_IPNET:
      return pseudo.parseIpnet(packet, bytes, end);
    case types.LINKTYPE_NFLOG:
      return pseudo.parseNflog(packet, bytes, end);
    case types.LINKTYPE_IEEE802_11:
      return wireless.parseWireless(packet, false, bytes, end);
    case types.LINKTYPE_IEEE802_11_RADIOTAP:
      return wireless.parseRadiotap(packet, bytes, end);
    case types.LINKTYPE_IEEE802_11_PRISM:
      return wireless.parsePrism(packet, bytes, end);
    case types.LINKTYPE_IEEE802_11_AVS:
      return wireless.parseAvs(packet, bytes, end);
    default:
      return parseRare(packet, linkType, bytes, end);
  }
}

function parseRare(packet: Packet, linkType: number, bytes: Uint8Array, end: number): Verdict {
  switch (linkType) {
    case types.LINKTYPE_PPP:
      return parsePpp(packet, bytes, end);
    case types.LINKTYPE_PPP_PPPD:
      return serial.parsePppd(packet, bytes, end);
    case types.LINKTYPE_PPP_HDLC:
    case types.LINKTYPE_C_HDLC:
      return serial.parseHdlc(packet, bytes, end);
    case types.LINKTYPE_PPP_ETHER:
      return parseTags(packet, ETHERTYPE_PPPOE_SESSION, bytes, end);
    case types.LINKTYPE_FRELAY:
      return serial.parseFrameRelay(packet, bytes, end);
    case types.LINKTYPE_MFR:
      return serial.parseMultilinkFrameRelay(packet, bytes, end);
    case types.LINKTYPE_DSA_TAG_BRCM:
    case types.LINKTYPE_DSA_TAG_DSA:
      return media.parseTaggedEthernet(packet, media.DSA_TAG_BYTES, bytes, end);
    case types.LINKTYPE_DSA_TAG_EDSA:
      return media.parseTaggedEthernet(packet, media.EDSA_TAG_BYTES, bytes, end);
    case types.LINKTYPE_IPOIB:
      return media.parseIpoib(packet, bytes, end);
    case types.LINKTYPE_APPLE_IP_OVER_IEEE1394:
      return media.parseTyped(packet, media.IEEE1394_HEADER_BYTES, bytes, end);
    case types.LINKTYPE_SYMANTEC_FIREWALL:
      return media.parseSymantec(packet, bytes, end);
    case types.LINKTYPE_IEEE802_5:
      return media.parseTokenRing(packet, bytes, end);
    case types.LINKTYPE_FDDI:
      return media.parseFddi(packet, bytes, end);
    case types.LINKTYPE_IP_OVER_FC:
      return media.parseIpOverFibreChannel(packet, bytes, end);
    case types.LINKTYPE_ATM_RFC1483:
    case types.DLT_ATM_RFC1483:
      return media.parseAtm(packet, bytes, end);
    case types.LINKTYPE_ATM_CLIP:
    case types.DLT_ATM_CLIP:
      return media.parseClassicalIp(packet, bytes, end);
    case types.LINKTYPE_SUNATM:
      return media.parseSunAtm(packet, bytes, end);
    default:
      return Verdict.UNKNOWN_LINK;
  }
}
