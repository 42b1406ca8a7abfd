import type { InterfaceLedger } from "../../../ledger/interface-ledger.ts";
import type { RangeTable } from "../../../ledger/ranges.ts";
import { ROW_CELLS } from "../../../ledger/rows.ts";
import { PROTOCOL_COLUMNS } from "../../../packet/protocols.ts";
import { DIRECTION_BYTES, FLAG, FLAG_OFFSET, KEY_BYTES, OTHER_OFFSET, ROW_BYTES, VLAN_IN_KEY } from "../layout.ts";
import type { Places } from "./places.ts";
import { otherRowOf } from "./shared-tables.ts";
import { firstFreeSlot, type TableSizes } from "./table-sizes.ts";
import { VlanNumber } from "../vlans/vlan-layout.ts";

const ROW_WORDS = ROW_BYTES / 4;
const DIRECTION_WORDS = DIRECTION_BYTES / 4;
const FLAG_WORD = FLAG_OFFSET / 4;
const OTHER_WORD = OTHER_OFFSET / 4;

/** Memory of the maps. */
export interface RowMemory {
  readonly rows: ArrayBuffer;
  readonly keys: ArrayBuffer;
  readonly places: ArrayBuffer;
}

/** The rows that programs count in: what each is for, and the slots of its cells. */
export class KernelRows {
  readonly #sizes: TableSizes;
  readonly #ranges: RangeTable;
  readonly #places: Places;
  readonly #words: Uint32Array;
  readonly #keys: DataView;
  /** Place → row + 1. */
  readonly #rowsOfPlaces: BigUint64Array;

  constructor(sizes: TableSizes, ranges: RangeTable, places: Places, memory: RowMemory) {
    this.#sizes = sizes;
    this.#ranges = ranges;
    this.#places = places;
    this.#words = new Uint32Array(memory.rows);
    this.#keys = new DataView(memory.keys);
    this.#rowsOfPlaces = new BigUint64Array(memory.places);
    this.#prepare();
  }

  /** The slot of a cell, or 0. */
  slotOf(row: number, cell: number): number {
    return this.#words[wordOf(row, cell)]!;
  }

  /** Takes the slot of a cell away, which gets another one when a packet comes; returns it, or 0. */
  takeSlot(row: number, cell: number): number {
    return Atomics.exchange(this.#words, wordOf(row, cell), 0);
  }

  /** Whether a row, of those that are given out on first use, was given to somebody. */
  isUsed(row: number): boolean {
    return this.#words[row * ROW_WORDS + FLAG_WORD] === FLAG.USED;
  }

  /** Whether a row has all its slots for ever: of those that take refused addresses. */
  hasFixedSlots(row: number): boolean {
    const { firstFixedRow, others } = this.#sizes;
    return row >= firstFixedRow && row < firstFixedRow + others;
  }

  /** The number of the VLAN that a row is for. */
  vlanOf(row: number): number {
    const { vlans, others, firstRow } = this.#sizes;
    if (vlans === 0) return VlanNumber.NONE;
    if (row < firstRow) return Math.floor((row - 1) / others);
    return this.#keys.getUint32(row * KEY_BYTES + VLAN_IN_KEY, true);
  }

  /** Makes a row that no program has any more as it was at first. */
  clear(row: number): void {
    this.#words.fill(0, row * ROW_WORDS, (row + 1) * ROW_WORDS);
  }

  /** The ledger's row for one of ours, that sends or receives now. */
  ledgerRow(ledger: InterfaceLedger, row: number, sends: boolean): number {
    const { firstRow, firstDynamicRow } = this.#sizes;
    if (row < firstRow) return ledger.addresses.otherRow(this.#rangeOfOther(row));
    if (row < firstDynamicRow) return this.#ledgerRowOfPlace(ledger, row - firstRow, sends);
    if (this.#isIpv4(row)) return this.#ledgerRowOfPlace(ledger, this.#placeOf(row), sends);
    const word = (k: number): number => this.#keys.getInt32(row * KEY_BYTES + 8 + 4 * k);
    return ledger.addresses.row(this.#rangeOf(row), word(0), word(1), word(2), word(3), sends);
  }

  /** Whether the address of a row that was given out on first use finds it by its place, and not by the index. */
  hasPlace(row: number): boolean {
    return this.#sizes.vlans === 0 && this.#isIpv4(row);
  }

  #isIpv4(row: number): boolean {
    return this.#ranges.ranges[this.#rangeOf(row)]!.version === 4;
  }

  /** Has the address of a row that it finds by its place find none. */
  unpublishPlace(row: number): void {
    this.#rowsOfPlaces[this.#placeOf(row)] = 0n;
  }

  /** What rows are found by in the index, side by side. */
  keysOf(rows: readonly number[]): Uint8Array<ArrayBuffer> {
    const keys = new Uint8Array(rows.length * KEY_BYTES);
    for (const [at, row] of rows.entries()) {
      keys.set(new Uint8Array(this.#keys.buffer, row * KEY_BYTES, KEY_BYTES), at * KEY_BYTES);
    }
    return keys;
  }

  #prepare(): void {
    const { vlans, others, firstFixedRow, firstRow, firstDynamicRow, denseSlot, densePlaces } = this.#sizes;
    let slot = firstFreeSlot(vlans);
    for (let row = 1; row < firstRow; row++) {
      if (!this.hasFixedSlots(row)) {
        this.#words[row * ROW_WORDS + OTHER_WORD] = firstFixedRow + ((row - 1) % others);
        continue;
      }
      for (let cell = 0; cell < ROW_CELLS; cell++) this.#words[wordOf(row, cell)] = slot++;
    }
    for (let row = firstRow; row < firstDynamicRow; row++) {
      const place = row - firstRow;
      this.#words[row * ROW_WORDS + OTHER_WORD] = otherRowOf(this.#ranges, this.#places.rangeOf(place));
      if (densePlaces === 0) continue;
      for (let cell = 0; cell < ROW_CELLS; cell++) {
        this.#words[wordOf(row, cell)] = denseSlot + cell * densePlaces + place;
      }
    }
  }

  #rangeOf(row: number): number {
    return this.#keys.getUint32(row * KEY_BYTES, true);
  }

  #placeOf(row: number): number {
    return this.#keys.getUint32(row * KEY_BYTES + 8, true);
  }

  #ledgerRowOfPlace(ledger: InterfaceLedger, place: number, sends: boolean): number {
    return ledger.addresses.row(this.#places.rangeOf(place), this.#places.addressOf(place), 0, 0, 0, sends);
  }

  /** Any range whose refused addresses a row takes. */
  #rangeOfOther(row: number): number {
    const first = 1 + ((row - 1) % this.#sizes.others);
    return this.#ranges.ranges.findIndex((_, range) => otherRowOf(this.#ranges, range) === first);
  }
}

/** Where the slot of a cell stands; the halves of a row have room to spare behind their columns. */
function wordOf(row: number, cell: number): number {
  const spare = cell < PROTOCOL_COLUMNS ? 0 : DIRECTION_WORDS - PROTOCOL_COLUMNS;
  return row * ROW_WORDS + cell + spare;
}
