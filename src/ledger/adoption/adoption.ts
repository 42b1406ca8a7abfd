import { SLOT_DOUBLES } from "../histogram.ts";
import { ALL_SLOT, type FoldListener, type InterfaceLedger } from "../interface-ledger.ts";
import { NO_RANGE, type RangeTable } from "../ranges.ts";
import { ROW_CELLS } from "../rows.ts";

/**
 * Moves what one table of ranges counted to the ledger of another: what is of the interface, and the rows whose series
 * the other table has too, which are those with the same address or network and the same labels. The rest stays.
 */
export class Adoption {
  readonly #before: RangeTable;
  readonly #after: RangeTable;
  readonly #onFold: FoldListener;
  /** Range of the table before, and of that after → number of what ranges have in common that give the same series. */
  readonly #likenessBefore: Uint32Array;
  readonly #likenessAfter: Uint32Array;
  /** Such a number → the ranges of the table after that have it. */
  readonly #alike = new Map<number, number[]>();

  constructor(before: RangeTable, after: RangeTable, onFold: FoldListener) {
    this.#before = before;
    this.#after = after;
    this.#onFold = onFold;
    const numbers = new Map<string, number>();
    this.#likenessBefore = likenesses(before, numbers);
    this.#likenessAfter = likenesses(after, numbers);
    for (const [range, likeness] of this.#likenessAfter.entries()) {
      const alike = this.#alike.get(likeness);
      if (alike === undefined) this.#alike.set(likeness, [range]);
      else alike.push(range);
    }
  }

  /** Tells whether any row stayed. */
  adopt(from: InterfaceLedger, to: InterfaceLedger): boolean {
    this.#moveSlot(from, ALL_SLOT, to, ALL_SLOT);
    to.takeTotals(from);
    let hasAll = true;
    for (let row = 0; row < from.rows.count; row++) {
      if (!from.rows.isUsed(row)) continue;
      const range = from.rows.isOther(row) ? this.#rangeOfOther(from, row) : this.#rangeOf(from, row);
      if (range === NO_RANGE) hasAll = false;
      else this.#moveRow(from, row, to, range);
    }
    return !hasAll;
  }

  #moveRow(from: InterfaceLedger, row: number, to: InterfaceLedger, range: number): void {
    const { rows } = from;
    const word = (k: number): number => rows.addressWord(row, k) | 0;
    const into = rows.isOther(row)
      ? to.addresses.otherRow(range)
      : to.addresses.row(range, word(0), word(1), word(2), word(3), from.addresses.hasSent(row));
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot === 0) continue;
      this.#moveSlot(from, slot, to, to.addresses.slotOf(into, cell));
      rows.setSlot(row, cell, 0);
    }
    rows.remove(row);
  }

  #moveSlot(from: InterfaceLedger, slot: number, to: InterfaceLedger, into: number): void {
    const { counters } = from.slots;
    for (let k = 0; k < SLOT_DOUBLES; k++) {
      to.slots.counters[into * SLOT_DOUBLES + k]! += counters[slot * SLOT_DOUBLES + k]!;
      counters[slot * SLOT_DOUBLES + k] = 0;
    }
    this.#onFold(from, slot, into, to);
  }

  /** The range of the table after that gives an address or network the series that it has, or NO_RANGE. */
  #rangeOf({ rows }: InterfaceLedger, row: number): number {
    const before = rows.rangeOf(row);
    const likeness = this.#likenessBefore[before]!;
    const alike = this.#alike.get(likeness);
    if (alike === undefined) return NO_RANGE;
    const { version, rollupBits } = this.#before.ranges[before]!;
    const word = (k: number): number => rows.addressWord(row, k) | 0;
    const found =
      version === 4 ? this.#after.rangeOfIpv4(word(0)) : this.#after.rangeOfIpv6(word(0), word(1), word(2), word(3));
    if (found !== NO_RANGE && this.#likenessAfter[found] === likeness) return found;
    // Others may have the first addresses of a network, and not all of it.
    const words = [0, 1, 2, 3].map((k) => BigInt(rows.addressWord(row, k)));
    const value = words.reduce((all, each) => (all << 32n) | each, 0n);
    const hostBits = BigInt((version === 4 ? 32 : 128) - rollupBits);
    const first = version === 4 ? value >> 96n : value;
    const last = first + (1n << hostBits) - 1n;
    return hostBits === 0n ? NO_RANGE : (alike.find((range) => this.#after.hasPart(range, first, last)) ?? NO_RANGE);
  }

  #rangeOfOther({ rows }: InterfaceLedger, row: number): number {
    const before = rows.rangeOf(row);
    const key = groupOf(this.#before, before);
    const { version } = this.#before.ranges[before]!;
    const isLike = (range: number): boolean =>
      groupOf(this.#after, range) === key && this.#after.ranges[range]!.version === version;
    return [...this.#after.ranges.keys()].find(isLike) ?? NO_RANGE;
  }
}

/** Range → number of its labels, version and rollup, the same number in all tables. */
function likenesses(table: RangeTable, numbers: Map<string, number>): Uint32Array {
  return Uint32Array.from(table.ranges, ({ version, rollupBits }, range) => {
    const key = `${version}/${rollupBits}:${groupOf(table, range)}`;
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
}

function groupOf(table: RangeTable, range: number): string {
  return table.groupKeys[table.groupOf[range]!]!;
}
