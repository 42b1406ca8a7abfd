import { KeyedHash } from "./keyed-hash.ts";

const INITIAL_CAPACITY = 256;
const KEY_WORDS = 5;

/**
 * Finds the row of an address or rolled-up network: an open-addressed hash table from (range, four words) to a row. The
 * range is part of the key because a network of one range and an address of another may be the same number.
 */
export class AddressIndex {
  readonly #hash = new KeyedHash(KEY_WORDS);
  /** KEY_WORDS signed words an entry: range, then the address. */
  #keys = new Int32Array(INITIAL_CAPACITY * KEY_WORDS);
  /** Row + 1; 0 is an empty entry. */
  #rows = new Uint32Array(INITIAL_CAPACITY);
  #used = 0;

  /** Entries there are, used or not. */
  get capacity(): number {
    return this.#rows.length;
  }

  /** The row, or -1. Hot; does not allocate. */
  find(range: number, word0: number, word1: number, word2: number, word3: number): number {
    return this.#rows[this.#entry(range, word0, word1, word2, word3)]! - 1;
  }

  /** Adds an address that `find` does not know. */
  add(range: number, word0: number, word1: number, word2: number, word3: number, row: number): void {
    if (this.#used * 2 >= this.#rows.length) this.#grow();
    this.#place(range, word0, word1, word2, word3, row + 1);
    this.#used++;
  }

  /** Removes an address that `find` knows. */
  remove(range: number, word0: number, word1: number, word2: number, word3: number): void {
    const keys = this.#keys;
    const rows = this.#rows;
    const mask = rows.length - 1;
    let hole = this.#entry(range, word0, word1, word2, word3);
    // What was kept by the hole from the place its hash gives it moves up, or it would not be found any more.
    for (let entry = (hole + 1) & mask; rows[entry] !== 0; entry = (entry + 1) & mask) {
      const at = entry * KEY_WORDS;
      const home = this.#hash.ofFive(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!, keys[at + 4]!) & mask;
      if (((entry - home) & mask) < ((entry - hole) & mask)) continue;
      keys.copyWithin(hole * KEY_WORDS, at, at + KEY_WORDS);
      rows[hole] = rows[entry]!;
      hole = entry;
    }
    rows[hole] = 0;
    this.#used--;
  }

  /** The entry that holds the key, or the empty one where it belongs. */
  #entry(range: number, word0: number, word1: number, word2: number, word3: number): number {
    const keys = this.#keys;
    const rows = this.#rows;
    const mask = rows.length - 1;
    let entry = this.#hash.ofFive(range, word0, word1, word2, word3) & mask;
    for (; rows[entry] !== 0; entry = (entry + 1) & mask) {
      const at = entry * KEY_WORDS;
      if (
        keys[at + 4] === word3 &&
        keys[at + 3] === word2 &&
        keys[at + 2] === word1 &&
        keys[at + 1] === word0 &&
        keys[at] === range
      ) {
        break;
      }
    }
    return entry;
  }

  #place(range: number, word0: number, word1: number, word2: number, word3: number, value: number): void {
    const entry = this.#entry(range, word0, word1, word2, word3);
    const at = entry * KEY_WORDS;
    const keys = this.#keys;
    keys[at] = range;
    keys[at + 1] = word0;
    keys[at + 2] = word1;
    keys[at + 3] = word2;
    keys[at + 4] = word3;
    this.#rows[entry] = value;
  }

  #grow(): void {
    const keys = this.#keys;
    const rows = this.#rows;
    this.#keys = new Int32Array(keys.length * 2);
    this.#rows = new Uint32Array(rows.length * 2);
    for (const [entry, value] of rows.entries()) {
      const at = entry * KEY_WORDS;
      if (value !== 0) this.#place(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!, keys[at + 4]!, value);
    }
  }
}
