import { crc32 } from "node:zlib";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

const MAGIC = new TextEncoder().encode("promtap\0");
/** Grows when what is written here can't be read by what went before; what is in a section has its own. */
const VERSION = 1;
const CHECKSUM_BYTES = 4;
/** A state of a million addresses and as many customers has 200 MiB. */
export const MAX_STATE_BYTES = 512 * 2 ** 20;
const MAX_SECTIONS = 64;
const MAX_SECTION_NAME = 64;
/** Bytes that are summed before the event loop gets its turn. */
const BYTES_PER_TURN = 2 ** 20;

/*
 * A state file. Numbers and texts are those of ByteWriter; words have four bytes, the lowest first.
 *
 *     | "promtap\0" | version: word | time of writing in seconds | number of sections | section ... | CRC-32: word |
 *
 *     section   | name: text | length | bytes |
 *
 * The CRC-32 (that of zlib) is of all before it. The magic, the version and the last word stay where they are, whatever
 * becomes of the rest.
 */

/** What a file holds: sections by name, each of whoever wrote it. */
export interface State {
  /** In seconds since 1970. */
  readonly writtenAt: number;
  readonly sections: ReadonlyMap<string, Uint8Array>;
}

/** The bytes of a file, in pieces; the event loop gets its turn between sums. Throws an Error if there are too many. */
export async function encodeState(
  writtenAt: number,
  sections: ReadonlyMap<string, readonly Uint8Array[]>,
  nextTurn: () => Promise<unknown>,
): Promise<Uint8Array[]> {
  const head = new ByteWriter();
  head.bytes(MAGIC);
  head.word(VERSION);
  head.number(writtenAt);
  head.number(sections.size);
  const pieces = [head.filled];
  for (const [name, parts] of sections) {
    const section = new ByteWriter();
    section.text(name);
    section.number(lengthOf(parts));
    pieces.push(section.filled, ...parts);
  }
  if (lengthOf(pieces) + CHECKSUM_BYTES > MAX_STATE_BYTES) {
    throw new Error(`it would be larger than ${MAX_STATE_BYTES / 2 ** 20} MiB`);
  }
  const end = new ByteWriter();
  end.word(await checksumOf(pieces, nextTurn));
  return [...pieces, end.filled];
}

/** What the bytes of a file say. Throws an Error with the reason if they are no state, or a damaged one. */
export function decodeState(bytes: Uint8Array): State {
  if (!startsWithMagic(bytes)) throw new Error("it is no state of promtap's");
  const end = bytes.length - CHECKSUM_BYTES;
  const hasEnd = end >= MAGIC.length && crc32(bytes.subarray(0, end)) === new ByteReader(bytes.subarray(end)).word();
  if (!hasEnd) throw new Error("it is damaged: its checksum is wrong");
  const reader = new ByteReader(bytes.subarray(MAGIC.length, end));
  if (reader.word() !== VERSION) throw new Error("another version of promtap wrote it");
  const writtenAt = reader.count();
  const sections = new Map<string, Uint8Array>();
  for (let left = reader.whole(MAX_SECTIONS); left > 0; left--) {
    const name = reader.text();
    if (name.length > MAX_SECTION_NAME || sections.has(name)) throw new Error("it has a section that is none");
    sections.set(name, reader.bytes(reader.whole(bytes.length)));
  }
  if (reader.hasMore) throw new Error("it has more than its sections");
  return { writtenAt, sections };
}

export function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function startsWithMagic(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

async function checksumOf(pieces: readonly Uint8Array[], nextTurn: () => Promise<unknown>): Promise<number> {
  let sum = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += BYTES_PER_TURN) {
      sum = crc32(piece.subarray(at, at + BYTES_PER_TURN), sum);
      await nextTurn();
    }
  }
  return sum;
}
