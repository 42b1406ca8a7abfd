import type { Segments } from "../../../ledger/segments.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { r1, r2, r3 } from "../assembly/instruction.ts";

/** Writes what happens with an address of a range, up to a jump or to the end of the tree. */
export type Leaf = (range: number) => void;

/** An interval of addresses, up to the next one: of a range, or of none (-1). */
interface Interval {
  /** Words of its first address, highest first, unsigned. */
  start: readonly [number, number, number, number];
  range: number;
}

/**
 * Writes the decision tree that finds the range of an IPv4 address in r1 (host order): log2(n) compares with constants,
 * no memory and no helper. Addresses in no range go to `none`, all others through `leaf`.
 */
export function writeIpv4Tree(asm: Assembler, segments: Segments, leaf: Leaf, none: Label): void {
  const jumpIfBelow = ({ start }: Interval, below: Label): void => asm.jlt32(r1, start[0], below);
  writeTree(asm, intervalsOf(segments, 4), jumpIfBelow, leaf, none);
}

/** Likewise for an IPv6 address whose halves stand in r1 and r2 (host order); r3 is used up. */
export function writeIpv6Tree(asm: Assembler, segments: Segments, leaf: Leaf, none: Label): void {
  const jumpIfBelow = ({ start }: Interval, below: Label): void => {
    const high = (BigInt(start[0]) << 32n) | BigInt(start[1]);
    const low = (BigInt(start[2]) << 32n) | BigInt(start[3]);
    asm.loadImmediate(r3, high);
    asm.jlt(r1, r3, below);
    // Most ranges are prefixes of 64 bits at most: then the upper half decides.
    if (low === 0n) return;
    const above = asm.label("above");
    asm.jne(r1, r3, above);
    asm.loadImmediate(r3, low);
    asm.jlt(r2, r3, below);
    asm.place(above);
  };
  writeTree(asm, intervalsOf(segments, 6), jumpIfBelow, leaf, none);
}

function writeTree(
  asm: Assembler,
  intervals: readonly Interval[],
  jumpIfBelow: (interval: Interval, below: Label) => void,
  leaf: Leaf,
  none: Label,
): void {
  const write = (from: number, to: number): void => {
    if (to - from === 1) {
      const { range } = intervals[from]!;
      if (range < 0) asm.jump(none);
      else leaf(range);
      return;
    }
    const middle = (from + to) >> 1;
    const isGap = middle - from === 1 && intervals[from]!.range < 0;
    const below = isGap ? none : asm.label("below");
    jumpIfBelow(intervals[middle]!, below);
    write(middle, to);
    if (isGap) return;
    asm.place(below);
    write(from, middle);
  };
  write(0, intervals.length);
}

/** The whole space of addresses, cut at the ends of the segments. */
function intervalsOf({ starts, ends, rangeOf }: Segments, version: 4 | 6): Interval[] {
  const intervals: Interval[] = [{ start: [0, 0, 0, 0], range: -1 }];
  const words = version === 4 ? 1 : 4;
  for (let at = 0; at < rangeOf.length; at++) {
    const start = [...starts.subarray(at * 4, at * 4 + 4)] as [number, number, number, number];
    // An interval that would be empty, because the next has the same start, is left out.
    if (intervals.at(-1)!.start.every((word, k) => word === start[k])) intervals.pop();
    intervals.push({ start, range: rangeOf[at]! });
    const end = [...ends.subarray(at * 4, at * 4 + 4)] as [number, number, number, number];
    const next = successor(end, words);
    if (next !== undefined) intervals.push({ start: next, range: -1 });
  }
  return intervals;
}

/** The address behind, or undefined behind the last one. */
function successor(
  address: [number, number, number, number],
  words: number,
): [number, number, number, number] | undefined {
  const next: [number, number, number, number] = [...address];
  for (let k = words - 1; k >= 0; k--) {
    next[k] = (next[k]! + 1) >>> 0;
    if (next[k] !== 0) return next;
  }
  return undefined;
}
