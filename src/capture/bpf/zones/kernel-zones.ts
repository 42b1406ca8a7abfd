import { type Ends, FIRST_NAMED } from "../../../ledger/zones/zone.ts";
import {
  DIRECTORY_ENTRIES,
  IPV4_WORDS,
  IPV6_WORDS,
  SUBDIRECTORY,
  type ZoneIndex,
  type ZoneTable,
} from "../../../ledger/zones/zone-table.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import * as bpf from "../../../native/bpf.ts";
import { MapSet } from "../maps.ts";
import { Dispenser, dispenserBytes, type DispenserPlace } from "../tables/dispenser.ts";
import { untilProgramsEnd } from "../tables/grace.ts";
import type { TableOptions } from "../tables/kernel-tables.ts";
import {
  DIRECTORY_ENTRY_BYTES,
  IPV4_SPAN_BYTES,
  IPV6_SPAN_BYTES,
  type SideMaps,
  ZONE_SLOT_BYTES,
  ZONE_STATE,
} from "./zone-layout.ts";
import { type SlotTakings, ZoneRecycler } from "./zone-recycler.ts";
import { neededSteps, searchSteps, slotsOf } from "./zone-sizes.ts";

/** Room for the tables of a later database: half as much again, and some networks that are the host's own. */
const SPARE = 1.5;
const SPARE_SPANS = 8192;
const SPARE_ENTRIES = 16 * 1024;
const ENTRY_WORDS = DIRECTORY_ENTRY_BYTES / 4;

/** Half of two arrays, and the way into it. */
class Side implements SideMaps {
  readonly directory: number;
  readonly spans: number;
  readonly steps: number;
  readonly #words: number;
  readonly #capacity: { entries: number; spans: number };
  readonly #directoryWords: Uint32Array;
  readonly #spanWords: Uint32Array;

  constructor(maps: MapSet, name: string, index: ZoneIndex, words: number, spanBytes: number) {
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    const entries = index.directory.length / ENTRY_WORDS;
    this.#words = words;
    this.#capacity = {
      entries: entries === DIRECTORY_ENTRIES && words === IPV4_WORDS ? entries : entries + SPARE_ENTRIES,
      spans: Math.ceil((index.spans.length / words) * SPARE) + SPARE_SPANS,
    };
    this.steps = searchSteps(index);
    this.directory = maps.create(`dir${name}`, array, 4, DIRECTORY_ENTRY_BYTES, 2 * this.#capacity.entries);
    this.spans = maps.create(`span${name}`, array, 4, spanBytes, 2 * this.#capacity.spans);
    this.#directoryWords = new Uint32Array(
      maps.map(this.directory, 2 * this.#capacity.entries * DIRECTORY_ENTRY_BYTES),
    );
    this.#spanWords = new Uint32Array(maps.map(this.spans, 2 * this.#capacity.spans * spanBytes));
  }

  fits(index: ZoneIndex): boolean {
    return (
      index.directory.length / ENTRY_WORDS <= this.#capacity.entries &&
      index.spans.length / this.#words <= this.#capacity.spans &&
      neededSteps(index) <= this.steps
    );
  }

  /** Writes a table into a half; returns the first entry of that half's directory. */
  write(index: ZoneIndex, half: number): number {
    const firstEntry = half * this.#capacity.entries;
    const firstSpan = half * this.#capacity.spans;
    this.#spanWords.set(index.spans, firstSpan * this.#words);
    const { directory } = index;
    const to = this.#directoryWords;
    for (let at = 0; at < directory.length; at += ENTRY_WORDS) {
      const [low, high] = [directory[at]!, directory[at + 1]!];
      const base = high === SUBDIRECTORY ? firstEntry : firstSpan;
      to[firstEntry * ENTRY_WORDS + at] = low + base;
      to[firstEntry * ENTRY_WORDS + at + 1] = high === SUBDIRECTORY ? high : high + base;
    }
    return firstEntry;
  }
}

/**
 * The tables of one zoning in the kernel. They follow those of the zoning: a new one is written beside the one in use,
 * and then takes its place in one step, so that no right is needed and no packet waits. A program is done with the old
 * one in far less time than it takes to make the next.
 */
export class KernelZones {
  readonly zoning: Zoning;
  readonly ends: Ends;
  readonly ipv4: SideMaps;
  readonly ipv6: SideMaps;
  readonly slots: number;
  readonly state: number;
  /** Slots that there may be, those of unnamed zones included. */
  readonly slotCount: number;
  /** What programs take slots from. */
  readonly slotDispenser: DispenserPlace;
  /** Slots that only zones are given to which something is sent. */
  readonly slotsForSenders: number;
  readonly #sides: readonly [Side, Side];
  readonly #maps = new MapSet();
  readonly #slotWords: Uint32Array;
  readonly #stateWords: Uint32Array;
  readonly #dispenser: Dispenser;
  readonly #recycler: ZoneRecycler;
  readonly #takings = new Set<SlotTakings>();
  readonly #now: () => number;
  readonly #unwatch: () => void;
  #isOpen = true;
  #half = 0;
  /** Slot of a program → zone. */
  readonly #zoneOf: Uint32Array;

  constructor(zoning: Zoning, options: TableOptions = {}) {
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    const { ipv4, ipv6 } = zoning.table;
    this.zoning = zoning;
    this.ends = zoning.ends;
    const { slotCount, slotDispenser, slotsForSenders } = slotsOf(zoning);
    this.slotCount = slotCount;
    this.slotDispenser = slotDispenser;
    this.slotsForSenders = slotsForSenders;
    this.#now = options.now ?? (() => performance.now());
    const maps = this.#maps;
    try {
      const side4 = new Side(maps, "4", ipv4, IPV4_WORDS, IPV4_SPAN_BYTES);
      this.#sides = [side4, new Side(maps, "6", ipv6, IPV6_WORDS, IPV6_SPAN_BYTES)];
      [this.ipv4, this.ipv6] = this.#sides;
      this.slots = maps.create("zoneslots", array, 4, ZONE_SLOT_BYTES, zoning.maxZones);
      const stateBytes = ZONE_STATE.DISPENSER + dispenserBytes(this.slotDispenser);
      this.state = maps.create("zonestate", array, 4, stateBytes, 1);
      this.#slotWords = new Uint32Array(maps.map(this.slots, zoning.maxZones * ZONE_SLOT_BYTES));
      const state = maps.map(this.state, stateBytes);
      this.#stateWords = new Uint32Array(state);
      this.#dispenser = new Dispenser(state, this.slotDispenser, FIRST_NAMED);
    } catch (error) {
      maps.close();
      throw error;
    }
    this.#zoneOf = new Uint32Array(this.slotCount);
    for (let zone = 0; zone < FIRST_NAMED; zone++) {
      this.#slotWords[(zone * ZONE_SLOT_BYTES) / 4] = zone;
      this.#zoneOf[zone] = zone;
    }
    this.#recycler = new ZoneRecycler({
      slotCount: this.slotCount,
      dispenser: this.#dispenser,
      takings: this.#takings,
      published: () => this.#published(),
      unpublish: (slot) => void (this.#slotWords[(this.zoneOf(slot) * ZONE_SLOT_BYTES) / 4] = 0),
      forget: (slot) => void (this.#zoneOf[slot] = 0),
      untilProgramsEnd: options.untilProgramsEnd ?? untilProgramsEnd,
    });
    this.#write(zoning.table);
    this.#unwatch = zoning.watch((table) => this.#replace(table));
  }

  /** The zone that programs have given a slot to; 0 if they are about to. */
  zoneOf(slot: number): number {
    if (this.#zoneOf[slot] === 0) this.#learn();
    return this.#zoneOf[slot]!;
  }

  /** Likewise, as far as it is known without looking. */
  knownZoneOf(slot: number): number {
    return this.#zoneOf[slot]!;
  }

  /** Slots that programs have given out, one more than the highest. */
  usedSlots(): number {
    return this.#dispenser.highest;
  }

  /** Lets an interface count by slot, until it leaves. */
  join(takings: SlotTakings): void {
    this.#takings.add(takings);
  }

  leave(takings: SlotTakings): void {
    this.#takings.delete(takings);
  }

  /** Takes slots back from zones that are silent, if they are scarce; to be called when an interface is up to date. */
  recycle(): void {
    this.#finishRecycling();
    this.#recycler.start(this.#now(), () => this.#finishRecycling());
  }

  close(): void {
    this.#isOpen = false;
    this.#unwatch();
    this.#maps.close();
  }

  #replace(table: ZoneTable): string | undefined {
    const [side4, side6] = this.#sides;
    if (!side4.fits(table.ipv4) || !side6.fits(table.ipv6)) {
      return "it is too large for the tables that were made in the kernel at start; restart promtap to use it";
    }
    this.#write(table);
    return undefined;
  }

  #write({ ipv4, ipv6 }: ZoneTable): void {
    const half = 1 - this.#half;
    const [side4, side6] = this.#sides;
    const first4 = side4.write(ipv4, half);
    const first6 = side6.write(ipv6, half);
    Atomics.store(this.#stateWords, ZONE_STATE.FIRST_ENTRY_IPV4 / 4, first4);
    Atomics.store(this.#stateWords, ZONE_STATE.FIRST_ENTRY_IPV6 / 4, first6);
    this.#half = half;
  }

  #finishRecycling(): void {
    if (this.#isOpen) this.#recycler.finish();
  }

  #published(): Uint8Array {
    const published = new Uint8Array(this.slotCount);
    for (let zone = 0; zone < this.zoning.zones; zone++) published[this.#slotWords[(zone * ZONE_SLOT_BYTES) / 4]!] = 1;
    return published;
  }

  #learn(): void {
    for (let zone = FIRST_NAMED; zone < this.zoning.zones; zone++) {
      const slot = this.#slotWords[(zone * ZONE_SLOT_BYTES) / 4]!;
      if (slot >= FIRST_NAMED) this.#zoneOf[slot] = zone;
    }
  }
}
