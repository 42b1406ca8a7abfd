import type { RangeTable } from "../../../ledger/ranges.ts";
import { rangeSeries } from "../../../ledger/ranges.ts";

/**
 * Numbers the IPv4 addresses (or networks, with a rollup) that the ranges list: their place. Ranges follow each other
 * in the order given; what an earlier range has of a later one keeps a place that is never used.
 */
export class Places {
  readonly count: number;
  /** Range → place of its lowest address; of an IPv6 range, where the next one starts. */
  readonly #first: Float64Array;
  readonly #ranges: RangeTable;

  constructor(ranges: RangeTable) {
    this.#ranges = ranges;
    this.#first = new Float64Array(ranges.ranges.length);
    let count = 0;
    for (const [index, range] of ranges.ranges.entries()) {
      this.#first[index] = count;
      if (range.version === 4) count += rangeSeries(range);
    }
    this.count = count;
  }

  /** What a program computes a place with: place = ((address - lowest) >> shift) + first. */
  formula(range: number): { lowest: number; shift: number; first: number } {
    const { first, rollupBits } = this.#ranges.ranges[range]!;
    return { lowest: Number(first), shift: 32 - rollupBits, first: this.#first[range]! };
  }

  /** The range that a place is of. */
  rangeOf(place: number): number {
    let low = 0;
    let high = this.#first.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#first[middle]! <= place) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The lowest address of a place, as a signed word. */
  addressOf(place: number): number {
    const { lowest, shift, first } = this.formula(this.rangeOf(place));
    return (lowest + (place - first) * 2 ** shift) | 0;
  }
}
