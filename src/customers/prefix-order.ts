import type { PrefixSet } from "./prefix-set.ts";

const WORDS = 4;
/** Of an index: more than MAX_PREFIXES. */
const INDEX_BITS = 23;
const INDEX_MASK = 2 ** INDEX_BITS - 1;

/**
 * The indexes of prefixes by version, address and length: those that hold others go before them. Of equal ones the
 * earlier goes first.
 */
export function orderOf(set: PrefixSet): Uint32Array {
  const order = new Uint32Array(set.count);
  const sorting = new Sorting(set, order);
  let count = 0;
  let [from, to] = [0, 0];
  for (const version of [4, 6]) {
    for (let index = 0; index < set.count; index++) if (set.versions[index] === version) order[count++] = index;
    [from, to] = [to, count];
    sorting.sort(from, to, version === 4 ? WORDS - 1 : 0);
  }
  return order;
}

/**
 * Sorts by a word of the address, and what is alike in it by the next. The keys are numbers of 64 bits, which the engine
 * sorts without asking us: the word, and behind it, for the last one, the length and the index.
 */
class Sorting {
  readonly #set: PrefixSet;
  readonly #order: Uint32Array;
  readonly #keys: BigUint64Array;
  /** The lower half of each key, then the upper one: all machines that we run on are little-endian. */
  readonly #halves: Uint32Array;

  constructor(set: PrefixSet, order: Uint32Array) {
    this.#set = set;
    this.#order = order;
    this.#keys = new BigUint64Array(order.length);
    this.#halves = new Uint32Array(this.#keys.buffer);
  }

  /** Sorts order[from, to), which are alike in all words before this one. */
  sort(from: number, to: number, word: number): void {
    const { words, bits } = this.#set;
    const [order, halves] = [this.#order, this.#halves];
    const isLast = word === WORDS - 1;
    for (let at = from; at < to; at++) {
      const index = order[at]!;
      halves[2 * at] = isLast ? (bits[index]! << INDEX_BITS) | index : index;
      halves[2 * at + 1] = words[WORDS * index + word]!;
    }
    this.#keys.subarray(from, to).sort();
    for (let at = from; at < to; at++) order[at] = halves[2 * at]! & INDEX_MASK;
    if (isLast) return;
    for (let start = from, end = from; start < to; start = end) {
      while (end < to && halves[2 * end + 1] === halves[2 * start + 1]) end++;
      if (end - start > 1) this.sort(start, end, word + 1);
    }
  }
}
