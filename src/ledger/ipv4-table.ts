import type { RangeTable } from "./ranges.ts";

/** What `find` says besides a row: no range has the address, or it was not seen yet. */
export const UNLISTED = -2;
export const UNSEEN = -1;

const PAGE_BITS = 8;
const PAGE_CELLS = 1 << PAGE_BITS;
const OFFSET = PAGE_CELLS - 1;
const INITIAL_PAGES = 4;

/** A cell holds what `find` says plus this, so that fresh memory says UNLISTED. */
const CELL_OF_ROW_0 = 2;
/** In the directory; page 0, of all that is in no range, is never written. */
const PAGE_UNBUILT = -1;

/** Page 0 alone. */
const NO_CELLS = new Int32Array(PAGE_CELLS);
/** Directories without a page: one for all interfaces that have seen no listed address. */
const unbuiltDirectories = new WeakMap<RangeTable, Int32Array>();

/**
 * Row of an IPv4 address in two loads, however many ranges there are: the first 24 bits of the address choose a page,
 * the last 8 a cell (as DIR-24-8 of Gupta, Lin and McKeown, 1998). A binary search would guess wrong at every other
 * step of random addresses, and costs twice as much with two ranges already.
 *
 * The directory spans the ranges; the pages under it are built when an address in them is first seen. Until then a table
 * shares what it reads with all others of the same ranges.
 *
 *     directory        pages
 *     | 10.0.0 | ──> | row of 10.0.0.0 | row of 10.0.0.1 | ...
 *     | 10.0.1 | ──> unbuilt
 */
export class Ipv4Table {
  readonly #ranges: RangeTable;
  /** First 24 bits of the lowest address of all ranges: what the directory begins with. */
  readonly #firstPage: number;
  #directory: Int32Array;
  #cells = NO_CELLS;
  #pages = 1;

  constructor(ranges: RangeTable) {
    this.#ranges = ranges;
    this.#firstPage = firstPageOf(ranges);
    this.#directory = unbuiltDirectories.get(ranges) ?? directoryOf(ranges);
    unbuiltDirectories.set(ranges, this.#directory);
  }

  /** The row of an address; UNLISTED where no range has it, UNSEEN where `set` must tell. Hot; does not allocate. */
  find(address: number): number {
    const directory = this.#directory;
    const at = pageOf(address) - this.#firstPage;
    if (at < 0 || at >= directory.length) return UNLISTED;
    const page = directory[at]!;
    if (page < 0) return UNSEEN;
    return this.#cells[(page << PAGE_BITS) | (address & OFFSET)]! - CELL_OF_ROW_0;
  }

  /** Remembers the row of a listed address. */
  set(address: number, row: number): void {
    if (this.#cells === NO_CELLS) {
      // Made anew and not copied: memory that is never written stays the kernel's.
      this.#directory = directoryOf(this.#ranges);
      this.#cells = new Int32Array(INITIAL_PAGES * PAGE_CELLS);
    }
    const at = pageOf(address) - this.#firstPage;
    if (this.#directory[at] === PAGE_UNBUILT) this.#directory[at] = this.#build(address & ~OFFSET);
    this.#cells[(this.#directory[at]! << PAGE_BITS) | (address & OFFSET)] = row + CELL_OF_ROW_0;
  }

  #build(first: number): number {
    const page = this.#pages++;
    const start = page * PAGE_CELLS;
    if (start === this.#cells.length) {
      const larger = new Int32Array(this.#cells.length * 2);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    for (let offset = 0; offset < PAGE_CELLS; offset++) {
      if (this.#ranges.rangeOfIpv4(first | offset) >= 0) this.#cells[start + offset] = UNSEEN + CELL_OF_ROW_0;
    }
    return page;
  }
}

function firstPageOf(ranges: RangeTable): number {
  const { starts, rangeOf } = ranges.ipv4;
  return rangeOf.length === 0 ? 0 : pageOf(starts[0]!);
}

/** A directory from the first page of all ranges to the last, in which no page is built. */
function directoryOf(ranges: RangeTable): Int32Array {
  const { starts, ends, rangeOf } = ranges.ipv4;
  const count = rangeOf.length;
  const firstPage = firstPageOf(ranges);
  const directory = new Int32Array(count === 0 ? 0 : pageOf(ends[(count - 1) * 4]!) - firstPage + 1);
  for (let at = 0; at < count; at++) {
    directory.fill(PAGE_UNBUILT, pageOf(starts[at * 4]!) - firstPage, pageOf(ends[at * 4]!) - firstPage + 1);
  }
  return directory;
}

/** First 24 bits of an address, signed or not. */
function pageOf(address: number): number {
  return address >>> PAGE_BITS;
}
