import { lengthened } from "../../grown-array.ts";
import { NO_RANGE, type RangeTable } from "../ranges.ts";
import { ROW_CELLS } from "../rows.ts";

/** What stands for the counters of an address: no range has it, or they must be found. */
export const UNLISTED = -1;
export const UNSEEN = 0;

/** Bits of an address that choose a slot of a page, and a book of a block; what is left chooses a block. */
const PAGE_BITS = 8;
const BLOCK_BITS = 12;
export const BOOK_SHIFT = PAGE_BITS;
export const BLOCK_SHIFT = PAGE_BITS + BLOCK_BITS;
const PAGE_WORDS = 1 << PAGE_BITS;
const BLOCK_WORDS = 1 << BLOCK_BITS;
const TOP_WORDS = 1 << (32 - BLOCK_SHIFT);
export const IN_PAGE = PAGE_WORDS - 1;
export const IN_BLOCK = BLOCK_WORDS - 1;

/** Stands for a block none of whose addresses is in a range. */
export const NO_BLOCK = -1;

/* What all tables begin with, and what is never written. */
export const UNSEEN_PAGE = 0;
const UNLISTED_PAGE = UNSEEN_PAGE + PAGE_WORDS;
export const UNSEEN_BOOK = UNLISTED_PAGE + PAGE_WORDS;
export const UNLISTED_BOOK = UNSEEN_BOOK + ROW_CELLS;
export const UNSEEN_BLOCK = UNLISTED_BOOK + ROW_CELLS;
export const UNSEEN_TOP = UNSEEN_BLOCK + BLOCK_WORDS;
const FIRST_FREE = UNSEEN_TOP + TOP_WORDS;

/** What is taken when the limit is reached. */
export const NO_ROOM = -1;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;

/**
 * The memory of the IPv4 tables of all interfaces. It is one array, so that one limit bounds them all and they share what
 * is the same for all; its words tell where in it the next step of a look-up is. It is taken bit by bit, and given back
 * as a whole.
 *
 *     top       the first 12 bits of an address choose a block, or NO_BLOCK
 *     block     the next 12 bits choose a book
 *     book      a cell of a row (see rows.ts) chooses a page, or is ~counters if all 256 addresses share them
 *     page      the last 8 bits choose counters, UNLISTED or UNSEEN
 *
 * Counters are told by where they begin (see slots.ts): what every packet needs is ready to be used.
 */
export class Ipv4Memory {
  /** Replaced by a larger array when more is taken. */
  words: Int32Array;
  readonly ranges: RangeTable;
  /** Whether something found no room since all was taken back. */
  isFull = false;
  readonly #maxWords: number;
  #end = FIRST_FREE;

  /** `maxBytes`: what may be taken. */
  constructor(ranges: RangeTable, maxBytes: number) {
    this.ranges = ranges;
    this.#maxWords = FIRST_FREE + Math.floor(maxBytes / WORD_BYTES);
    this.words = new Int32Array(FIRST_FREE)
      .fill(UNSEEN, UNSEEN_PAGE, UNLISTED_PAGE)
      .fill(UNLISTED, UNLISTED_PAGE, UNSEEN_BOOK)
      .fill(UNSEEN_PAGE, UNSEEN_BOOK, UNLISTED_BOOK)
      .fill(UNLISTED_PAGE, UNLISTED_BOOK, UNSEEN_BLOCK)
      .fill(UNSEEN_BOOK, UNSEEN_BLOCK, UNSEEN_TOP)
      .fill(NO_BLOCK, UNSEEN_TOP);
    this.#fill(UNSEEN_BLOCK, BLOCK_SHIFT, UNSEEN_TOP, 0, TOP_WORDS);
  }

  /** Bytes that are taken. */
  get takenBytes(): number {
    return (this.#end - FIRST_FREE) * WORD_BYTES;
  }

  /** Takes all back: no table may go on with what it had. */
  clear(): void {
    this.#end = FIRST_FREE;
    this.isFull = false;
  }

  /** A top of blocks that nothing is known of, or NO_ROOM. */
  takeTop(): number {
    const top = this.#take(TOP_WORDS);
    if (top !== NO_ROOM) this.words.copyWithin(top, UNSEEN_TOP, UNSEEN_TOP + TOP_WORDS);
    return top;
  }

  /** The block of an address, of books that nothing is known of, or NO_ROOM. */
  takeBlock(address: number): number {
    const block = this.#take(BLOCK_WORDS);
    if (block === NO_ROOM) return block;
    this.words.fill(UNLISTED_BOOK, block, block + BLOCK_WORDS);
    this.#fill(UNSEEN_BOOK, BOOK_SHIFT, block, (address >>> BLOCK_SHIFT) * BLOCK_WORDS, BLOCK_WORDS);
    return block;
  }

  /** A book of pages that nothing is known of, or NO_ROOM. */
  takeBook(): number {
    const book = this.#take(ROW_CELLS);
    if (book !== NO_ROOM) this.words.fill(UNSEEN_PAGE, book, book + ROW_CELLS);
    return book;
  }

  /** The page of an address, whose counters are UNLISTED or UNSEEN, or NO_ROOM. */
  takePage(address: number): number {
    const page = this.#take(PAGE_WORDS);
    if (page === NO_ROOM) return page;
    const first = address & ~IN_PAGE;
    for (let at = 0; at < PAGE_WORDS; at++) {
      this.words[page + at] = this.ranges.rangeOfIpv4(first | at) === NO_RANGE ? UNLISTED : UNSEEN;
    }
    return page;
  }

  #take(words: number): number {
    const start = this.#end;
    const end = start + words;
    this.isFull ||= end > this.#maxWords;
    if (end > this.#maxWords) return NO_ROOM;
    if (end > this.words.length) this.words = lengthened(this.words, Math.min(this.words.length * 2, this.#maxWords));
    this.#end = end;
    return start;
  }

  /** Of `count` words from `to` on, for networks numbered from `first` on, fills those that have listed addresses. */
  #fill(word: number, shift: number, to: number, first: number, count: number): void {
    const { starts, ends, rangeOf } = this.ranges.ipv4;
    for (let segment = 0; segment < rangeOf.length; segment++) {
      const low = Math.max((starts[segment * 4]! >>> shift) - first, 0);
      const high = Math.min((ends[segment * 4]! >>> shift) - first, count - 1);
      if (low <= high) this.words.fill(word, to + low, to + high + 1);
    }
  }
}
