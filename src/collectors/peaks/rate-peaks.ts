import { lengthened } from "../../grown-array.ts";

/**
 * The highest rates of counters that are read again and again, each in an array of its own place. What is told covers the
 * window that runs and the one before: at least the time of one, at most of two.
 */
export class RatePeaks {
  /** Counter → what it was when it was last read. */
  #seen: Float64Array;
  #running: Float64Array;
  #before: Float64Array;

  /** `counters`: as they are now; rates are those since. */
  constructor(counters: Float64Array) {
    this.#seen = counters.slice();
    this.#running = new Float64Array(counters.length);
    this.#before = new Float64Array(counters.length);
  }

  /** Reads counters[from, to), `seconds` after the last time. */
  read(counters: Float64Array, from: number, to: number, seconds: number): void {
    if (to > this.#seen.length) this.#grow(to);
    const seen = this.#seen;
    const running = this.#running;
    for (let at = from; at < to; at++) {
      const count = counters[at]!;
      const rate = (count - seen[at]!) / seconds;
      seen[at] = count;
      if (rate > running[at]!) running[at] = rate;
    }
  }

  /** Begins another window. */
  turn(): void {
    [this.#running, this.#before] = [this.#before, this.#running];
    this.#running.fill(0);
  }

  peak(at: number): number {
    return Math.max(this.#running[at] ?? 0, this.#before[at] ?? 0);
  }

  /** What was read of `count` counters from a place on counts at another one from now on, as the counters do. */
  fold(from: number, into: number, count: number): void {
    for (let k = 0; k < count; k++) {
      if (Math.max(from, into) + k >= this.#seen.length) this.#grow(Math.max(from, into) + count);
      this.#seen[into + k]! += this.#seen[from + k]!;
      this.#seen[from + k] = 0;
      this.#running[from + k] = 0;
      this.#before[from + k] = 0;
    }
  }

  #grow(length: number): void {
    this.#seen = lengthened(this.#seen, length);
    this.#running = lengthened(this.#running, length);
    this.#before = lengthened(this.#before, length);
  }
}
