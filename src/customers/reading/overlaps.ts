import type { PrefixSet } from "../prefix-set.ts";

/** How prefixes stand to each other. */
export interface Overlaps {
  /** Prefixes that were there before. */
  readonly repeated: number;
  /** The first of them in the order of addresses, and the one that it repeats. */
  readonly example: readonly [earlier: PrefixAt, later: PrefixAt] | undefined;
  /** Prefixes that never count, because longer ones have all their addresses. */
  readonly covered: number;
}

/** A prefix of one of several sets. */
export interface PrefixAt {
  readonly set: number;
  readonly index: number;
}

const DIGIT_BITS = 16;
const DIGITS = 2 ** DIGIT_BITS;
const NONE = -1;
const BROKEN = -2;

/** The prefixes of several sets, one after the other. */
class AllPrefixes {
  readonly count: number;
  readonly versions: Uint8Array;
  readonly words: Uint32Array;
  readonly bits: Uint8Array;

  constructor(sets: readonly PrefixSet[]) {
    this.count = sets.reduce((sum, { count }) => sum + count, 0);
    this.versions = new Uint8Array(this.count);
    this.words = new Uint32Array(4 * this.count);
    this.bits = new Uint8Array(this.count);
    let offset = 0;
    for (const { count, versions, words, bits } of sets) {
      this.versions.set(versions, offset);
      this.words.set(words, 4 * offset);
      this.bits.set(bits, offset);
      offset += count;
    }
  }

  /** Their indexes by version, address and length; of equal ones the earlier goes first. */
  sorted(): Uint32Array {
    let order = Uint32Array.from({ length: this.count }, (_, index) => index);
    order = sortedBy(order, (index) => this.bits[index]!);
    for (let word = 3; word >= 0; word--) {
      for (const shift of [0, DIGIT_BITS]) {
        order = sortedBy(order, (index) => (this.words[4 * index + word]! >>> shift) & (DIGITS - 1));
      }
    }
    return sortedBy(order, (index) => this.versions[index]!);
  }

  areEqual(a: number, b: number): boolean {
    if (this.versions[a] !== this.versions[b] || this.bits[a] !== this.bits[b]) return false;
    for (let word = 0; word < 4; word++) if (this.words[4 * a + word] !== this.words[4 * b + word]) return false;
    return true;
  }

  holds(outer: number, inner: number): boolean {
    if (this.versions[outer] !== this.versions[inner] || this.bits[outer]! > this.bits[inner]!) return false;
    for (let word = 0; word < 4; word++) {
      const mask = ~this.hostMask(outer, word);
      if (((this.words[4 * outer + word]! ^ this.words[4 * inner + word]!) & mask) !== 0) return false;
    }
    return true;
  }

  /** Whether two prefixes begin at the same address. */
  beginAlike(a: number, b: number): boolean {
    for (let word = 0; word < 4; word++) if (this.words[4 * a + word] !== this.words[4 * b + word]) return false;
    return true;
  }

  endAlike(a: number, b: number): boolean {
    for (let word = 0; word < 4; word++) if (this.#lastWord(a, word) !== this.#lastWord(b, word)) return false;
    return true;
  }

  /** Whether a prefix begins right behind another one. */
  follows(before: number, after: number): boolean {
    let carry = 1;
    for (let word = 3; word >= 0; word--) {
      const next = this.#lastWord(before, word) + carry;
      if (next >>> 0 !== this.words[4 * after + word]) return false;
      carry = next > 0xffff_ffff ? 1 : 0;
    }
    return true;
  }

  /** The bits of a word that are behind the prefix. */
  hostMask(index: number, word: number): number {
    const before = this.bits[index]! + (this.versions[index] === 4 ? 96 : 0) - 32 * word;
    if (before <= 0) return 0xffff_ffff;
    return before >= 32 ? 0 : 0xffff_ffff >>> before;
  }

  #lastWord(index: number, word: number): number {
    return (this.words[4 * index + word]! | this.hostMask(index, word)) >>> 0;
  }
}

/** Counts prefixes that repeat another one, or never count, over all the sets. */
export function findOverlaps(sets: readonly PrefixSet[]): Overlaps {
  const all = new AllPrefixes(sets);
  const order = all.sorted();
  const unique = new Uint32Array(order.length);
  let [count, example]: [number, readonly [number, number] | undefined] = [0, undefined];
  for (const index of order) {
    const before = unique[count - 1];
    if (before === undefined || !all.areEqual(before, index)) unique[count++] = index;
    else example ??= [before, index];
  }
  return {
    repeated: order.length - count,
    example: example && [placeOf(sets, example[0]), placeOf(sets, example[1])],
    covered: countCovered(all, unique.subarray(0, count)),
  };
}

/** A prefix is covered if those right below it begin where it begins, follow each other, and end where it ends. */
function countCovered(all: AllPrefixes, order: Uint32Array): number {
  /** The prefixes that hold the current one, and the last of the unbroken row of prefixes right below each. */
  const outer: number[] = [];
  const row: number[] = [];
  let covered = 0;
  const close = (): void => {
    const [index, last] = [outer.pop()!, row.pop()!];
    if (last >= 0 && all.endAlike(index, last)) covered++;
  };
  for (const index of order) {
    while (outer.length > 0 && !all.holds(outer.at(-1)!, index)) close();
    const top = outer.length - 1;
    if (top >= 0) {
      const last = row[top]!;
      const goesOn = last === NONE ? all.beginAlike(outer[top]!, index) : last >= 0 && all.follows(last, index);
      row[top] = goesOn ? index : BROKEN;
    }
    outer.push(index);
    row.push(NONE);
  }
  while (outer.length > 0) close();
  return covered;
}

/** A stable counting sort. */
function sortedBy(order: Uint32Array, digit: (index: number) => number): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(DIGITS + 1);
  for (const index of order) starts[digit(index) + 1]!++;
  for (let value = 0; value < DIGITS; value++) starts[value + 1]! += starts[value]!;
  const sorted = new Uint32Array(order.length);
  for (const index of order) sorted[starts[digit(index)]!++] = index;
  return sorted;
}

function placeOf(sets: readonly PrefixSet[], index: number): PrefixAt {
  let [set, rest] = [0, index];
  while (rest >= sets[set]!.count) rest -= sets[set++]!.count;
  return { set, index: rest };
}
