import { grown } from "../grown-array.ts";

const INITIAL_BYTES = 64 * 1024;
/** Most bytes of a number, with the one that tells how many. */
const NUMBER_BYTES = 9;
/** Stands for the length of a number that is written as a double. */
export const DOUBLE = 8;

const encoder = new TextEncoder();

/*
 * A number: how many bytes it has, then those, the lowest first; a small one takes two bytes, and 0 one.
 *
 *     | 0..7 | whole number below 2^53 |
 *     |  8   | any other, as a double  |
 *
 * A text: its length in bytes as a number, then UTF-8.
 */

/** Writes numbers and texts into memory that grows. */
export class ByteWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What was written; good until more is. */
  get filled(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  number(value: number): void {
    this.#reserve(NUMBER_BYTES);
    if (value < 0 || !Number.isSafeInteger(value)) this.#double(value);
    else this.#whole(value);
  }

  numbers(values: Iterable<number>): void {
    for (const value of values) this.number(value);
  }

  text(text: string): void {
    const bytes = encoder.encode(text);
    this.number(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Four bytes, whatever the number is. */
  word(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  #double(value: number): void {
    this.#bytes[this.#length] = DOUBLE;
    this.#view.setFloat64(this.#length + 1, value, true);
    this.#length += NUMBER_BYTES;
  }

  #whole(value: number): void {
    const bytes = this.#bytes;
    const start = this.#length;
    let at = start;
    let low = value >>> 0;
    const high = (value - low) / 2 ** 32;
    if (high > 0) {
      this.#view.setUint32(at + 1, low, true);
      at += 4;
      low = high;
    }
    for (; low > 0; low >>>= 8) bytes[++at] = low & 0xff;
    bytes[start] = at - start;
    this.#length = at + 1;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    this.#bytes = grown(this.#bytes, this.#length + bytes);
    this.#view = new DataView(this.#bytes.buffer);
  }
}
