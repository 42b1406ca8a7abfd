import { SLOT_DOUBLES } from "../histogram.ts";
import { KeyedHash } from "../keyed-hash.ts";
import { NO_RANGE, type RangeTable } from "../ranges.ts";
import type { Rows } from "../rows.ts";
import { UNLISTED, UNSEEN } from "./ipv4-memory.ts";

const ADDRESS_WORDS = 4;
/*
 * An entry, half a cache line:
 *
 *     | address: 4 words | row + 1, 0 if there is none | edition of the row | 0 | 0 |
 */
const ROW = 4;
const EDITION = 5;
const ENTRY_SHIFT = 3;
const ENTRY_WORDS = 1 << ENTRY_SHIFT;
const INITIAL_ENTRIES = 256;
/** What is smaller is a quarter full at most: then most addresses are in the first place that is looked at. */
const MAX_SMALL = 1 << 15;
/** Bounds what a sender can make of one network that shares a row: its addresses. */
const MIN_BOUND = 4096;
const ENTRIES_PER_ROW = 8;

/**
 * The rows that IPv6 addresses of one interface have, by the whole address: an open-addressed hash table, which is not
 * more than half full. What lost its row is told by the row's edition. Addresses that no range has are not in it: they
 * are looked up in the ranges, so that nobody can fill it with them.
 */
export class Ipv6Table {
  readonly #ranges: RangeTable;
  readonly #rows: Rows;
  readonly #hash = new KeyedHash(ADDRESS_WORDS);
  #entries = new Int32Array(INITIAL_ENTRIES * ENTRY_WORDS);
  #mask = INITIAL_ENTRIES - 1;
  /** Of a hash, to the entry that its upper bits choose. */
  #shift = Math.clz32(INITIAL_ENTRIES - 1);
  #used = 0;

  constructor(ranges: RangeTable, rows: Rows) {
    this.#ranges = ranges;
    this.#rows = rows;
  }

  /** Where the counters of an address and a cell (see rows.ts) begin, UNLISTED or UNSEEN. Hot; does not allocate. */
  find(word0: number, word1: number, word2: number, word3: number, cell: number): number {
    const at = this.#entryOf(word0, word1, word2, word3);
    const row = this.#entries[at | ROW]! - 1;
    if (row < 0) return this.#ranges.rangeOfIpv6(word0, word1, word2, word3) === NO_RANGE ? UNLISTED : UNSEEN;
    if ((this.#rows.editionOf(row) | 0) !== this.#entries[at | EDITION]!) return UNSEEN;
    // No cell has the first slot: see ALL_SLOT.
    return Math.imul(this.#rows.slotOf(row, cell), SLOT_DOUBLES);
  }

  /** Remembers the row of an address. */
  set(word0: number, word1: number, word2: number, word3: number, row: number): void {
    const parts = this.#mask < MAX_SMALL ? 4 : 2;
    if (this.#used * parts >= this.#mask) this.#makeRoom();
    const at = this.#entryOf(word0, word1, word2, word3);
    const entries = this.#entries;
    if (entries[at | ROW] === 0) this.#used++;
    entries[at] = word0;
    entries[at | 1] = word1;
    entries[at | 2] = word2;
    entries[at | 3] = word3;
    entries[at | ROW] = row + 1;
    entries[at | EDITION] = this.#rows.editionOf(row);
  }

  /** Where the entry begins that holds an address, or the empty one where it belongs. Hot. */
  #entryOf(word0: number, word1: number, word2: number, word3: number): number {
    const entries = this.#entries;
    const mask = this.#mask;
    let entry = this.#hash.ofFour(word0, word1, word2, word3) >>> this.#shift;
    let at = entry << ENTRY_SHIFT;
    while (
      entries[at | ROW] !== 0 &&
      (entries[at | 3] !== word3 || entries[at | 2] !== word2 || entries[at | 1] !== word1 || entries[at] !== word0)
    ) {
      entry = (entry + 1) & mask;
      at = entry << ENTRY_SHIFT;
    }
    return at;
  }

  /** Makes the table twice as large, without what lost its row; or empties it, if it is as large as it may be. */
  #makeRoom(): void {
    const before = this.#entries;
    const most = Math.max(MIN_BOUND, ENTRIES_PER_ROW * this.#rows.count);
    const entries = 2 * (this.#mask + 1);
    this.#used = 0;
    if (entries > most) {
      before.fill(0);
      return;
    }
    this.#entries = new Int32Array(entries * ENTRY_WORDS);
    this.#mask = entries - 1;
    this.#shift = Math.clz32(this.#mask);
    for (let at = 0; at < before.length; at += ENTRY_WORDS) {
      const row = before[at | ROW]! - 1;
      if (row < 0 || (this.#rows.editionOf(row) | 0) !== before[at | EDITION]) continue;
      const to = this.#entryOf(before[at]!, before[at | 1]!, before[at | 2]!, before[at | 3]!);
      this.#entries.set(before.subarray(at, at + ENTRY_WORDS), to);
      this.#used++;
    }
  }
}
