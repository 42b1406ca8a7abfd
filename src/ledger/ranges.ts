import { boundsOf, cutSegments, findSegment, hasFirstWord, type Segments } from "./segments.ts";

/** Addresses that are accounted one by one, or by network (`rollupBits`), with the labels their series carry. */
export interface Range {
  version: 4 | 6;
  first: bigint;
  last: bigint;
  /** Length of the prefix that shares a series; 32 or 128 if every address has its own. */
  rollupBits: number;
  /** In the order given; names are unique. */
  labels: readonly (readonly [name: string, value: string])[];
  /** As it stood on the command line. */
  text: string;
}

/** Stands for "in no range". */
export const NO_RANGE = -1;

/**
 * The ranges of the command line, made ready to be searched. Ranges may overlap: the first that holds an address has
 * it. They are cut into disjoint segments once, so that a search is binary and thousands of ranges cost little more
 * than one.
 *
 * Addresses are given as signed 32-bit words, as the parser makes them: one, or four with the highest first.
 */
export class RangeTable {
  readonly ranges: readonly Range[];
  /** Range → number of its set of labels. Ranges with equal sets share their `other` series. */
  readonly groupOf: Uint32Array;
  readonly groups: number;
  /** Group → its labels as a text, the same for equal sets in any table. */
  readonly groupKeys: readonly string[];
  readonly ipv4: Segments;
  readonly ipv6: Segments;

  /** Range → four words that keep the bits of its rollup prefix; IPv4 has the first alone. */
  readonly #masks: Int32Array;

  constructor(ranges: readonly Range[]) {
    this.ranges = ranges;
    this.ipv4 = cutSegments(ranges, 4);
    this.ipv6 = cutSegments(ranges, 6);
    this.#masks = new Int32Array(ranges.length * 4);
    this.groupOf = new Uint32Array(ranges.length);
    const groups = new Map<string, number>();
    for (const [index, { labels, rollupBits }] of ranges.entries()) {
      // To Prometheus an empty label is no label.
      const given = labels.filter(([, value]) => value !== "");
      const key = JSON.stringify(given.toSorted(([a], [b]) => (a < b ? -1 : 1)));
      if (!groups.has(key)) groups.set(key, groups.size);
      this.groupOf[index] = groups.get(key)!;
      for (let k = 0; k < 4; k++) this.#masks[index * 4 + k] = maskOfWord(rollupBits - 32 * k);
    }
    this.groups = groups.size;
    this.groupKeys = [...groups.keys()];
  }

  /** The ranges that have no address, because those before them have all of theirs. */
  covered(): Range[] {
    const having = new Set([...this.ipv4.rangeOf, ...this.ipv6.rangeOf]);
    return this.ranges.filter((_, index) => !having.has(index));
  }

  /** The range that has the first address of another. */
  owner({ version, first }: Range): Range {
    const word = (shift: bigint): number => Number(BigInt.asIntN(32, first >> shift));
    const index =
      version === 4 ? this.rangeOfIpv4(word(0n)) : this.rangeOfIpv6(word(96n), word(64n), word(32n), word(0n));
    return this.ranges[index]!;
  }

  /** The range that has an IPv4 address, or NO_RANGE. */
  rangeOfIpv4(address: number): number {
    return rangeAt(this.ipv4, findSegment(this.ipv4, address, 0, 0, 0));
  }

  /** Whether a range has any of the addresses from `first` to `last`, which are of its version. */
  hasPart(range: number, first: bigint, last: bigint): boolean {
    const { version } = this.ranges[range]!;
    const segments = version === 4 ? this.ipv4 : this.ipv6;
    return segments.rangeOf.some((owner, segment) => {
      if (owner !== range) return false;
      const [start, end] = boundsOf(segments, segment, version);
      return start <= last && end >= first;
    });
  }

  /** Whether all addresses from `first` to `last` are accounted under one: in one range, and inside its rollup prefix. */
  isOneIpv4Network(first: number, last: number): boolean {
    const segment = findSegment(this.ipv4, first, 0, 0, 0);
    if (segment < 0 || segment !== findSegment(this.ipv4, last, 0, 0, 0)) return false;
    const range = this.ipv4.rangeOf[segment]!;
    return this.maskWord(range, 0, first) === this.maskWord(range, 0, last);
  }

  /** The range that has an IPv6 address, or NO_RANGE. Hot; does not allocate. */
  rangeOfIpv6(word0: number, word1: number, word2: number, word3: number): number {
    return rangeAt(this.ipv6, findSegment(this.ipv6, word0, word1, word2, word3));
  }

  /** Whether a range has any of the IPv6 addresses that begin with this word. Hot; does not allocate. */
  hasIpv6From(word0: number): boolean {
    return hasFirstWord(this.ipv6, word0 >>> 0);
  }

  /** Word `k` of the address that `range` accounts an address under, from word `k` of that address. Hot. */
  maskWord(range: number, k: number, word: number): number {
    return word & this.#masks[range * 4 + k]!;
  }
}

function rangeAt({ rangeOf }: Segments, segment: number): number {
  return segment < 0 ? NO_RANGE : rangeOf[segment]!;
}

/** Number of series that a range can have: its addresses, or its networks if it has a rollup. */
export function rangeSeries(range: Range): number {
  const shift = BigInt((range.version === 4 ? 32 : 128) - range.rollupBits);
  return Number((range.last >> shift) - (range.first >> shift)) + 1;
}

/** The highest `bits` bits of a word; all or none if `bits` lies outside it. */
function maskOfWord(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~(-1 >>> bits);
}
