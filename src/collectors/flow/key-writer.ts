import { randomFactors, spread } from "../../ledger/keyed-hash.ts";
import { Field, type FlowRecord, MAX_TEXT_LENGTH } from "./records/flow-record.ts";

/** Labels that are numbers of ASes. */
const AS_FIELDS: ReadonlyMap<string, number> = new Map([
  ["as_src", Field.SOURCE_AS],
  ["as_dst", Field.DESTINATION_AS],
]);

/** Whether a label is the number of an AS. */
export function isAsKey(key: string): boolean {
  return AS_FIELDS.has(key);
}

const AS_BYTES = 4;
/** Factors that a label has for itself: for the halves of a number, or the length of a text and its bytes. */
const LABEL_FACTORS = 1 + MAX_TEXT_LENGTH;

const decoder = new TextDecoder();

/**
 * Writes and reads keys: the labels of a record in order, the number of an AS in four bytes, big-endian, or a text
 * behind its length in one byte. No key is the beginning of another.
 *
 * Hashes them as keyed-hash.ts says, at once: two keys have the same hash in one case of 2^17 at most.
 */
export class KeyWriter {
  /** Keys whose text a record must bring. */
  readonly textKeys: readonly string[];
  /** Of the key that was written last. */
  hash = 0;
  /** By label: the field of its AS, or -1 - the index of its text. */
  readonly #sources: readonly number[];
  readonly #factors: Int32Array;

  constructor(labels: readonly string[]) {
    this.textKeys = labels.filter((label) => !AS_FIELDS.has(label));
    this.#sources = labels.map((label) => AS_FIELDS.get(label) ?? -1 - this.textKeys.indexOf(label));
    this.#factors = randomFactors(labels.length * LABEL_FACTORS);
  }

  /** Labels of a key. */
  get labels(): number {
    return this.#sources.length;
  }

  /** Bytes that the key of a record has at most. */
  maxBytes({ starts, ends }: FlowRecord): number {
    let bytes = this.#sources.length * AS_BYTES;
    for (let k = 0; k < ends.length; k++) bytes += ends[k]! - starts[k]!;
    return bytes;
  }

  /** Writes the key of a record from `at` on, and returns its end. Hot; does not allocate. */
  write({ text, starts, ends, numbers }: FlowRecord, keys: Uint8Array, at: number): number {
    const factors = this.#factors;
    let sum = 0;
    let factor = 0;
    for (const source of this.#sources) {
      if (source >= 0) {
        const number = numbers[source]! | 0;
        keys[at] = number >>> 24;
        keys[at + 1] = number >>> 16;
        keys[at + 2] = number >>> 8;
        keys[at + 3] = number;
        at += AS_BYTES;
        sum += Math.imul(factors[factor]!, number & 0xffff) + Math.imul(factors[factor + 1]!, number >>> 16);
      } else {
        const start = starts[-1 - source]!;
        const length = ends[-1 - source]! - start;
        keys[at++] = length;
        sum += Math.imul(factors[factor]!, length);
        for (let k = 0; k < length; k++) {
          const byte = text[start + k]!;
          keys[at + k] = byte;
          sum = (sum + Math.imul(factors[factor + 1 + k]!, byte)) | 0;
        }
        at += length;
      }
      sum |= 0;
      factor += LABEL_FACTORS;
    }
    this.hash = spread(sum);
    return at;
  }

  /** The labels of the key that begins at `at`. */
  read(keys: Uint8Array, at: number): (number | string)[] {
    return this.#sources.map((source) => {
      if (source >= 0) {
        at += AS_BYTES;
        return ((keys[at - 4]! << 24) | (keys[at - 3]! << 16) | (keys[at - 2]! << 8) | keys[at - 1]!) >>> 0;
      }
      const length = keys[at]!;
      at += 1 + length;
      return decoder.decode(keys.subarray(at - length, at));
    });
  }
}
