import { type Ends, FIRST_NAMED } from "../../../ledger/zones/zone.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import * as bpf from "../../../native/bpf.ts";
import { MapSet } from "../maps.ts";
import { Dispenser, dispenserBytes, type DispenserPlace } from "../tables/dispenser.ts";
import { untilProgramsEnd } from "../tables/grace.ts";
import type { TableOptions } from "../tables/kernel-tables.ts";
import { type SideMaps, ZONE_SLOT_BYTES, ZONE_STATE } from "./zone-layout.ts";
import { type SlotTakings, ZoneRecycler } from "./zone-recycler.ts";
import { slotsOf } from "./zone-sizes.ts";
import { ZoneTables } from "./zone-tables.ts";

/** The tables of one zoning in the kernel, and the slots of its zones. */
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
  readonly #tables: ZoneTables;
  readonly #maps = new MapSet();
  readonly #slotWords: Uint32Array;
  readonly #dispenser: Dispenser;
  readonly #recycler: ZoneRecycler;
  readonly #takings = new Set<SlotTakings>();
  readonly #now: () => number;
  #isOpen = true;
  /** Slot of a program → zone. */
  readonly #zoneOf: Uint32Array;

  constructor(zoning: Zoning, options: TableOptions = {}) {
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    this.zoning = zoning;
    this.ends = zoning.ends;
    const { slotCount, slotDispenser, slotsForSenders } = slotsOf(zoning);
    this.slotCount = slotCount;
    this.slotDispenser = slotDispenser;
    this.slotsForSenders = slotsForSenders;
    this.#now = options.now ?? (() => performance.now());
    const maps = this.#maps;
    try {
      this.slots = maps.create("zoneslots", array, 4, ZONE_SLOT_BYTES, zoning.maxZones);
      const stateBytes = ZONE_STATE.DISPENSER + dispenserBytes(this.slotDispenser);
      this.state = maps.create("zonestate", array, 4, stateBytes, 1);
      this.#slotWords = new Uint32Array(maps.map(this.slots, zoning.maxZones * ZONE_SLOT_BYTES));
      const state = maps.map(this.state, stateBytes);
      this.#tables = new ZoneTables(maps, zoning, new Uint32Array(state), zoning.maxZones);
      this.ipv4 = this.#tables.ipv4;
      this.ipv6 = this.#tables.ipv6;
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
    this.#tables.close();
    this.#maps.close();
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
