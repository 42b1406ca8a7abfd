import { u16, u16LittleEndian, u32, u32LittleEndian } from "../bytes.ts";
import {
  AF_INET,
  AF_INET6,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  SLL_DEVICE,
  SLL_HEADER_BYTES,
  SLL_PROTOCOL,
} from "../headers.ts";
import { type Packet, Verdict } from "../packet.ts";
import { ETHERTYPE_NONE, parseTags, skipHeader } from "./encapsulation.ts";
import { parsePrism, parseRadiotap, parseWireless } from "./wireless.ts";

/* What captures put before a packet that they have no other link header for. All start at `networkOffset`. */

/* AF_INET6 of other systems; AF_INET is the same everywhere. */
const AF_INET6_BSD = 24;
const AF_INET6_SOLARIS = 26;
const AF_INET6_FREEBSD = 28;
const AF_INET6_DARWIN = 30;

/* ARPHRD_ of linux/if_arp.h: cooked frames of these still have their header of 802.11. */
const ARPHRD_IEEE80211 = 801;
const ARPHRD_IEEE80211_PRISM = 802;
const ARPHRD_IEEE80211_RADIOTAP = 803;

const SLL2_HEADER_BYTES = 20;
const SLL2_DEVICE = 8;
const NULL_HEADER_BYTES = 4;
const ENC_HEADER_BYTES = 12;
const PFLOG_FAMILY = 1;
const PFLOG_MIN_BYTES = 61;
const IPNET_HEADER_BYTES = 24;
const IPNET_FAMILY = 1;

/*
 * Messages of nfnetlink_log (linux/netfilter/nfnetlink_log.h) as libpcap writes them: a header, and attributes in the
 * byte order of the host. The last one is the packet.
 *
 *     0 | family | version | resource (2 bytes) |    4 | length (2 bytes) | type (2 bytes) | value, padded to 4 bytes | ...
 */
const NFLOG_HEADER_BYTES = 4;
const NFLOG_VERSION = 1;
const ATTRIBUTE_HEADER_BYTES = 4;
const NFULA_PAYLOAD = 9;

/** NULL, LOOP and ENC: the family in the byte order of the capturing host, which is not known; LOOP: big-endian. */
function parseFamily(packet: Packet, headerBytes: number, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, headerBytes, end)) return Verdict.TRUNCATED;
  const bigEndian = u32(bytes, at);
  // Families are small numbers: one above 16 bits was written in the other order.
  packet.etherType = etherTypeOf(bigEndian <= 0xffff ? bigEndian : u32LittleEndian(bytes, at));
  return Verdict.IP;
}

export function parseNull(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  return parseFamily(packet, NULL_HEADER_BYTES, bytes, end);
}

export function parseEnc(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  return parseFamily(packet, ENC_HEADER_BYTES, bytes, end);
}

export function parsePflog(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < 2) return Verdict.TRUNCATED;
  if (bytes[at]! < PFLOG_MIN_BYTES) return Verdict.MALFORMED;
  if (!skipHeader(packet, (bytes[at]! + 3) & ~3, end)) return Verdict.TRUNCATED;
  packet.etherType = etherTypeOf(bytes[at + PFLOG_FAMILY]!);
  return Verdict.IP;
}

export function parseIpnet(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, IPNET_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  const family = bytes[at + IPNET_FAMILY]!;
  packet.etherType = family === AF_INET6_SOLARIS ? ETHERTYPE_IPV6 : etherTypeOf(family);
  return Verdict.IP;
}

function etherTypeOf(family: number): number {
  switch (family) {
    case AF_INET:
      return ETHERTYPE_IPV4;
    case AF_INET6:
    case AF_INET6_BSD:
    case AF_INET6_FREEBSD:
    case AF_INET6_DARWIN:
      return ETHERTYPE_IPV6;
    default:
      return ETHERTYPE_NONE;
  }
}

/** Linux's cooked header, of the first version: the kind of device, and the EtherType. */
export function parseSll(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, SLL_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  return parseCooked(packet, u16(bytes, at + SLL_DEVICE), u16(bytes, at + SLL_PROTOCOL), bytes, end);
}

/** And of the second. */
export function parseSll2(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (!skipHeader(packet, SLL2_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  return parseCooked(packet, u16(bytes, at + SLL2_DEVICE), u16(bytes, at), bytes, end);
}

function parseCooked(packet: Packet, device: number, etherType: number, bytes: Uint8Array, end: number): Verdict {
  switch (device) {
    case ARPHRD_IEEE80211:
      return parseWireless(packet, false, bytes, end);
    case ARPHRD_IEEE80211_PRISM:
      return parsePrism(packet, bytes, end);
    case ARPHRD_IEEE80211_RADIOTAP:
      return parseRadiotap(packet, bytes, end);
    default:
      return parseTags(packet, etherType, bytes, end);
  }
}

export function parseNflog(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const start = packet.networkOffset;
  if (!skipHeader(packet, NFLOG_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  if (bytes[start + NFLOG_VERSION] !== 0) return Verdict.MALFORMED;
  for (let at = packet.networkOffset; end - at >= ATTRIBUTE_HEADER_BYTES;) {
    // Types are small numbers: the byte that is 0 tells the order.
    const number = bytes[at + 3] === 0 ? u16LittleEndian : u16;
    const lengthBytes = number(bytes, at);
    if (lengthBytes < ATTRIBUTE_HEADER_BYTES) return Verdict.MALFORMED;
    const paddedBytes = (lengthBytes + 3) & ~3;
    if (number(bytes, at + 2) === NFULA_PAYLOAD) {
      packet.networkOffset = at + ATTRIBUTE_HEADER_BYTES;
      packet.etherType = etherTypeOf(bytes[start]!);
      if (at + paddedBytes === end) packet.trailerBytes = paddedBytes - lengthBytes;
      return Verdict.IP;
    }
    at += paddedBytes;
    packet.networkOffset = at;
  }
  return Verdict.TRUNCATED;
}
