import { AddressIndex } from "./address-index.ts";
import { SLOT_DOUBLES, SUM } from "./histogram.ts";
import { UNLISTED, UNSEEN } from "./tables/ipv4-memory.ts";
import type { Ipv4Table } from "./tables/ipv4-table.ts";
import { Ipv6Table, selectorOf } from "./tables/ipv6-table.ts";
import type { Quota } from "./quota/quota.ts";
import { FREE, type Places } from "./quota/silence.ts";
import { NO_RANGE, type RangeTable } from "./ranges.ts";
import { ROW_CELLS, Rows, RX_CELLS } from "./rows.ts";
import type { Slots } from "./slots.ts";

/**
 * Gives the addresses of one interface their rows, and the cells of those their slots, and takes rows back for others.
 * What has none counts in the `other` of its labels.
 */
export class AddressRows implements Places {
  readonly rows = new Rows();
  /** What is known of IPv6 addresses that were seen. */
  readonly ipv6: Ipv6Table;
  /** Addresses that gave their row to others. */
  evicted = 0;
  /** Packets under `other` by ranges that are gone. */
  refusedBefore = 0;
  readonly #ranges: RangeTable;
  readonly #quota: Quota;
  readonly #slots: Slots;
  readonly #ipv4: Ipv4Table;
  readonly #onFold: (slot: number, into: number) => void;
  /** Rows of addresses and of rolled-up networks; what it finds, #ipv4 and ipv6 remember. */
  readonly #index = new AddressIndex();
  /** Group of labels × 2, and 1 more for IPv6 → row + 1 of its `other`. */
  readonly #otherRow: Uint32Array;
  /** What lost its row since a page began, and between that one and the one before; undefined if nothing did. */
  #gone: AddressIndex | undefined;
  #goneBefore: AddressIndex | undefined;
  #isForgotten = false;

  /** `onFold` is told of slots whose counts went to another one. */
  constructor(
    ranges: RangeTable,
    quota: Quota,
    slots: Slots,
    ipv4: Ipv4Table,
    onFold: (slot: number, into: number) => void,
  ) {
    this.#ranges = ranges;
    this.#quota = quota;
    this.#slots = slots;
    this.#ipv4 = ipv4;
    this.ipv6 = new Ipv6Table(ranges, this.rows);
    this.#onFold = onFold;
    this.#otherRow = new Uint32Array(ranges.groups * 2);
  }

  /**
   * Row of an address that `range` has, and that sends or receives now.
   */
  row(range: number, word0: number, word1: number, word2: number, word3: number, sends: boolean): number {
    const ranges = this.#ranges;
    const net0 = ranges.maskWord(range, 0, word0);
    const net1 = ranges.maskWord(range, 1, word1);
    const net2 = ranges.maskWord(range, 2, word2);
    const net3 = ranges.maskWord(range, 3, word3);
    const found = this.#index.find(range, net0, net1, net2, net3);
    if (found >= 0) return found;
    const isGone =
      isIn(this.#gone, range, net0, net1, net2, net3) || isIn(this.#goneBefore, range, net0, net1, net2, net3);
    if (isGone || !this.#quota.take(sends)) return this.otherRow(range);
    const row = this.rows.add(range, false, net0, net1, net2, net3);
    this.#index.add(range, net0, net1, net2, net3, row);
    return row;
  }

  /** The row that takes the traffic of refused addresses: one for each set of labels and IP version. */
  otherRow(range: number): number {
    const isIpv6 = this.#ranges.ranges[range]!.version === 6;
    const at = this.#ranges.groupOf[range]! * 2 + (isIpv6 ? 1 : 0);
    if (this.#otherRow[at] === 0) this.#otherRow[at] = this.rows.add(range, true, 0, 0, 0, 0) + 1;
    return this.#otherRow[at]! - 1;
  }

  /** The slot of a row's cell (see rows.ts), which is given one if it has none. Hot. */
  slotOf(row: number, cell: number): number {
    const slot = this.rows.slotOf(row, cell);
    return slot > 0 ? slot : this.#addSlot(row, cell);
  }

  #addSlot(row: number, cell: number): number {
    const slot = this.#slots.add();
    this.rows.setSlot(row, cell, slot);
    return slot;
  }

  /** Slot of an IPv4 address in a cell of its row, which the table learns, or UNLISTED. */
  slotOfIpv4(address: number, cell: number): number {
    const known = this.#ipv4.find(address, cell);
    if (known !== UNSEEN) return known === UNLISTED ? UNLISTED : known / SLOT_DOUBLES;
    const range = this.#ranges.rangeOfIpv4(address);
    if (range === NO_RANGE) {
      this.#ipv4.setUnlisted(address, cell);
      return UNLISTED;
    }
    const row = this.row(range, address, 0, 0, 0, cell < RX_CELLS);
    const slot = this.slotOf(row, cell);
    // A refused address is not worth a page of the table.
    if (!this.rows.isOther(row)) this.#ipv4.set(address, cell, slot * SLOT_DOUBLES);
    return slot;
  }

  /** Slot of an IPv6 address in a cell of its row, which the table learns, or UNLISTED. */
  slotOfIpv6(word0: number, word1: number, word2: number, word3: number, cell: number): number {
    const known = this.ipv6.find(word0, word1, word2, word3, selectorOf(cell));
    if (known !== UNSEEN) return known === UNLISTED ? UNLISTED : known / SLOT_DOUBLES;
    const range = this.#ranges.rangeOfIpv6(word0, word1, word2, word3);
    if (range === NO_RANGE) {
      this.ipv6.setUnlisted(word0, word1, word2, word3);
      return UNLISTED;
    }
    const row = this.row(range, word0, word1, word2, word3, cell < RX_CELLS);
    const slot = this.slotOf(row, cell);
    if (!this.rows.isOther(row)) this.ipv6.set(word0, word1, word2, word3, row);
    return slot;
  }

  /** Whether the limit of addresses leaves some that have no series yet. */
  get hasPlaces(): boolean {
    return this.#quota.used < this.#quota.limit;
  }

  /** Packets under `other` because their address was refused a row; one that is sent and received counts twice. */
  refusedPackets(): number {
    let packets = this.refusedBefore;
    for (const row of this.#otherRow.filter((found) => found > 0)) {
      if (!this.rows.isOther(row - 1)) continue;
      for (let cell = 0; cell < ROW_CELLS; cell++) {
        const slot = this.rows.slotOf(row - 1, cell);
        if (slot > 0) packets += this.#slots.packets(slot);
      }
    }
    return packets;
  }

  /** Adds what stayed in another ledger under `other` when its rows were moved. */
  takeRefused(from: AddressRows): void {
    this.refusedBefore += from.refusedPackets();
  }

  /** A page begins: what lost its row before is not on it. */
  beginPage(): void {
    this.#goneBefore = this.#gone;
    this.#gone = undefined;
    this.ipv6.refresh();
  }

  /** Gives the places of all addresses back; none of them loses its own any more. */
  forget(): void {
    this.#isForgotten = true;
    this.#quota.used -= this.rows.used - this.#otherRow.filter((row) => row > 0).length;
  }

  get count(): number {
    return this.rows.count;
  }

  /** Bytes that were counted for the address of a row: no packet has none. */
  activity(row: number): number {
    return this.#isForgotten || !this.rows.isAddress(row) ? FREE : this.bytes(row);
  }

  /** What an address, or what shares a row, has sent and received. */
  bytes(row: number): number {
    const { counters } = this.#slots;
    let bytes = 0;
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = this.rows.slotOf(row, cell);
      if (slot > 0) bytes += counters[slot * SLOT_DOUBLES + SUM]!;
    }
    return bytes;
  }

  hasSent(row: number): boolean {
    for (let cell = 0; cell < RX_CELLS; cell++) if (this.rows.slotOf(row, cell) > 0) return true;
    return false;
  }

  vacate(row: number): void {
    const { rows } = this;
    const range = rows.rangeOf(row);
    const other = this.otherRow(range);
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot === 0) continue;
      const into = this.slotOf(other, cell);
      this.#slots.fold(slot, into);
      rows.setSlot(row, cell, 0);
      this.#onFold(slot, into);
    }
    this.#forgetAddress(row, range);
    rows.remove(row);
    this.evicted++;
  }

  #forgetAddress(row: number, range: number): void {
    const word = (k: number): number => this.rows.addressWord(row, k) | 0;
    this.#index.remove(range, word(0), word(1), word(2), word(3));
    if (this.#quota.hasPages) {
      this.#gone ??= new AddressIndex();
      this.#gone.add(range, word(0), word(1), word(2), word(3), row);
    }
    if (this.#ranges.ranges[range]!.version === 6) this.ipv6.forget(row);
    else this.#ipv4.forget(word(0), word(0) | ~this.#ranges.maskWord(range, 0, -1));
  }
}

function isIn(
  index: AddressIndex | undefined,
  range: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): boolean {
  return index !== undefined && index.find(range, word0, word1, word2, word3) >= 0;
}
