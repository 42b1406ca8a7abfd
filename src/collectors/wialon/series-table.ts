import { grown } from "../../grown-array.ts";
import { Leavers } from "../../ledger/quota/leavers.ts";
import { Recency } from "./recency.ts";

/** Series whose counts lie in one piece: doubling the memory of many would leave as much behind. */
const SERIES_PER_CHUNK = 1024;
/** The row of all that has none of its own. */
export const OTHER_ROW = 0;

/** A key, and where its counts are: those of `other` once its row was given away. */
export interface Series {
  readonly key: string;
  readonly row: number;
}

/** The series of a table by row; those before `firstRow` have nothing to show. */
export interface HeldSeries extends Disposable {
  readonly rows: readonly Series[];
  readonly firstRow: number;
}

/** What a key counts, column by column. */
export type KeyCounts = readonly [key: string, counts: Float64Array];

type Movable = { -readonly [Name in keyof Series]: Series[Name] };

/**
 * Counts by key, of so many keys at most: one that is new takes the row of what has been silent longest, whose counts go
 * to `other`. So sums stay exact, and what comes back begins as new; not before a page was without it, or its counters
 * would go back from page to page. What was active between the last two pages keeps its row, or `other` would step up at
 * every page if more are active than have rows.
 */
export class SeriesTable {
  /** Series that lost their row. */
  evictions = 0;
  readonly #columns: number;
  readonly #limit: number;
  readonly #highest: number;
  readonly #other: Movable;
  readonly #byKey = new Map<string, Movable>();
  readonly #byRow: Movable[] = [];
  readonly #counts: Float64Array[] = [];
  readonly #recency = new Recency();
  /** Keys that lost their row. */
  readonly #leavers = new Leavers<string>();
  /** Pages that began. */
  #pages = 0;
  /** Row → how often it was taken from a series. */
  #editions = new Uint32Array(0);
  /** Row → how many pages had begun when it was last active. */
  #activeIn = new Float64Array(0);
  #hasOther = false;
  #readers = 0;

  /** `other`: the key of all that has no row; `highest`: a column of which the highest value counts, and not the sum. */
  constructor(columns: number, limit: number, other: string, highest = -1) {
    this.#columns = columns;
    this.#limit = limit;
    this.#highest = highest;
    this.#other = { key: other, row: OTHER_ROW };
    this.#byRow.push(this.#other);
    this.#counts.push(new Float64Array(SERIES_PER_CHUNK * columns));
  }

  /** The series of a key, which is active now. */
  claim(key: string): Series {
    if (key === this.#other.key) return this.other();
    const known = this.#byKey.get(key);
    if (known !== undefined) return this.touch(known);
    const hasRoom = this.#byRow.length <= this.#limit;
    const mayEvict =
      this.#readers === 0 && this.#leavers.sincePage < this.#limit && this.#isSilent(this.#recency.oldest);
    if (this.#leavers.has(key) || (!hasRoom && !mayEvict)) return { ...this.other(), key };
    const row = hasRoom ? this.#newRow() : this.#evict(this.#recency.oldest);
    const series = { key, row };
    this.#byKey.set(key, series);
    this.#byRow[row] = series;
    return this.touch(series);
  }

  /** Notes that a series is active now; returns the one that its key has now. Hot; does not allocate for one with a row. */
  touch(series: Series): Series {
    if (series.row === OTHER_ROW) return this.claim(series.key);
    this.#recency.touch(series.row);
    this.#activeIn[series.row] = this.#pages;
    return series;
  }

  /** The series of what is to have no row of its own. */
  other(): Series {
    this.#hasOther = true;
    return this.#other;
  }

  /** Adds to a column of a series. Hot; does not allocate. */
  add({ row }: Series, column: number, count = 1): void {
    this.#counts[Math.floor(row / SERIES_PER_CHUNK)]![(row % SERIES_PER_CHUNK) * this.#columns + column]! += count;
  }

  /** Raises a column of a series to a value. */
  raise({ row }: Series, column: number, value: number): void {
    const chunk = this.#counts[Math.floor(row / SERIES_PER_CHUNK)]!;
    const at = (row % SERIES_PER_CHUNK) * this.#columns + column;
    chunk[at] = Math.max(chunk[at]!, value);
  }

  of({ row }: Series, column: number): number {
    return this.#counts[Math.floor(row / SERIES_PER_CHUNK)]![(row % SERIES_PER_CHUNK) * this.#columns + column]!;
  }

  /** One more than the highest row. */
  get count(): number {
    return this.#byRow.length;
  }

  /** What has a row. */
  at(row: number): Series {
    return this.#byRow[row]!;
  }

  /** Changes when the row is taken from what has it. */
  editionOf(row: number): number {
    return this.#editions[row] ?? 0;
  }

  /** A page begins: all that lost its row before is not on it. */
  beginPage(): void {
    this.#leavers.beginPage();
    this.#pages++;
  }

  /**
   * All series that have a row. None loses it until this is disposed of, so that what is read of them one by one, over
   * several turns, has an exact sum: what is new waits under `other`.
   */
  hold(): HeldSeries {
    this.#readers++;
    return {
      rows: this.#byRow,
      firstRow: this.#hasOther ? OTHER_ROW : OTHER_ROW + 1,
      [Symbol.dispose]: () => void this.#readers--,
    };
  }

  /** All that is counted now, by key: what is silent longest comes first, behind `other`. Counts are lent until the next. */
  copy(): Iterable<KeyCounts> {
    const rows = [...(this.#hasOther ? [OTHER_ROW] : []), ...this.#recency.inOrder()];
    const keys = rows.map((row) => this.#byRow[row]!.key);
    const chunks = this.#counts.map((chunk) => chunk.slice());
    return this.#copied(rows, keys, chunks);
  }

  *#copied(rows: readonly number[], keys: readonly string[], chunks: readonly Float64Array[]): Generator<KeyCounts> {
    for (const [index, row] of rows.entries()) {
      const start = (row % SERIES_PER_CHUNK) * this.#columns;
      yield [keys[index]!, chunks[Math.floor(row / SERIES_PER_CHUNK)]!.subarray(start, start + this.#columns)];
    }
  }

  /** Adds what another table has counted under a key. */
  restore([key, counts]: KeyCounts): void {
    const series = this.claim(key);
    for (let column = 0; column < this.#columns; column++) {
      if (column === this.#highest) this.raise(series, column, counts[column]!);
      else this.add(series, column, counts[column]);
    }
  }

  /** Series that have something to show. */
  get size(): number {
    return this.#byRow.length - (this.#hasOther ? 0 : 1);
  }

  #newRow(): number {
    const row = this.#byRow.length;
    if (row % SERIES_PER_CHUNK === 0) this.#counts.push(new Float64Array(SERIES_PER_CHUNK * this.#columns));
    if (row >= this.#activeIn.length) {
      this.#activeIn = grown(this.#activeIn, row + 1);
      this.#editions = grown(this.#editions, row + 1);
    }
    return row;
  }

  /** Whether a row was silent from the last page but one on; without pages any is, in the order of activity. */
  #isSilent(row: number): boolean {
    return this.#pages === 0 || this.#activeIn[row]! < this.#pages - 1;
  }

  /** Takes a row from its series; returns it, empty. */
  #evict(row: number): number {
    const series = this.#byRow[row]!;
    const other = this.other();
    for (let column = 0; column < this.#columns; column++) {
      const value = this.of(series, column);
      if (column === this.#highest) this.raise(other, column, value);
      else this.add(other, column, value);
      this.add(series, column, -value);
    }
    this.#byKey.delete(series.key);
    if (this.#pages > 0) this.#leavers.add(series.key);
    series.row = OTHER_ROW;
    this.#editions[row]!++;
    this.evictions++;
    return row;
  }
}
