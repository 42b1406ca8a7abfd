import { u16LittleEndian, u32 } from "../bytes.ts";
import { type Packet, Verdict } from "../packet.ts";
import { parseLlc, skipHeader } from "./encapsulation.ts";

/*
 * IEEE 802.11, section 9.2: a header of 24 bytes, more by what the frame control says, and LLC in frames of data.
 *
 *     0 | subtype 4 : type 2 : version 2 | flags |
 *     4 | addresses 1 to 3 (6 bytes each)
 *    22 | sequence 12 : fragment 4, little-endian | address 4 | QoS control (2 bytes) | HT control (4 bytes) |
 */
const HEADER_BYTES = 24;
const ADDRESS_BYTES = 6;
const QOS_BYTES = 2;
const HT_CONTROL_BYTES = 4;
const SEQUENCE = 22;
const FRAGMENT = 0x0f;
/** Of the first byte. */
const TYPE = 0x0c;
const TYPE_DATA = 0x08;
const SUBTYPE_NO_DATA = 0x40;
const SUBTYPE_QOS = 0x80;
/** Of the second byte. */
const BETWEEN_ACCESS_POINTS = 0x03;
const PROTECTED = 0x40;
const HAS_HT_CONTROL = 0x80;
/** Of the QoS control: several packets, each behind a header of its own. */
const IS_AGGREGATE = 0x80;
const FCS_BYTES = 4;

/* Radiotap (radiotap.org): a length, bits for the fields that there are, and the fields, aligned to their size. */
const RADIOTAP_MIN_BYTES = 8;
const RADIOTAP_LENGTH = 2;
const RADIOTAP_PRESENT = 4;
const HAS_TIMESTAMP = 0x01;
const HAS_FLAGS = 0x02;
/** Of the last byte of each word of bits. */
const HAS_MORE_BITS = 0x80;
const TIMESTAMP_BYTES = 8;
const FLAG_FCS = 0x10;
const FLAG_PADDED = 0x20;

const PRISM_HEADER_BYTES = 144;
/** Drivers that announce Prism headers may write those of AVS, which begin with a number of their own. */
const AVS_MAGIC = 0x80211000;
const AVS_LENGTH = 4;
const AVS_MIN_BYTES = 8;

/**
 * The frame of 802.11 at `networkOffset`, as parseLink does. Frames that carry no data, that are encrypted, that go on
 * with a fragment or have several packets are not IP, with the header as a part of their size. `isPadded`: what the
 * header precedes is aligned to 4 bytes.
 */
export function parseWireless(packet: Packet, isPadded: boolean, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < 2) return Verdict.TRUNCATED;
  const control = bytes[at]!;
  const flags = bytes[at + 1]!;
  if ((control & (TYPE | SUBTYPE_NO_DATA)) !== TYPE_DATA || (flags & PROTECTED) !== 0) return Verdict.IP;
  let headerBytes = HEADER_BYTES;
  if ((flags & BETWEEN_ACCESS_POINTS) === BETWEEN_ACCESS_POINTS) headerBytes += ADDRESS_BYTES;
  const qosAt = at + headerBytes;
  const hasQos = (control & SUBTYPE_QOS) !== 0;
  if (hasQos) headerBytes += QOS_BYTES + ((flags & HAS_HT_CONTROL) === 0 ? 0 : HT_CONTROL_BYTES);
  if (end - at < headerBytes) return Verdict.TRUNCATED;
  if ((bytes[at + SEQUENCE]! & FRAGMENT) !== 0 || (hasQos && (bytes[qosAt]! & IS_AGGREGATE) !== 0)) return Verdict.IP;
  packet.networkOffset = at + (isPadded ? (headerBytes + 3) & ~3 : headerBytes);
  return parseLlc(packet, bytes, end);
}

export function parseRadiotap(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < RADIOTAP_MIN_BYTES) return Verdict.TRUNCATED;
  const headerBytes = u16LittleEndian(bytes, at + RADIOTAP_LENGTH);
  if (headerBytes < RADIOTAP_MIN_BYTES) return Verdict.MALFORMED;
  if (!skipHeader(packet, headerBytes, end)) return Verdict.TRUNCATED;
  const flags = radiotapFlags(bytes, at, headerBytes);
  if ((flags & FLAG_FCS) !== 0) packet.trailerBytes = FCS_BYTES;
  return parseWireless(packet, (flags & FLAG_PADDED) !== 0, bytes, end);
}

/** The field of flags in the radiotap header at `at`; 0 if there is none. Only the time may stand before it. */
function radiotapFlags(bytes: Uint8Array, at: number, headerBytes: number): number {
  const present = bytes[at + RADIOTAP_PRESENT]!;
  let field = RADIOTAP_PRESENT + 4;
  while (field < headerBytes && (bytes[at + field - 1]! & HAS_MORE_BITS) !== 0) field += 4;
  if ((present & HAS_TIMESTAMP) !== 0) field = ((field + 7) & ~7) + TIMESTAMP_BYTES;
  return (present & HAS_FLAGS) !== 0 && field < headerBytes ? bytes[at + field]! : 0;
}

export function parsePrism(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < 4) return Verdict.TRUNCATED;
  const magic = u32(bytes, at);
  if (magic === AVS_MAGIC + 1 || magic === AVS_MAGIC + 2) return parseAvs(packet, bytes, end);
  if (!skipHeader(packet, PRISM_HEADER_BYTES, end)) return Verdict.TRUNCATED;
  return parseWireless(packet, false, bytes, end);
}

export function parseAvs(packet: Packet, bytes: Uint8Array, end: number): Verdict {
  const at = packet.networkOffset;
  if (end - at < AVS_MIN_BYTES) return Verdict.TRUNCATED;
  const headerBytes = u32(bytes, at + AVS_LENGTH);
  if (headerBytes < AVS_MIN_BYTES) return Verdict.MALFORMED;
  if (headerBytes > end - at) return Verdict.TRUNCATED;
  packet.networkOffset = at + headerBytes;
  return parseWireless(packet, false, bytes, end);
}
