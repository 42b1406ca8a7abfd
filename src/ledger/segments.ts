/** Addresses from `first` to `last`, both inclusive. */
interface Interval {
  version: 4 | 6;
  first: bigint;
  last: bigint;
}

/**
 * Disjoint, sorted intervals of addresses, each of one range. An address is four 32-bit words, the highest first; IPv4
 * has one, and three zeros behind it.
 */
export interface Segments {
  /** Lowest and highest address of each, the words of an address side by side. */
  starts: Uint32Array;
  ends: Uint32Array;
  rangeOf: Uint32Array;
}

const WORDS = 4;

/**
 * Cuts ranges that may overlap into segments in which the first range given has all. The ranges are painted in their
 * order over the elementary intervals between all their bounds; what is painted is skipped from then on (a disjoint-set
 * forest of the next free interval), so that n ranges cost n log n.
 */
export function cutSegments(ranges: readonly Interval[], version: 4 | 6): Segments {
  const own = [...ranges.entries()].filter(([, range]) => range.version === version);
  const bounds = [...new Set(own.flatMap(([, { first, last }]) => [first, last + 1n]))].sort((a, b) =>
    a < b ? -1 : 1,
  );
  const indexOf = new Map(bounds.map((bound, index) => [bound, index]));
  const painted = new Int32Array(bounds.length).fill(-1);
  const next = Int32Array.from(bounds.keys());
  for (const [index, { first, last }] of own) {
    const stop = indexOf.get(last + 1n)!;
    for (let at = nextFree(next, indexOf.get(first)!); at < stop; at = nextFree(next, at)) {
      painted[at] = index;
      next[at] = at + 1;
    }
  }
  return packSegments(bounds, painted, version === 4 ? 1 : WORDS);
}

/** First interval at or after `at` that is not painted; halves the path on its way. */
function nextFree(next: Int32Array, at: number): number {
  while (next[at] !== at) {
    next[at] = next[next[at]!]!;
    at = next[at]!;
  }
  return at;
}

function packSegments(bounds: readonly bigint[], painted: Int32Array, words: number): Segments {
  const starts: number[] = [];
  const ends: number[] = [];
  const rangeOf: number[] = [];
  for (let at = 0; at + 1 < bounds.length; at++) {
    const range = painted[at]!;
    if (range < 0) continue;
    if (at > 0 && painted[at - 1] === range) ends.length -= WORDS;
    else {
      starts.push(...addressWords(bounds[at]!, words));
      rangeOf.push(range);
    }
    ends.push(...addressWords(bounds[at + 1]! - 1n, words));
  }
  return { starts: Uint32Array.from(starts), ends: Uint32Array.from(ends), rangeOf: Uint32Array.from(rangeOf) };
}

/** The four words of an address that has `words`, and zeros behind them. */
function addressWords(address: bigint, words: number): number[] {
  const shifted = address << BigInt(32 * (WORDS - words));
  return Array.from({ length: WORDS }, (_, k) => Number((shifted >> BigInt(32 * (WORDS - 1 - k))) & 0xffff_ffffn));
}

/** Index of the segment that holds an address, given as signed words; -1 if none does. Hot; does not allocate. */
export function findSegment(segments: Segments, word0: number, word1: number, word2: number, word3: number): number {
  const { starts, ends, rangeOf } = segments;
  let low = 0;
  let high = rangeOf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(starts, middle, word0, word1, word2, word3) <= 0) low = middle + 1;
    else high = middle;
  }
  const at = low - 1;
  return at >= 0 && compare(ends, at, word0, word1, word2, word3) >= 0 ? at : -1;
}

/** Whether a segment has any address that begins with this word, unsigned. Hot; does not allocate. */
export function hasFirstWord({ starts, ends, rangeOf }: Segments, word: number): boolean {
  let low = 0;
  let high = rangeOf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle * WORDS]! <= word) low = middle + 1;
    else high = middle;
  }
  // Of all that begin at this word or before it, the last one reaches furthest.
  return low > 0 && ends[(low - 1) * WORDS]! >= word;
}

/** Sign of the difference between the address at `index` of a table and the given one. Hot. */
function compare(
  table: Uint32Array,
  index: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): number {
  const at = index * WORDS;
  return (
    table[at]! - (word0 >>> 0) ||
    table[at + 1]! - (word1 >>> 0) ||
    table[at + 2]! - (word2 >>> 0) ||
    table[at + 3]! - (word3 >>> 0)
  );
}

/** The lowest and the highest address of a segment. */
export function boundsOf({ starts, ends }: Segments, segment: number, version: 4 | 6): [first: bigint, last: bigint] {
  const value = (words: Uint32Array): bigint => {
    const own = words.subarray(segment * WORDS, segment * WORDS + (version === 4 ? 1 : WORDS));
    return own.reduce((all, word) => (all << 32n) | BigInt(word), 0n);
  };
  return [value(starts), value(ends)];
}
