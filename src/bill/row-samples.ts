import { Highest, leftOut } from "./highest.ts";
import { INTERVAL_MS } from "./intervals.ts";

const BITS_PER_BYTE = 8;
const INTERVAL_S = INTERVAL_MS / 1000;
/** Samples of a row that wait, so that its highest ones come into the cache once for all of them. */
const WAITING = 32;

/** 95th percentiles, in bits a second. */
export interface Rates {
  readonly in: number;
  readonly out: number;
  readonly larger: number;
  readonly sum: number;
}

type Measures = Readonly<Record<keyof Rates, Highest>>;

/** The highest samples of rows. */
export class RowSamples {
  readonly #highest: number;
  readonly #measures: Measures[] = [];
  /** Of a row after the other, WAITING samples of bytes in and out. */
  readonly #waiting: Float64Array;
  #count = 0;

  /** `highest`: how many are remembered of each row. */
  constructor(rows: number, highest: number) {
    this.#highest = highest;
    this.#waiting = new Float64Array(rows * WAITING * 2);
  }

  /** Takes a row's part of a sample; a row without one had nothing in it. Hot. */
  take(row: number, bytesIn: number, bytesOut: number): void {
    const at = 2 * (row * WAITING + this.#count);
    this.#waiting[at] = bytesIn;
    this.#waiting[at + 1] = bytesOut;
    this.#measures[row] ??= {
      in: new Highest(this.#highest),
      out: new Highest(this.#highest),
      larger: new Highest(this.#highest),
      sum: new Highest(this.#highest),
    };
  }

  /** Ends a sample: what is taken from now on is of another one. */
  end(): void {
    if (++this.#count === WAITING) this.#settle();
  }

  /** The rates of a row that had so many samples, of all rows. */
  rates(row: number, samples: number): Rates {
    this.#settle();
    const measures = this.#measures[row];
    const rate = (name: keyof Rates): number =>
      Math.round(((measures?.[name].but(leftOut(samples)) ?? 0) * BITS_PER_BYTE) / INTERVAL_S);
    return { in: rate("in"), out: rate("out"), larger: rate("larger"), sum: rate("sum") };
  }

  #settle(): void {
    if (this.#count === 0) return;
    for (let row = 0; row < this.#measures.length; row++) {
      const measures = this.#measures[row];
      if (measures !== undefined) this.#settleRow(row, measures);
    }
    this.#waiting.fill(0);
    this.#count = 0;
  }

  /** Hot. */
  #settleRow(row: number, { in: into, out, larger, sum }: Measures): void {
    const end = 2 * (row * WAITING + this.#count);
    for (let at = 2 * row * WAITING; at < end; at += 2) {
      const [bytesIn, bytesOut] = [this.#waiting[at]!, this.#waiting[at + 1]!];
      into.take(bytesIn);
      out.take(bytesOut);
      larger.take(Math.max(bytesIn, bytesOut));
      sum.take(bytesIn + bytesOut);
    }
  }
}
