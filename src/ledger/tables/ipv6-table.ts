import { grown } from "../../grown-array.ts";
import { IPV6_COLUMN, PROTOCOL_COLUMNS, PROTOCOL_LABELS } from "../../packet/protocols.ts";
import { isExtension } from "../../packet/transport.ts";
import { SLOT_DOUBLES } from "../histogram.ts";
import { NO_RANGE, type RangeTable } from "../ranges.ts";
import { ROW_CELLS, type Rows, RX_CELLS } from "../rows.ts";
import { addressHash } from "./address-hash.ts";
import { UNLISTED, UNSEEN } from "./ipv4-memory.ts";

/*
 * An entry, a cache line:
 *
 *     | address: 4 words | tx: counters of 4 protocols |
 *     | ~row, or FREE ... | ~the next entry of the row, or 0 | 0 | 0 | rx: counters of 4 protocols |
 *
 * Counters are told by where they begin (see slots.ts), 0 if that is not known yet: what every packet needs is ready to be
 * used. Cells that have no place are looked up in the row. A selector tells which counters are meant:
 *
 *     | rx: 1 bit | column of the protocol: 4 bits | place in the entry: 4 bits |
 */
const ENTRY_SHIFT = 4;
const ENTRY_WORDS = 1 << ENTRY_SHIFT;
const TX_PLACES = 4;
const ROW = 8;
const NEXT = 9;
/** A word of every entry that stays 0, in either direction: 10 | 8 is 10. */
const NO_PLACE = 10;
const RX_PLACES = 12;
const PLACE_MASK = ENTRY_WORDS - 1;
const COLUMN_SHIFT = 4;
const COLUMN_MASK = 0xf;
const RX_SHIFT = 8;
/** Makes the selector of what is sent that of what is received. */
export const RX_SELECTOR = (1 << RX_SHIFT) | (RX_PLACES - TX_PLACES);

/** Of an entry that was never used: a search ends here. */
const FREE = 0;
/** Of an entry whose row was taken back. No row has this number, nor the next. */
const GONE = ~0x7fff_ffff;
/** Of the entry of an address that no range has. */
const OUTSIDE = GONE + 1;

const WITH_PLACE = ["tcp", "udp", "icmpv6", ""];
const SELECTOR_OF_CELL = Uint16Array.from({ length: ROW_CELLS }, (_, cell) => makeSelector(cell));
/** Next header → selector of what is sent; 0 if it is an extension header, behind which the protocol stands. */
export const SELECTOR_OF_HEADER = Uint8Array.from({ length: 256 }, (_, header) =>
  isExtension(header) ? 0 : selectorOf(IPV6_COLUMN[header]!),
);

const INITIAL_ROWS = 64;
const INITIAL_ENTRIES = 128;
/** What is not larger is a quarter full at most: then most addresses are in the first place that is looked at. */
const MAX_SMALL = 1 << 15;
/** Of its room, what may be in use when the table is made again: if more is, it is made twice as large. */
const MUCH_USED = 3 / 4;
/** Most addresses that are remembered because no range has them. */
const MAX_OUTSIDE = 256;
/** Least bound of entries: what a network that shares a row may fill. */
const MIN_BOUND = 8192;
/** Bounds the entries: enough that a table which has one address a row, and those outside, may always grow. */
const ENTRIES_PER_ROW = 12;

/**
 * The counters of IPv6 addresses of one interface, by the whole address: an open-addressed hash table, which is not more
 * than half full. Of addresses that no range has, the first word tells most; some of the others are remembered.
 */
export class Ipv6Table {
  readonly #ranges: RangeTable;
  readonly #rows: Rows;
  #entries = new Int32Array(INITIAL_ENTRIES * ENTRY_WORDS);
  /** Of the words of all entries. */
  #mask = INITIAL_ENTRIES * ENTRY_WORDS - 1;
  #used = 0;
  /** Row → ~its first entry, or 0. */
  #firstOf = new Int32Array(INITIAL_ROWS);
  /** Where the entries of addresses begin that no range has. */
  #outside: number[] = [];

  constructor(ranges: RangeTable, rows: Rows) {
    this.#ranges = ranges;
    this.#rows = rows;
  }

  /**
   * Where the counters of an address begin that a selector means; UNLISTED or UNSEEN, the latter as well for an address
   * that no range has and that can be remembered: most traffic needs no search in the ranges, whose code would keep V8 from
   * making one loop of all the rest. Hot; does not allocate.
   */
  find(word0: number, word1: number, word2: number, word3: number, selector: number): number {
    const at = this.#entryOf(word0, word1, word2, word3);
    const counters = this.#entries[at | (selector & PLACE_MASK)]!;
    return counters === 0 ? this.#findElse(at, word0, word1, word2, word3, selector) : counters;
  }

  /** Likewise, if the place in the entry tells nothing. */
  #findElse(at: number, word0: number, word1: number, word2: number, word3: number, selector: number): number {
    const entries = this.#entries;
    const owner = entries[at | ROW]!;
    if (owner === OUTSIDE) return UNLISTED;
    if (owner === FREE || owner === GONE) {
      if (!this.#ranges.hasIpv6From(word0)) return UNLISTED;
      if (this.#outside.length < MAX_OUTSIDE) return UNSEEN;
      return this.#ranges.rangeOfIpv6(word0, word1, word2, word3) === NO_RANGE ? UNLISTED : UNSEEN;
    }
    const cell = (selector >> RX_SHIFT) * RX_CELLS + ((selector >> COLUMN_SHIFT) & COLUMN_MASK);
    // No cell has the first slot: see ALL_SLOT.
    const counters = Math.imul(this.#rows.slotOf(~owner, cell), SLOT_DOUBLES);
    const place = selector & PLACE_MASK;
    if (place !== NO_PLACE) entries[at | place] = counters;
    return counters;
  }

  /** Remembers the row of an address, which has no other one. */
  set(word0: number, word1: number, word2: number, word3: number, row: number): void {
    const at = this.#take(word0, word1, word2, word3);
    if (this.#entries[at | ROW] !== ~row) this.#link(at, row);
  }

  /** Remembers that no range has an address, as long as there is room. */
  setUnlisted(word0: number, word1: number, word2: number, word3: number): void {
    if (this.#outside.length === MAX_OUTSIDE) return;
    const at = this.#take(word0, word1, word2, word3);
    const entry = this.#entries.subarray(at, at + ENTRY_WORDS);
    entry[ROW] = OUTSIDE;
    entry.fill(UNLISTED, TX_PLACES, TX_PLACES + WITH_PLACE.length);
    entry.fill(UNLISTED, RX_PLACES, RX_PLACES + WITH_PLACE.length);
    this.#outside.push(at);
  }

  /** Forgets addresses that no range has, if others find no room for them. */
  refresh(): void {
    if (this.#outside.length < MAX_OUTSIDE) return;
    for (const at of this.#outside) this.#vacate(at);
    this.#outside = [];
  }

  /** Forgets the addresses of a row. */
  forget(row: number): void {
    const entries = this.#entries;
    let next = row < this.#firstOf.length ? this.#firstOf[row]! : 0;
    if (next !== 0) this.#firstOf[row] = 0;
    while (next !== 0) {
      const at = ~next;
      next = entries[at | NEXT]!;
      this.#vacate(at);
    }
  }

  #vacate(at: number): void {
    this.#entries.fill(0, at | TX_PLACES, at + ENTRY_WORDS);
    this.#entries[at | ROW] = GONE;
  }

  /** The entry of an address, which is made if there is none. */
  #take(word0: number, word1: number, word2: number, word3: number): number {
    let at = this.#entryOf(word0, word1, word2, word3);
    if (this.#entries[at | ROW] !== FREE) return at;
    if (this.#used >= roomOf(this.#entries)) {
      this.#makeRoom();
      at = this.#entryOf(word0, word1, word2, word3);
    }
    const entries = this.#entries;
    this.#used++;
    entries[at] = word0;
    entries[at | 1] = word1;
    entries[at | 2] = word2;
    entries[at | 3] = word3;
    return at;
  }

  /** Where the entry begins that holds an address, or the free one where it belongs. Hot. */
  #entryOf(word0: number, word1: number, word2: number, word3: number): number {
    const entries = this.#entries;
    const mask = this.#mask;
    let at = (addressHash(word0, word1, word2, word3) << ENTRY_SHIFT) & mask;
    while (
      entries[at | 3] !== word3 ||
      entries[at | 2] !== word2 ||
      entries[at | 1] !== word1 ||
      entries[at] !== word0
    ) {
      if (entries[at | ROW] === FREE) break;
      at = (at + ENTRY_WORDS) & mask;
    }
    return at;
  }

  /** Gives the entry that begins at `at` to a row. */
  #link(at: number, row: number): void {
    if (row >= this.#firstOf.length) this.#firstOf = grown(this.#firstOf, row + 1);
    this.#entries[at | ROW] = ~row;
    this.#entries[at | NEXT] = this.#firstOf[row]!;
    this.#firstOf[row] = ~at;
  }

  /** Makes the table again, without what lost its row, and larger if it must be; or empties it, if that is too large. */
  #makeRoom(): void {
    const before = this.#entries;
    const count = before.length >> ENTRY_SHIFT;
    const isFull = this.#countLiving() > MUCH_USED * roomOf(before);
    const most = Math.max(MIN_BOUND, ENTRIES_PER_ROW * (this.#rows.count + MAX_OUTSIDE));
    this.#used = 0;
    this.#outside = [];
    this.#firstOf.fill(0);
    if (isFull && 2 * count > most) before.fill(0);
    else this.#refill(before, isFull ? 2 * before.length : before.length);
  }

  #countLiving(): number {
    const entries = this.#entries;
    let living = 0;
    for (let at = ROW; at < entries.length; at += ENTRY_WORDS) {
      if (entries[at] !== FREE && entries[at] !== GONE) living++;
    }
    return living;
  }

  /** Makes a table of so many words, of what lives in the one before. */
  #refill(before: Int32Array, length: number): void {
    this.#entries = new Int32Array(length);
    this.#mask = length - 1;
    for (let at = 0; at < before.length; at += ENTRY_WORDS) {
      const owner = before[at | ROW]!;
      if (owner === FREE || owner === GONE) continue;
      const to = this.#entryOf(before[at]!, before[at | 1]!, before[at | 2]!, before[at | 3]!);
      this.#entries.set(before.subarray(at, at + ENTRY_WORDS), to);
      this.#used++;
      if (owner === OUTSIDE) this.#outside.push(to);
      else this.#link(to, ~owner);
    }
  }
}

/** How many of these entries may be used. */
function roomOf(entries: Int32Array): number {
  const count = entries.length >> ENTRY_SHIFT;
  return count > MAX_SMALL ? count >> 1 : count >> 2;
}

/** The selector of a cell of a row: see rows.ts. Hot. */
export function selectorOf(cell: number): number {
  return SELECTOR_OF_CELL[cell]!;
}

function makeSelector(cell: number): number {
  const column = cell % PROTOCOL_COLUMNS;
  const place = WITH_PLACE.indexOf(PROTOCOL_LABELS[column]!);
  return (column << COLUMN_SHIFT) | (place < 0 ? NO_PLACE : TX_PLACES | place) | (cell < RX_CELLS ? 0 : RX_SELECTOR);
}
