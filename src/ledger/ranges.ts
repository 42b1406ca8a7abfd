import { cutSegments, type Segments } from "./segments.ts";

/** Addresses that are accounted one by one, or by network (`rollupBits`), with the labels their series carry. */
export interface Range {
  version: 4 | 6;
  first: bigint;
  last: bigint;
  /** Length of the prefix that shares a series; 32 or 128 where every address has its own. */
  rollupBits: number;
  /** In the order given; names are unique. */
  labels: readonly (readonly [name: string, value: string])[];
  /** As it stood on the command line. */
  text: string;
}

/** Stands for "in no range" and "in no place". */
export const NONE = -1;

/**
 * The ranges of the command line, made ready to be searched for every packet. Ranges may overlap: the first that holds
 * an address has it. They are cut into disjoint segments once, so that a search is binary and thousands of ranges cost
 * little more than one.
 *
 * A listed IPv4 address (or network, with a rollup) has a place: its number among all that are listed, 0 to places-1.
 * IPv6 addresses have none, because no table could hold them.
 */
export class RangeTable {
  readonly ranges: readonly Range[];
  /** Listed IPv4 series; the size of a table by place. */
  readonly places: number;
  /** Range → number of its set of labels. Ranges with equal sets share their `other` series. */
  readonly groupOf: Uint32Array;
  readonly groups: number;

  readonly #ipv4: Segments;
  readonly #ipv6: Segments;
  /** Range → lowest address, bits to shift away for the rollup, and place of the lowest address. */
  readonly #firstIpv4: Float64Array;
  readonly #shiftIpv4: Uint8Array;
  readonly #placeOfFirst: Uint32Array;
  /** Range → four words that keep the bits of its rollup prefix; IPv4 has the first alone. */
  readonly #masks: Uint32Array;

  constructor(ranges: readonly Range[]) {
    this.ranges = ranges;
    this.#ipv4 = cutSegments(ranges, 4);
    this.#ipv6 = cutSegments(ranges, 6);
    this.#firstIpv4 = new Float64Array(ranges.length);
    this.#shiftIpv4 = new Uint8Array(ranges.length);
    this.#placeOfFirst = new Uint32Array(ranges.length);
    this.#masks = new Uint32Array(ranges.length * 4);
    this.groupOf = new Uint32Array(ranges.length);
    const groups = new Map<string, number>();
    let places = 0;
    for (const [index, range] of ranges.entries()) {
      const key = JSON.stringify(range.labels.toSorted(([a], [b]) => (a < b ? -1 : 1)));
      if (!groups.has(key)) groups.set(key, groups.size);
      this.groupOf[index] = groups.get(key)!;
      for (let k = 0; k < 4; k++) this.#masks[index * 4 + k] = maskOfWord(range.rollupBits - 32 * k);
      if (range.version !== 4) continue;
      this.#firstIpv4[index] = Number(range.first);
      this.#shiftIpv4[index] = 32 - range.rollupBits;
      this.#placeOfFirst[index] = places;
      places += rangeSeries(range);
    }
    this.groups = groups.size;
    this.places = places;
  }

  /** The range that has an IPv4 address, or NONE. Hot; does not allocate. */
  rangeOfIpv4(address: number): number {
    const { starts, ends, rangeOf } = this.#ipv4;
    let low = 0;
    let high = rangeOf.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    const at = low - 1;
    return at >= 0 && address <= ends[at]! ? rangeOf[at]! : NONE;
  }

  /** The place of an IPv4 address that `range` has. Hot; does not allocate. */
  placeOfIpv4(range: number, address: number): number {
    const offset = (address - this.#firstIpv4[range]!) >>> this.#shiftIpv4[range]!;
    return this.#placeOfFirst[range]! + offset;
  }

  /** Word `k` of the address that `range` accounts an address under, from word `k` of that address. Hot. */
  maskWord(range: number, k: number, word: number): number {
    return (word & this.#masks[range * 4 + k]!) >>> 0;
  }

  /** The range that has an IPv6 address, given as four words, or NONE. Hot; does not allocate. */
  rangeOfIpv6(word0: number, word1: number, word2: number, word3: number): number {
    const { starts, ends, rangeOf } = this.#ipv6;
    let low = 0;
    let high = rangeOf.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(starts, middle, word0, word1, word2, word3) <= 0) low = middle + 1;
      else high = middle;
    }
    const at = low - 1;
    return at >= 0 && compare(ends, at, word0, word1, word2, word3) >= 0 ? rangeOf[at]! : NONE;
  }
}

/** The highest `bits` bits of a word; all or none where `bits` lies outside it. */
function maskOfWord(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffff_ffff : ~(0xffff_ffff >>> bits) >>> 0;
}

/** Sign of the difference between the address at `index` of a table of four-word addresses and the given one. Hot. */
function compare(table: Uint32Array, index: number, word0: number, word1: number, word2: number, word3: number): number {
  const at = index * 4;
  return table[at]! - word0 || table[at + 1]! - word1 || table[at + 2]! - word2 || table[at + 3]! - word3;
}

/** Number of series that a range can have: its addresses, or its networks where it has a rollup. */
export function rangeSeries(range: Range): number {
  const shift = BigInt((range.version === 4 ? 32 : 128) - range.rollupBits);
  return Number((range.last >> shift) - (range.first >> shift)) + 1;
}
