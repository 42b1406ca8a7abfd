import { joined } from "../counted-sets.ts";
import { orderOf } from "../prefix-order.ts";
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

const NONE = -1;
const BROKEN = -2;

/** Tells how two prefixes of a set stand to each other. */
class Pairs {
  readonly #set: PrefixSet;

  constructor(set: PrefixSet) {
    this.#set = set;
  }

  areEqual(a: number, b: number): boolean {
    const { versions, bits } = this.#set;
    return versions[a] === versions[b] && bits[a] === bits[b] && this.beginAlike(a, b);
  }

  holds(outer: number, inner: number): boolean {
    const { versions, bits, words } = this.#set;
    if (versions[outer] !== versions[inner] || bits[outer]! > bits[inner]!) return false;
    for (let word = 0; word < 4; word++) {
      const mask = ~this.#hostMask(outer, word);
      if (((words[4 * outer + word]! ^ words[4 * inner + word]!) & mask) !== 0) return false;
    }
    return true;
  }

  /** Whether two prefixes begin at the same address. */
  beginAlike(a: number, b: number): boolean {
    const { words } = this.#set;
    for (let word = 0; word < 4; word++) if (words[4 * a + word] !== words[4 * b + word]) return false;
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
      if (next >>> 0 !== this.#set.words[4 * after + word]) return false;
      carry = next > 0xffff_ffff ? 1 : 0;
    }
    return true;
  }

  /** The bits of a word that are behind the prefix. */
  #hostMask(index: number, word: number): number {
    const before = this.#set.bits[index]! + (this.#set.versions[index] === 4 ? 96 : 0) - 32 * word;
    if (before <= 0) return 0xffff_ffff;
    return before >= 32 ? 0 : 0xffff_ffff >>> before;
  }

  #lastWord(index: number, word: number): number {
    return (this.#set.words[4 * index + word]! | this.#hostMask(index, word)) >>> 0;
  }
}

/** Counts prefixes that repeat another one, or never count, over all the sets. */
export function findOverlaps(sets: readonly PrefixSet[]): Overlaps {
  const all = joined(sets);
  const order = orderOf(all);
  const pairs = new Pairs(all);
  const unique = new Uint32Array(order.length);
  let [count, example]: [number, readonly [number, number] | undefined] = [0, undefined];
  for (const index of order) {
    const before = unique[count - 1];
    if (before === undefined || !pairs.areEqual(before, index)) unique[count++] = index;
    else example ??= [before, index];
  }
  return {
    repeated: order.length - count,
    example: example && [placeOf(sets, example[0]), placeOf(sets, example[1])],
    covered: countCovered(pairs, unique.subarray(0, count)),
  };
}

/** A prefix is covered if those right below it begin where it begins, follow each other, and end where it ends. */
function countCovered(pairs: Pairs, order: Uint32Array): number {
  /** The prefixes that hold the current one, and the last of the unbroken row of prefixes right below each. */
  const outer: number[] = [];
  const row: number[] = [];
  let covered = 0;
  const close = (): void => {
    const [index, last] = [outer.pop()!, row.pop()!];
    if (last >= 0 && pairs.endAlike(index, last)) covered++;
  };
  for (const index of order) {
    while (outer.length > 0 && !pairs.holds(outer.at(-1)!, index)) close();
    const top = outer.length - 1;
    if (top >= 0) {
      const last = row[top]!;
      const goesOn = last === NONE ? pairs.beginAlike(outer[top]!, index) : last >= 0 && pairs.follows(last, index);
      row[top] = goesOn ? index : BROKEN;
    }
    outer.push(index);
    row.push(NONE);
  }
  while (outer.length > 0) close();
  return covered;
}

function placeOf(sets: readonly PrefixSet[], index: number): PrefixAt {
  let [set, rest] = [0, index];
  while (rest >= sets[set]!.count) rest -= sets[set++]!.count;
  return { set, index: rest };
}
