import { ListFault } from "./prefix-sink.ts";

/** Longer than any line that a person or a program would write. */
export const MAX_LINE_LENGTH = 2 ** 20;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const MARK = [0xef, 0xbb, 0xbf];

/** Bytes of a file, in pieces of any length that are lent until the next. */
export type Pieces = AsyncIterable<Uint8Array>;

/** The text of a file in pieces, without a byte order mark. What is no UTF-8 is U+FFFD there. */
export async function* textsOf(pieces: Pieces): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) yield decoder.decode(piece, { stream: true });
}

/** Tells each line, without its end, and its number. Throws ListFault at one that is too long. */
export async function eachLine(pieces: Pieces, take: (line: string, number: number) => void): Promise<void> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  await eachLineOfBytes(pieces, (bytes, from, to, line) => take(decoder.decode(bytes.subarray(from, to)), line));
}

/** Likewise, as bytes[from, to), which are lent. */
export async function eachLineOfBytes(
  pieces: Pieces,
  take: (bytes: Uint8Array, from: number, to: number, number: number) => void,
): Promise<void> {
  let number = 1;
  let rest = new Uint8Array(0);
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let start = number === 1 ? markLength(bytes) : 0;
    for (let end = bytes.indexOf(NEWLINE, start); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      take(bytes, start, withoutReturn(bytes, start, end), number++);
      start = end + 1;
    }
    // A copy: slice() of a Buffer is none.
    rest = new Uint8Array(bytes.subarray(start));
    if (rest.length > MAX_LINE_LENGTH) throw new ListFault(number, "the line is longer than 1 MiB");
  }
  const start = number === 1 ? markLength(rest) : 0;
  if (rest.length > start) take(rest, start, withoutReturn(rest, start, rest.length), number);
}

function markLength(bytes: Uint8Array): number {
  return MARK.every((byte, at) => bytes[at] === byte) ? MARK.length : 0;
}

function withoutReturn(bytes: Uint8Array, start: number, end: number): number {
  return end > start && bytes[end - 1] === RETURN ? end - 1 : end;
}
