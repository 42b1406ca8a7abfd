/*
 * Capture files, byte by byte: written from draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng, sharing nothing with
 * what reads them. A file is a list of parts, so that a test knows where each begins.
 */

export type ByteOrder = "big" | "little";
export const BYTE_ORDERS: readonly ByteOrder[] = ["big", "little"];
export type Part = readonly number[];

export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const MAGIC_NANOSECONDS = 0xa1b23c4d;
export const MAGIC_MODIFIED = 0xa1b2cd34;
export const LINKTYPE_ETHERNET = 1;
export const IF_NAME = 2;
export const IF_FCSLEN = 13;

/** A captured frame; the lengths are those of `bytes` if they are not given. */
export interface Captured {
  bytes: readonly number[];
  originalBytes?: number;
  /** What the file claims, rightly or not. */
  capturedBytes?: number;
}

export interface PcapFields {
  order: ByteOrder;
  magic?: number;
  version?: readonly [major: number, minor: number];
  /** With the FCS length and its flag. */
  linkType?: number;
}

export function pcapHeader({ order, magic = MAGIC_MICROSECONDS, version = [2, 4], linkType = 1 }: PcapFields): Part {
  const [major, minor] = version;
  const reserved = [...u32(order, 0), ...u32(order, 0)];
  const fields = [...u32(order, magic), ...u16(order, major), ...u16(order, minor), ...reserved];
  return [...fields, ...u32(order, 65_535), ...u32(order, linkType)];
}

export function pcapRecord(order: ByteOrder, captured: Captured, behindHeader: Part = []): Part {
  return [...times(order), ...lengths(order, captured), ...behindHeader, ...captured.bytes];
}

export function pcap(fields: PcapFields, frames: readonly Captured[]): Part[] {
  const isModified = fields.magic === MAGIC_MODIFIED;
  // Interface index, protocol, direction, padding.
  const more = isModified ? [...u32(fields.order, 3), ...u16(fields.order, 0x0800), 4, 0] : [];
  return [pcapHeader(fields), ...frames.map((frame) => pcapRecord(fields.order, frame, more))];
}

export function block(order: ByteOrder, type: number, body: Part): Part {
  const padded = pad(body);
  const length = u32(order, padded.length + 12);
  return [...u32(order, type), ...length, ...padded, ...length];
}

export function sectionHeader(order: ByteOrder, major = 1, options: Part = []): Part {
  const unknownLength = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const fields = [...u32(order, 0x1a2b3c4d), ...u16(order, major), ...u16(order, 0), ...unknownLength];
  return block(order, 0x0a0d0d0a, [...fields, ...options]);
}

export interface InterfaceFields {
  linkType?: number;
  snaplenBytes?: number;
  options?: Part;
}

export function interfaceBlock(order: ByteOrder, fields: InterfaceFields = {}): Part {
  const { linkType = LINKTYPE_ETHERNET, snaplenBytes = 0, options = [] } = fields;
  return block(order, 1, [...u16(order, linkType), 0, 0, ...u32(order, snaplenBytes), ...options]);
}

export function option(order: ByteOrder, code: number, value: Part): Part {
  return [...u16(order, code), ...u16(order, value.length), ...pad(value)];
}

export function nameOption(order: ByteOrder, name: string): Part {
  return option(order, IF_NAME, [...Buffer.from(name)]);
}

export function enhancedPacket(order: ByteOrder, index: number, captured: Captured, options: Part = []): Part {
  const data = pad(captured.bytes);
  return block(order, 6, [...u32(order, index), ...times(order), ...lengths(order, captured), ...data, ...options]);
}

export function obsoletePacket(order: ByteOrder, index: number, captured: Captured): Part {
  const drops = 0xffff;
  const fields = [...u16(order, index), ...u16(order, drops), ...times(order), ...lengths(order, captured)];
  return block(order, 2, [...fields, ...captured.bytes]);
}

export function simplePacket(order: ByteOrder, captured: Captured): Part {
  return block(order, 3, [...u32(order, captured.originalBytes ?? captured.bytes.length), ...captured.bytes]);
}

export function u16(order: ByteOrder, value: number): number[] {
  return ordered(order, [value >> 8, value & 0xff]);
}

export function u32(order: ByteOrder, value: number): number[] {
  return ordered(order, [value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]);
}

function times(order: ByteOrder): number[] {
  return [...u32(order, 1_700_000_000), ...u32(order, 999_999)];
}

function lengths(order: ByteOrder, captured: Captured): number[] {
  const { bytes, originalBytes = bytes.length, capturedBytes = bytes.length } = captured;
  return [...u32(order, capturedBytes), ...u32(order, originalBytes)];
}

function pad(bytes: Part): Part {
  return [...bytes, ...Array.from({ length: -bytes.length & 3 }, () => 0)];
}

function ordered(order: ByteOrder, bigEndian: number[]): number[] {
  return order === "big" ? bigEndian : bigEndian.toReversed();
}
