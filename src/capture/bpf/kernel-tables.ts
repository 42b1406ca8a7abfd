import { BUCKETS, SLOT_DOUBLES } from "../../ledger/histogram.ts";
import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import { type RangeTable, rangeSeries } from "../../ledger/ranges.ts";
import { ROW_CELLS } from "../../ledger/rows.ts";
import * as bpf from "../../native/bpf.ts";
import { Verdict } from "../../packet/packet.ts";
import { PROTOCOL_COLUMNS } from "../../packet/protocols.ts";
import {
  ALL_SLOT,
  CHUNK_SLOTS,
  COLUMN_STEP,
  EVENT,
  EVENT_SLOT,
  type EventOffset,
  FIRST_FREE_SLOT,
  FLAG,
  FLAG_OFFSET,
  KEY_BYTES,
  type MapFds,
  OTHER_OFFSET,
  PLACE_BYTES,
  ROW_BYTES,
  SLOT_BYTES,
  STATE,
} from "./layout.ts";
import { MapSet } from "./maps.ts";
import type { Places } from "./places.ts";
import { otherRowOf, type SharedTables } from "./shared-tables.ts";

/** Listed IPv4 addresses that get a row each from the start: 2 MiB of rows at most, and one look-up less a packet. */
const PLACES_WITH_ROWS = 16_384;
/** Listed IPv4 addresses that get all their slots at once as well, 1.5 KiB for each lane: see `denseSlot`. */
const DENSE_PLACES = 4096;
/** Memory of the counters of all interfaces, in which slots and lanes must find room. */
const ALL_COUNTERS_BYTES = 64 * 1024 * 1024;
/** Slots that are set aside for an address, on the average: all it can have, or as many as there is room for. */
const MIN_SLOTS_PER_ROW = 3;
/** Addresses that an interface has room for, however many share the memory. */
const MIN_ROWS = 1024;
/** A row and its keys take as much memory as this many slots. */
const SLOTS_PER_ROW = 3;
/** Rows that are lost because two CPUs gave one to the same address at the same time; and one more for every 16. */
const SPARE_ROWS = 64;
const WORDS_PER_ROW = ROW_BYTES / 4;
const FLAG_WORD = FLAG_OFFSET / 4;
const OTHER_WORD = OTHER_OFFSET / 4;
const DIRECTION_WORDS = WORDS_PER_ROW / 2;
const NO_ROW = -1;

/** How large the tables are; see layout.ts. */
export interface TableSizes {
  hasPlaceMap: boolean;
  /** Row of the first address; those before it take the refused ones, and row 0 is never used. */
  firstRow: number;
  rows: number;
  slots: number;
  /**
   * Where there are few addresses, each has all its slots from the start, from here on: a program computes the slot,
   * and touches half as much memory. Those of one direction and protocol stand side by side, because most traffic is of
   * few protocols: fewer pages are touched. 0 where slots are given out on first use.
   */
  denseSlot: number;
  /** Addresses that have all their slots. */
  densePlaces: number;
  lanes: number;
  isAtomic: boolean;
}

/** Chooses sizes for the ranges: `siblings` interfaces share the memory, `cpus` CPUs may count at the same time. */
export function tableSizes(
  ranges: RangeTable,
  places: Places,
  maxAddresses: number,
  siblings: number,
  cpus: number,
  isRealtime: boolean,
): TableSizes {
  const hasPlaceMap = places.count > PLACES_WITH_ROWS;
  const ipv6Series = ranges.ranges.reduce((sum, range) => sum + (range.version === 6 ? rangeSeries(range) : 0), 0);
  const others = ranges.groups * 2;
  const firstRow = 1 + others;
  const room = ALL_COUNTERS_BYTES / Math.max(siblings, 1) / SLOT_BYTES;
  // What finds no room in an interface's share goes to the refused, and is told.
  const most = Math.max(MIN_ROWS, Math.min(maxAddresses, Math.floor(room / (MIN_SLOTS_PER_ROW + SLOTS_PER_ROW))));
  const active = Math.min(maxAddresses, most, places.count + ipv6Series);
  const dynamic = Math.min(maxAddresses, most, (hasPlaceMap ? places.count : 0) + ipv6Series);
  const spare = dynamic === 0 ? 0 : SPARE_ROWS + Math.ceil(dynamic / 16);
  const rows = firstRow + (hasPlaceMap ? 0 : places.count) + dynamic + spare;
  const fixed = FIRST_FREE_SLOT + others * ROW_CELLS;
  // A column's offset in a row, a multiple of COLUMN_STEP, is what programs compute its first slot from.
  const listed = Math.ceil(places.count / COLUMN_STEP) * COLUMN_STEP;
  const dense = hasPlaceMap || places.count > DENSE_PLACES ? 0 : listed * ROW_CELLS;
  let lanes = Number.isFinite(cpus) ? 2 ** Math.ceil(Math.log2(cpus)) : 1;
  while (lanes > 1 && lanes * (fixed + active * MIN_SLOTS_PER_ROW) > room) lanes /= 2;
  const isDense = dense > 0 && lanes * (fixed + dense + dynamic * MIN_SLOTS_PER_ROW) <= room;
  const denseSlot = isDense ? fixed : 0;
  const first = isDense ? fixed + dense : fixed;
  const counted = isDense ? dynamic : active;
  const each = Math.floor((room / lanes - first) / Math.max(counted, 1));
  const wanted = first + counted * Math.max(MIN_SLOTS_PER_ROW, Math.min(ROW_CELLS, each));
  const slots = wanted > CHUNK_SLOTS ? Math.ceil(wanted / CHUNK_SLOTS) * CHUNK_SLOTS : wanted;
  const densePlaces = isDense ? listed : 0;
  return { hasPlaceMap, firstRow, rows, slots, denseSlot, densePlaces, lanes, isAtomic: lanes < cpus || isRealtime };
}

/**
 * The maps of one interface, and the way of their counts into its ledger. They outlive the interface, so that it can be
 * captured again, when it returns, without the right to make maps.
 */
export class KernelTables {
  readonly sizes: TableSizes;
  /** Good until `closeDescriptors`. */
  readonly fds: MapFds;
  #ledger: InterfaceLedger | undefined;
  readonly #shared: SharedTables;
  readonly #ranges: RangeTable;
  readonly #places: Places;
  readonly #counters: Float64Array;
  readonly #rows: Uint32Array;
  readonly #keys: BigUint64Array;
  readonly #state: Uint32Array;
  /** Slot → what its counters were when they were last read, all lanes together. */
  readonly #seen: Float64Array;
  /** Slot → slot of the ledger + 1. */
  readonly #ledgerSlots: Uint32Array;
  /** Addresses that the ledger had given up when they were right. */
  #evictedAddresses = 0;
  readonly #maps = new MapSet();
  #chain: number | undefined;
  /** One counter, to look at a double as the whole number that it is. */
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);

  constructor(ranges: RangeTable, places: Places, ledger: InterfaceLedger, shared: SharedTables, sizes: TableSizes) {
    this.sizes = sizes;
    this.#ledger = ledger;
    this.#shared = shared;
    this.#ranges = ranges;
    this.#places = places;
    this.#seen = new Float64Array(sizes.slots * SLOT_DOUBLES);
    this.#ledgerSlots = new Uint32Array(sizes.slots);
    try {
      this.fds = this.#createMaps();
      this.#counters = new Float64Array(this.#maps.map(this.fds.counters, sizes.slots * sizes.lanes * SLOT_BYTES));
      this.#rows = new Uint32Array(this.#maps.map(this.fds.rows, sizes.rows * ROW_BYTES));
      this.#keys = new BigUint64Array(this.#maps.map(this.fds.keys, sizes.rows * KEY_BYTES));
      this.#state = new Uint32Array(this.#maps.map(this.fds.state, STATE.BYTES));
      this.#prepare();
    } catch (error) {
      this.#maps.close();
      throw error;
    }
  }

  /** Adds to the ledger what was counted since the last time; without one it waits. */
  sync(): void {
    if (this.#ledger === undefined) return;
    if (this.#ledger.evictedAddresses !== this.#evictedAddresses) this.#ledgerSlots.fill(0);
    this.#evictedAddresses = this.#ledger.evictedAddresses;
    const used = this.#usedRows();
    // First what has a slot in the ledger: what has none may take that of what is silent.
    for (const isKnown of [true, false]) {
      for (let row = 1; row < used; row++) if (this.#isAdmitted(row)) this.#addRow(row, row * WORDS_PER_ROW, isKnown);
    }
    // Last: what comes in meanwhile may be of the interface and of no address yet, but not the other way round.
    this.#addSlot(ALL_SLOT, 0);
    this.#addEvents();
  }

  /** Makes the map that holds the program where another one has to stand for it. */
  createChain(): number {
    this.#chain = this.#maps.create("chain", bpf.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
    return this.#chain;
  }

  /** To be called when the program is loaded: it holds the maps from then on, but for what a chain needs. */
  closeDescriptors(): void {
    // What is in a chain goes with its last descriptor (prog_array_map_clear in kernel/bpf/arraymap.c).
    this.#maps.closeDescriptors(this.#chain === undefined ? [] : [this.#chain]);
  }

  /** Counts into another ledger from now on. */
  retarget(ledger: InterfaceLedger | undefined): void {
    this.#ledger = ledger;
    this.#ledgerSlots.fill(0);
  }

  /** Takes what waits for a ledger for counted. */
  discard(): void {
    for (let at = 0; at < this.#seen.length; at++) this.#seen[at] = this.#total(0, at);
  }

  /** Gives all memory and addresses back; the program must be closed already. */
  close(): void {
    const used = this.#usedRows();
    let addresses = 0;
    for (let row = this.sizes.firstRow; row < used; row++) if (this.#isAdmitted(row)) addresses++;
    this.#shared.giveBack(addresses);
    this.#maps.close();
  }

  #createMaps(): MapFds {
    const { rows, slots, lanes, hasPlaceMap } = this.sizes;
    const { ipv6 } = this.#ranges;
    const maps = this.#maps;
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    const chunks = Math.ceil(slots / CHUNK_SLOTS);
    return {
      counters: maps.create("counters", array, 4, Math.min(slots, CHUNK_SLOTS) * SLOT_BYTES, chunks * lanes),
      rows: maps.create("rows", array, 4, ROW_BYTES, rows),
      places: maps.create("places", array, 4, PLACE_BYTES, hasPlaceMap ? this.#places.count : 1),
      keys: maps.create("keys", array, 4, KEY_BYTES, rows),
      index: maps.create("index", bpf.BPF_MAP_TYPE_HASH, KEY_BYTES, 8, ipv6.rangeOf.length > 0 ? rows : 1),
      state: maps.create("state", array, 4, STATE.BYTES, 1),
      ...this.#shared.fds,
    };
  }

  #usedRows(): number {
    return Math.min(this.sizes.rows, this.#state[STATE.NEXT_ROW / 4]!);
  }

  #isAdmitted(row: number): boolean {
    return this.#rows[row * WORDS_PER_ROW + FLAG_WORD] === FLAG.ADMITTED;
  }

  #prepare(): void {
    const { firstRow, hasPlaceMap, denseSlot, densePlaces } = this.sizes;
    const table = this.#rows;
    let slot = FIRST_FREE_SLOT;
    for (let row = 1; row < firstRow; row++) {
      const at = row * WORDS_PER_ROW;
      table[at + FLAG_WORD] = FLAG.ADMITTED;
      for (let column = 0; column < PROTOCOL_COLUMNS; column++) {
        table[at + column] = slot++;
        table[at + DIRECTION_WORDS + column] = slot++;
      }
    }
    for (let place = 0; !hasPlaceMap && place < this.#places.count; place++) {
      const at = (firstRow + place) * WORDS_PER_ROW;
      table[at + OTHER_WORD] = otherRowOf(this.#ranges, this.#places.rangeOf(place));
      if (densePlaces === 0) continue;
      for (let column = 0; column < PROTOCOL_COLUMNS; column++) {
        table[at + column] = denseSlot + column * densePlaces + place;
        table[at + DIRECTION_WORDS + column] = denseSlot + (PROTOCOL_COLUMNS + column) * densePlaces + place;
      }
    }
    this.#state[STATE.NEXT_SLOT / 4] = slot + densePlaces * ROW_CELLS;
    this.#state[STATE.NEXT_ROW / 4] = hasPlaceMap ? firstRow : firstRow + this.#places.count;
  }

  #addRow(row: number, at: number, isKnown: boolean): void {
    for (let column = 0; column < PROTOCOL_COLUMNS; column++) {
      const tx = this.#rows[at + column]!;
      if (tx > 0 && this.#ledgerSlots[tx]! > 0 === isKnown) this.#addCell(tx, row, column);
      const rx = this.#rows[at + DIRECTION_WORDS + column]!;
      if (rx > 0 && this.#ledgerSlots[rx]! > 0 === isKnown) this.#addCell(rx, row, PROTOCOL_COLUMNS + column);
    }
  }

  #addCell(slot: number, row: number, cell: number): void {
    const known = this.#ledgerSlots[slot]! - 1;
    if (known < 0 && !this.#hasNews(slot)) return;
    const ledgerRow = known < 0 ? this.#ledgerRow(row, cell < PROTOCOL_COLUMNS) : NO_ROW;
    const ledgerSlot = known < 0 ? this.#ledger!.slotOf(ledgerRow, cell) : known;
    this.#addSlot(slot, ledgerSlot);
    // What was refused may be given a row next time.
    const isRefused = known < 0 && row >= this.sizes.firstRow && this.#ledger!.rows.isOther(ledgerRow);
    if (!isRefused) this.#ledgerSlots[slot] = ledgerSlot + 1;
  }

  /** The ledger's row for one of ours, that sends or receives now. */
  #ledgerRow(row: number, sends: boolean): number {
    const { firstRow, hasPlaceMap } = this.sizes;
    if (row < firstRow) return this.#ledger!.otherRow(this.#rangeOfOther(row));
    if (!hasPlaceMap && row < firstRow + this.#places.count) return this.#rowOfPlace(row - firstRow, sends);
    const at = (row * KEY_BYTES) / 8;
    const range = Number(this.#keys[at]!);
    if (this.#ranges.ranges[range]!.version === 4) return this.#rowOfPlace(Number(this.#keys[at + 1]!), sends);
    const view = new DataView(this.#keys.buffer, row * KEY_BYTES + 8, 16);
    return this.#ledger!.row(range, view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12), sends);
  }

  #rowOfPlace(place: number, sends: boolean): number {
    return this.#ledger!.row(this.#places.rangeOf(place), this.#places.addressOf(place), 0, 0, 0, sends);
  }

  /** Any range whose refused addresses a row takes. */
  #rangeOfOther(row: number): number {
    return this.#ranges.ranges.findIndex((_, range) => otherRowOf(this.#ranges, range) === row);
  }

  #hasNews(slot: number): boolean {
    const seen = slot * SLOT_DOUBLES;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.#total(slot, bucket) > this.#seen[seen + bucket]!) return true;
    }
    return false;
  }

  #addSlot(slot: number, ledgerSlot: number): void {
    const { counters } = this.#ledger!.slots;
    const from = slot * SLOT_DOUBLES;
    const to = ledgerSlot * SLOT_DOUBLES;
    for (let k = 0; k < SLOT_DOUBLES; k++) {
      const total = this.#total(slot, k);
      counters[to + k]! += total - this.#seen[from + k]!;
      this.#seen[from + k] = total;
    }
  }

  #addEvents(): void {
    const ledger = this.#ledger!;
    ledger.verdicts[Verdict.TRUNCATED]! += this.#newEvents(EVENT.TRUNCATED);
    ledger.verdicts[Verdict.MALFORMED]! += this.#newEvents(EVENT.MALFORMED);
    ledger.aggregatedPackets += this.#newEvents(EVENT.AGGREGATED);
    ledger.exhaustedPackets += this.#newEvents(EVENT.EXHAUSTED);
  }

  /** How often an event was counted since the last time. */
  #newEvents(event: EventOffset): number {
    const k = event / 8;
    const at = EVENT_SLOT * SLOT_DOUBLES + k;
    const total = this.#total(EVENT_SLOT, k);
    const more = total - this.#seen[at]!;
    this.#seen[at] = total;
    return more;
  }

  /**
   * One counter, over all lanes. The kernel may be writing it: as a double it is read in one step of 8 bytes, where two
   * halves of 4 could be of different numbers. No counter grows into the doubles that are no numbers.
   */
  #total(slot: number, k: number): number {
    const counters = this.#counters;
    const stride = this.sizes.slots * SLOT_DOUBLES;
    let total = 0;
    for (let at = slot * SLOT_DOUBLES + k; at < counters.length; at += stride) {
      this.#double[0] = counters[at]!;
      total += this.#words[0]! + this.#words[1]! * 2 ** 32;
    }
    return total;
  }
}
