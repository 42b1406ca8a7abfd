import { SLOT_DOUBLES } from "../../../ledger/histogram.ts";
import type { InterfaceLedger } from "../../../ledger/interface-ledger.ts";
import type { RangeTable } from "../../../ledger/ranges.ts";
import { ROW_CELLS } from "../../../ledger/rows.ts";
import { OTHER_VLAN } from "../../../ledger/vlans/vlan.ts";
import * as bpf from "../../../native/bpf.ts";
import { Verdict } from "../../../packet/packet.ts";
import { PROTOCOL_COLUMNS } from "../../../packet/protocols.ts";
import { Dispenser } from "./dispenser.ts";
import { untilProgramsEnd } from "./grace.ts";
import { KernelCounters } from "./kernel-counters.ts";
import { KernelRows } from "./kernel-rows.ts";
import { ALL_SLOT, CHUNK_SLOTS, EVENT, KEY_BYTES, type MapFds, PLACE_BYTES, ROW_BYTES, SLOT_BYTES } from "../layout.ts";
import { MapSet } from "../maps.ts";
import type { KernelVlans } from "../vlans/kernel-vlans.ts";
import { VlanNumber } from "../vlans/vlan-layout.ts";
import type { Places } from "./places.ts";
import { Recycler } from "./recycler.ts";
import type { SharedTables } from "./shared-tables.ts";
import { rowDispenser, slotDispenser, stateBytes, type TableSizes, unopenedOffset } from "./table-sizes.ts";
import { UnopenedCounters } from "./unopened-counters.ts";

const NO_ROW = -1;

/** What a test does in another way. */
export interface TableOptions {
  /** A clock in milliseconds that never steps back. */
  now?: () => number;
  untilProgramsEnd?: () => Promise<void>;
}

/** What tells VLANs apart by their numbers. */
type NumberedVlans = Pick<KernelVlans, "used" | "vlanOf">;

/** Whether addresses are found by an index, whose descriptor stays open: from there they are taken out. */
export function hasIndex({ ranges, ipv6 }: RangeTable, tellsVlans: boolean): boolean {
  return tellsVlans ? ranges.length > 0 : ipv6.rangeOf.length > 0;
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
  readonly #now: () => number;
  /** Undefined if VLANs are not told apart. */
  readonly #vlans: NumberedVlans | undefined;
  readonly #counters: KernelCounters;
  readonly #rows: KernelRows;
  readonly #unopened: UnopenedCounters;
  readonly #rowDispenser: Dispenser;
  readonly #recycler: Recycler;
  /** Row → row of the ledger + 1, and its edition. */
  readonly #ledgerRows: Uint32Array;
  readonly #editions: Uint32Array;
  readonly #maps = new MapSet();
  #chain: number | undefined;
  #isOpen = true;

  constructor(
    ranges: RangeTable,
    places: Places,
    ledger: InterfaceLedger,
    shared: SharedTables,
    sizes: TableSizes,
    options: TableOptions & { readonly vlans?: NumberedVlans | undefined } = {},
  ) {
    this.sizes = sizes;
    this.#ledger = ledger;
    this.#shared = shared;
    this.#ranges = ranges;
    this.#places = places;
    this.#now = options.now ?? (() => performance.now());
    this.#vlans = options.vlans;
    this.#ledgerRows = new Uint32Array(sizes.rows);
    this.#editions = new Uint32Array(sizes.rows);
    const maps = this.#maps;
    try {
      this.fds = this.#createMaps();
      const slots = sizes.slots * sizes.lanes;
      this.#counters = new KernelCounters(maps.map(this.fds.counters, slots * SLOT_BYTES), sizes.slots);
      this.#rows = new KernelRows(sizes, ranges, places, {
        rows: maps.map(this.fds.rows, sizes.rows * ROW_BYTES),
        keys: maps.map(this.fds.keys, sizes.rows * KEY_BYTES),
        places: maps.map(this.fds.places, this.#placeEntries * PLACE_BYTES),
      });
      const state = maps.map(this.fds.state, stateBytes(sizes));
      this.#unopened = new UnopenedCounters(state, unopenedOffset(sizes));
      this.#rowDispenser = new Dispenser(state, rowDispenser(sizes), sizes.firstDynamicRow);
      this.#recycler = new Recycler({
        sizes,
        rows: this.#rows,
        counters: this.#counters,
        rowDispenser: this.#rowDispenser,
        slotDispenser: new Dispenser(state, slotDispenser(sizes), sizes.firstDynamicSlot),
        untilProgramsEnd: options.untilProgramsEnd ?? untilProgramsEnd,
        unpublish: (rows) => this.#unpublish(rows),
        take: (row, cell, slot) => this.#take(row, cell, slot),
        forget: (row) => void (this.#ledgerRows[row] = 0),
      });
    } catch (error) {
      maps.close();
      throw error;
    }
  }

  /** Adds to the ledger what was counted since the last time; without one it waits. */
  sync(): void {
    if (this.#ledger === undefined) return;
    this.#admitVlans(this.#ledger);
    this.#recycler.finish();
    this.#recycler.takeLoose();
    const { highest } = this.#rowDispenser;
    // First what has a row in the ledger: what has none may be given that of what is silent.
    for (const isKnown of [true, false]) {
      for (let row = 1; row < highest; row++) if ((this.#knownRow(row) !== NO_ROW) === isKnown) this.#takeRow(row);
    }
    // Last: what comes in meanwhile may be of the interface and of no address yet, but not the other way round.
    this.#takeAll(this.#ledger);
    this.#takeEvents(this.#ledger);
    this.#recycler.start(this.#now(), () => this.#finishRecycling());
  }

  /** Adds to the ledger what was counted of the interface as a whole; what addresses have of it comes with `sync`. */
  syncTotal(): void {
    if (this.#ledger !== undefined) this.#takeAll(this.#ledger);
  }

  /** Makes the map that holds the program if another one has to stand for it. */
  createChain(): number {
    this.#chain = this.#maps.create("chain", bpf.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
    return this.#chain;
  }

  /** To be called when the program is loaded: it holds the maps from then on, but for what is needed all the time. */
  closeDescriptors(): void {
    // What is in a chain goes with its last descriptor (prog_array_map_clear in kernel/bpf/arraymap.c).
    const chain = this.#chain === undefined ? [] : [this.#chain];
    this.#maps.closeDescriptors(this.#hasIndex ? [...chain, this.fds.index] : chain);
  }

  /** Counts into another ledger from now on. */
  retarget(ledger: InterfaceLedger | undefined): void {
    this.#ledger = ledger;
    this.#ledgerRows.fill(0);
  }

  /** Takes what waits for a ledger for counted. */
  discard(): void {
    this.#counters.discard();
    this.#unopened.discard();
  }

  /** Gives all memory back; the program must be closed already. */
  close(): void {
    this.#isOpen = false;
    this.#maps.close();
  }

  get #hasIndex(): boolean {
    return hasIndex(this.#ranges, this.#vlans !== undefined);
  }

  get #placeEntries(): number {
    return this.sizes.hasPlaceMap ? this.#places.count : 1;
  }

  #createMaps(): MapFds {
    const { rows, slots, lanes } = this.sizes;
    const maps = this.#maps;
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    const chunks = Math.ceil(slots / CHUNK_SLOTS);
    return {
      counters: maps.create("counters", array, 4, Math.min(slots, CHUNK_SLOTS) * SLOT_BYTES, chunks * lanes),
      rows: maps.create("rows", array, 4, ROW_BYTES, rows),
      places: maps.create("places", array, 4, PLACE_BYTES, this.#placeEntries),
      keys: maps.create("keys", array, 4, KEY_BYTES, rows),
      index: maps.create("index", bpf.BPF_MAP_TYPE_HASH, KEY_BYTES, 8, this.#hasIndex ? rows : 1),
      state: maps.create("state", array, 4, stateBytes(this.sizes), 1),
      ...this.#shared.fds,
    };
  }

  /** The ledger's row that one of ours has had up to now, or NO_ROW. */
  #knownRow(row: number): number {
    const known = this.#ledgerRows[row]! - 1;
    // Without one it may be of a VLAN that the interface has not seen.
    if (known < 0) return NO_ROW;
    return this.#partOf(row).rows.editionOf(known) === this.#editions[row] ? known : NO_ROW;
  }

  /** What counts for one of our rows. */
  #partOf(row: number): InterfaceLedger {
    const ledger = this.#ledger!;
    return this.#vlans === undefined ? ledger : ledger.part(this.#vlans.vlanOf(this.#rows.vlanOf(row)));
  }

  /** Takes all frames, by VLAN if those are told apart. */
  #takeAll(ledger: InterfaceLedger): void {
    this.#counters.take(ALL_SLOT, ledger.slots.counters, 0);
    for (const [slot, part] of this.#seenVlans(ledger)) this.#counters.take(slot, part.slots.counters, 0);
  }

  /** Has VLANs find room in the order in which they were first seen. */
  #admitVlans(ledger: InterfaceLedger): void {
    for (const _ of this.#seenVlans(ledger));
  }

  /** Slots of VLANs that have news, and what counts each of them. */
  *#seenVlans(ledger: InterfaceLedger): Generator<[slot: number, part: InterfaceLedger]> {
    if (this.#vlans === undefined) return;
    const { used } = this.#vlans;
    for (let number: number = VlanNumber.OTHER; number < used; number++) {
      if (this.#counters.hasNews(number)) yield [number, ledger.part(this.#vlans.vlanOf(number))];
    }
  }

  #takeRow(row: number): void {
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = this.#rows.slotOf(row, cell);
      if (slot > 0 && this.#counters.hasNews(slot)) this.#take(row, cell, slot);
    }
  }

  #take(row: number, cell: number, slot: number): void {
    const ledger = this.#partOf(row);
    const known = this.#knownRow(row);
    const ledgerRow = known === NO_ROW ? this.#rows.ledgerRow(ledger, row, cell < PROTOCOL_COLUMNS) : known;
    const ledgerSlot = ledger.addresses.slotOf(ledgerRow, cell);
    this.#counters.take(slot, ledger.slots.counters, ledgerSlot * SLOT_DOUBLES);
    // What was refused may be given a row next time.
    if (row >= this.sizes.firstRow && ledger.rows.isOther(ledgerRow)) return;
    // And a VLAN that found no room may have a part of its own then.
    if (ledger.vlan === OTHER_VLAN) return;
    this.#ledgerRows[row] = ledgerRow + 1;
    this.#editions[row] = ledger.rows.editionOf(ledgerRow);
  }

  #takeEvents(ledger: InterfaceLedger): void {
    ledger.verdicts[Verdict.TRUNCATED]! += this.#counters.takeEvent(EVENT.TRUNCATED);
    ledger.verdicts[Verdict.MALFORMED]! += this.#counters.takeEvent(EVENT.MALFORMED);
    ledger.aggregatedPackets += this.#counters.takeEvent(EVENT.AGGREGATED);
    this.#unopened.take(ledger.unopened);
    const exhausted = this.#counters.takeEvent(EVENT.EXHAUSTED);
    // Else there would have been no series either.
    if (ledger.addresses.hasPlaces) ledger.exhaustedPackets += exhausted;
  }

  #unpublish(rows: readonly number[]): readonly number[] {
    const ofPlaces = rows.filter((row) => this.#rows.hasPlace(row));
    for (const row of ofPlaces) this.#rows.unpublishPlace(row);
    const ofIndex = rows.filter((row) => !this.#rows.hasPlace(row));
    if (ofIndex.length === 0) return ofPlaces;
    const gone = bpf.deleteKeys(this.fds.index, this.#rows.keysOf(ofIndex), KEY_BYTES);
    return [...ofPlaces, ...ofIndex.slice(0, gone)];
  }

  #finishRecycling(): void {
    if (this.#isOpen && this.#ledger !== undefined) this.#recycler.finish();
  }
}
