import type { Range } from "./ranges.ts";

/** Disjoint, sorted intervals of addresses, each of one range. An address is one 32-bit word (IPv4) or four (IPv6). */
export interface Segments {
  /** Lowest and highest address of each, the words of an address side by side, highest first. */
  starts: Uint32Array;
  ends: Uint32Array;
  rangeOf: Uint32Array;
}

/**
 * Cuts ranges that may overlap into segments in which the first range given has all. The ranges are painted in their
 * order over the elementary intervals between all their bounds; what is painted is skipped from then on (a disjoint-set
 * forest of the next free interval), so that n ranges cost n log n.
 */
export function cutSegments(ranges: readonly Range[], version: 4 | 6): Segments {
  const own = [...ranges.entries()].filter(([, range]) => range.version === version);
  const bounds = [...new Set(own.flatMap(([, { first, last }]) => [first, last + 1n]))].sort((a, b) => (a < b ? -1 : 1));
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
  return packSegments(bounds, painted, version === 4 ? 1 : 4);
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
    if (at > 0 && painted[at - 1] === range) ends.length -= words;
    else {
      starts.push(...addressWords(bounds[at]!, words));
      rangeOf.push(range);
    }
    ends.push(...addressWords(bounds[at + 1]! - 1n, words));
  }
  return { starts: Uint32Array.from(starts), ends: Uint32Array.from(ends), rangeOf: Uint32Array.from(rangeOf) };
}

/** The 32-bit words of an address, highest first. */
export function addressWords(address: bigint, words: number): number[] {
  return Array.from({ length: words }, (_, k) => Number((address >> BigInt(32 * (words - 1 - k))) & 0xffff_ffffn));
}
