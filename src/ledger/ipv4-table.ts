import { NO_RANGE, type RangeTable } from "./ranges.ts";
import { ROW_CELLS } from "./rows.ts";

/** What `find` says besides a slot: no range has the address, or `set` must tell. */
export const UNLISTED = -1;
export const UNSEEN = 0;

const PAGE_BITS = 8;
const PAGE_SLOTS = 1 << PAGE_BITS;
const OFFSET = PAGE_SLOTS - 1;

/** How many pages of a KiB tables may have, over all interfaces, and how many they have. */
export interface PageBudget {
  readonly limit: number;
  used: number;
}

/** Where what is never written begins: the book and, at 0 too, the page of no range, and those of what was not seen yet. */
const UNLISTED_BOOK = 0;
const UNSEEN_BOOK = ROW_CELLS;
const UNSEEN_PAGE = PAGE_SLOTS;

const INITIAL_BOOKS = new Int32Array(2 * ROW_CELLS).fill(UNSEEN_PAGE, UNSEEN_BOOK);
const INITIAL_PAGES = new Int32Array(2 * PAGE_SLOTS).fill(UNLISTED).fill(UNSEEN, UNSEEN_PAGE);
/** Directories of what was not seen yet: one for all interfaces. */
const unseenDirectories = new WeakMap<RangeTable, Int32Array>();

/**
 * Slot of an IPv4 address and a cell of its row in three loads, however many ranges there are: the first 24 bits of the
 * address choose a book, the cell a page of it, the last 8 bits a slot (as DIR-24-8 of Gupta, Lin and McKeown, 1998). A
 * binary search would guess wrong at every other step of random addresses.
 *
 *     directory        books                          pages
 *     | 10.0.0 | ──> | tx other | tx icmp | ... | ──> | slot of 10.0.0.0 | slot of 10.0.0.1 | ...
 *     | 10.0.1 | ──> unseen                     | ──> one slot, where all of 10.0.0.0/24 share it: no page
 *
 * What traffic needs lies close together: with 512 addresses, 2 KB here for each cell in use, where their rows are 48.
 * A cache that other programs use too has room for that: a quarter less time a packet (Node 24.21).
 *
 * The directory spans the ranges; a table shares it with all others of the same ranges until an address is seen.
 */
export class Ipv4Table {
  readonly #ranges: RangeTable;
  readonly #budget: PageBudget;
  /** First 24 bits of the lowest address of all ranges: what the directory begins with. */
  readonly #firstNumber: number;
  #directory: Int32Array;
  /** ROW_CELLS each: where the page begins, or the complement of a slot. */
  #books = INITIAL_BOOKS;
  #booksEnd = INITIAL_BOOKS.length;
  #pages = INITIAL_PAGES;
  #pagesEnd = INITIAL_PAGES.length;

  constructor(ranges: RangeTable, budget: PageBudget) {
    this.#ranges = ranges;
    this.#budget = budget;
    this.#firstNumber = firstNumberOf(ranges);
    this.#directory = unseenDirectories.get(ranges) ?? directoryOf(ranges);
    unseenDirectories.set(ranges, this.#directory);
  }

  /** The slot of an address in a cell (see rows.ts), UNLISTED or UNSEEN. Hot; does not allocate. */
  find(address: number, cell: number): number {
    const directory = this.#directory;
    const at = numberOf(address) - this.#firstNumber;
    if (at < 0 || at >= directory.length) return UNLISTED;
    const page = this.#books[directory[at]! + cell]!;
    return page < 0 ? ~page : this.#pages[page + (address & OFFSET)]!;
  }

  /** Remembers the slot of a listed address in a cell where it is UNSEEN, as long as there is room. */
  set(address: number, cell: number, slot: number): void {
    const at = this.#bookOf(address) + cell;
    const first = address & ~OFFSET;
    const isFirst = this.#books[at] === UNSEEN_PAGE;
    if (isFirst && this.#ranges.isOneIpv4Network(first, first | OFFSET)) this.#books[at] = ~slot;
    else if (this.#hasPage(at, first)) this.#pages[this.#books[at]! + (address & OFFSET)] = slot;
  }

  /** Remembers that an address between listed ones is in no range, as long as there is room. */
  setUnlisted(address: number, cell: number): void {
    const at = numberOf(address) - this.#firstNumber;
    // Where none of the 256 is listed, `find` knows.
    if (at < 0 || at >= this.#directory.length || this.#directory[at] === UNLISTED_BOOK) return;
    this.#hasPage(this.#bookOf(address) + cell, address & ~OFFSET);
  }

  /** Whether the cell of a book has a page for the 256 addresses from `first` on; it is given one if it can be. */
  #hasPage(at: number, first: number): boolean {
    if (this.#books[at] !== UNSEEN_PAGE) return true;
    if (this.#budget.used >= this.#budget.limit) return false;
    this.#books[at] = this.#addPage(first);
    return true;
  }

  /** Pages of this table alone. */
  get pageCount(): number {
    return (this.#pagesEnd - INITIAL_PAGES.length) / PAGE_SLOTS;
  }

  #bookOf(address: number): number {
    // Made anew and not copied: memory that is never written stays the kernel's.
    if (this.#books === INITIAL_BOOKS) this.#directory = directoryOf(this.#ranges);
    const at = numberOf(address) - this.#firstNumber;
    if (this.#directory[at] === UNSEEN_BOOK) {
      const book = this.#booksEnd;
      this.#booksEnd += ROW_CELLS;
      this.#books = withRoom(this.#books, this.#booksEnd);
      this.#books.fill(UNSEEN_PAGE, book, this.#booksEnd);
      this.#directory[at] = book;
    }
    return this.#directory[at]!;
  }

  #addPage(first: number): number {
    this.#budget.used++;
    const page = this.#pagesEnd;
    this.#pagesEnd += PAGE_SLOTS;
    this.#pages = withRoom(this.#pages, this.#pagesEnd);
    for (let offset = 0; offset < PAGE_SLOTS; offset++) {
      if (this.#ranges.rangeOfIpv4(first | offset) === NO_RANGE) this.#pages[page + offset] = UNLISTED;
    }
    return page;
  }
}

/** The same numbers, or a larger array that begins with them. */
function withRoom(numbers: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= numbers.length) return numbers;
  const larger = new Int32Array(Math.max(length, numbers.length * 2));
  larger.set(numbers);
  return larger;
}

function firstNumberOf(ranges: RangeTable): number {
  const { starts, rangeOf } = ranges.ipv4;
  return rangeOf.length === 0 ? 0 : numberOf(starts[0]!);
}

/** A directory from the first address of all ranges to the last, in which none was seen. */
function directoryOf(ranges: RangeTable): Int32Array {
  const { starts, ends, rangeOf } = ranges.ipv4;
  const count = rangeOf.length;
  const firstNumber = firstNumberOf(ranges);
  const directory = new Int32Array(count === 0 ? 0 : numberOf(ends[(count - 1) * 4]!) - firstNumber + 1);
  for (let at = 0; at < count; at++) {
    directory.fill(UNSEEN_BOOK, numberOf(starts[at * 4]!) - firstNumber, numberOf(ends[at * 4]!) - firstNumber + 1);
  }
  return directory;
}

/** First 24 bits of an address, signed or not. */
function numberOf(address: number): number {
  return address >>> PAGE_BITS;
}
