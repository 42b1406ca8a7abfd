import { DOUBLE } from "./byte-writer.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads what a ByteWriter wrote. Throws an Error with the reason if it can't be that. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  number(): number {
    const length = this.#bytes[this.#skip(1)]!;
    const at = this.#skip(length);
    if (length === DOUBLE) return this.#view.getFloat64(at, true);
    if (length > DOUBLE) throw new Error("it has a number that is none");
    let value = 0;
    for (let k = length - 1; k >= 0; k--) value = value * 256 + this.#bytes[at + k]!;
    return value;
  }

  /** A whole number up to `max`. */
  whole(max: number): number {
    const value = this.number();
    if (Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
    throw new Error("it has a number out of range");
  }

  /** A number that something was counted to. */
  count(): number {
    const value = this.number();
    if (value >= 0 && Number.isFinite(value)) return value;
    throw new Error("it has a count that is none");
  }

  text(): string {
    return decoder.decode(this.bytes(this.whole(this.#bytes.length)));
  }

  /** Lent: a part of what is read from. */
  bytes(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** All that is left. Lent. */
  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at);
  }

  word(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  /** Where so many bytes are, which are read by that. */
  #skip(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw new Error("it ends too early");
    this.#at += bytes;
    return at;
  }
}
