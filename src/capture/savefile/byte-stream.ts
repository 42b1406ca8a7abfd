import { ErrorCode, PromtapError } from "../../errors.ts";
import type { ByteInput } from "./byte-input.ts";

/**
 * Bytes that are read at a time, which is all the memory a file takes however long it is. Twice the longest record, so
 * that moving the remainder to the front stays rare.
 */
const CHUNK_BYTES = 1024 * 1024;

/** The longest record that can be asked for, header included: a packet of MAXIMUM_SNAPLEN (libpcap) and its options. */
export const MAX_RECORD_BYTES = CHUNK_BYTES / 2;

/**
 * A window that moves over a file. Its owner reads `bytes` (or `view`, the same memory) from `position` to `end`, moves
 * `position`, and asks for more; what has been passed is overwritten.
 *
 *     bytes: | passed | position ... unread ... end | free |
 */
export class ByteStream {
  readonly bytes = new Uint8Array(CHUNK_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  position = 0;
  end = 0;

  /** What messages call the file. */
  readonly name: string;

  readonly #input: ByteInput;
  /** Offset in the file of bytes[0]. */
  #base = 0;

  constructor(input: ByteInput, name: string) {
    this.#input = input;
    this.name = name;
  }

  get available(): number {
    return this.end - this.position;
  }

  /**
   * Waits until `wantedBytes` (at most MAX_RECORD_BYTES) are available; false if the file ends before that. Always
   * lets other work run when it reads.
   */
  async fill(wantedBytes: number): Promise<boolean> {
    if (this.available >= wantedBytes) return true;
    this.bytes.copyWithin(0, this.position, this.end);
    this.#base += this.position;
    this.end -= this.position;
    this.position = 0;
    while (this.end < wantedBytes) {
      const count = await this.#input.read(this.bytes.subarray(this.end));
      if (count === 0) return false;
      this.end += count;
    }
    return true;
  }

  /** Moves on by any number of bytes; false if the file ends before that. */
  async skip(byteCount: number): Promise<boolean> {
    let left = byteCount;
    while (left > this.available) {
      left -= this.available;
      this.position = this.end;
      if (!(await this.fill(1))) return false;
    }
    this.position += left;
    return true;
  }

  /** The error that ends the reading, at `position` unless another offset in the file is given. */
  damage(what: string, offset: number = this.offset): PromtapError {
    return new PromtapError(ErrorCode.INPUT, `couldn't read ${this.name} at byte ${offset}: ${what}`);
  }

  /** Offset in the file of the byte at `position`. */
  get offset(): number {
    return this.#base + this.position;
  }
}
