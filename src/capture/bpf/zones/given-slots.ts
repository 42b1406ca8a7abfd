import type { Zoning } from "../../../ledger/zones/zoning.ts";
import { FIRST_NAMED } from "../../../ledger/zones/zone.ts";
import * as bpf from "../../../native/bpf.ts";
import type { MapSet } from "../maps.ts";
import { Dispenser, type DispenserPlace } from "../tables/dispenser.ts";
import { untilProgramsEnd } from "../tables/grace.ts";
import type { TableOptions } from "../tables/kernel-tables.ts";
import { ZONE_SLOT_BYTES } from "./zone-layout.ts";
import { type SlotTakings, ZoneRecycler } from "./zone-recycler.ts";

/** Slots that programs give to zones on first use, and that are taken back from those that are silent. */
export class GivenSlots {
  /** The map of them. */
  readonly fd: number;
  readonly #zoning: Zoning;
  /** Zones that there was room for. */
  readonly #maxZones: number;
  readonly #slotWords: Uint32Array;
  readonly #dispenser: Dispenser;
  readonly #recycler: ZoneRecycler;
  /** Slot of a program → zone. */
  readonly #zoneOf: Uint32Array;

  /** In `maps`; `state` holds what they are given out from. Throws PromtapError. */
  constructor(
    maps: MapSet,
    zoning: Zoning,
    state: ArrayBuffer,
    place: DispenserPlace,
    takings: Iterable<SlotTakings>,
    options: TableOptions,
  ) {
    const slotCount = place.capacity;
    this.#zoning = zoning;
    this.#maxZones = zoning.maxZones;
    this.fd = maps.create("zoneslots", bpf.BPF_MAP_TYPE_ARRAY, 4, ZONE_SLOT_BYTES, zoning.maxZones);
    this.#slotWords = new Uint32Array(maps.map(this.fd, zoning.maxZones * ZONE_SLOT_BYTES));
    this.#dispenser = new Dispenser(state, place, FIRST_NAMED);
    this.#zoneOf = new Uint32Array(slotCount);
    for (let zone = 0; zone < FIRST_NAMED; zone++) {
      this.#slotWords[(zone * ZONE_SLOT_BYTES) / 4] = zone;
      this.#zoneOf[zone] = zone;
    }
    this.#recycler = new ZoneRecycler({
      slotCount,
      dispenser: this.#dispenser,
      takings,
      published: () => this.#published(),
      unpublish: (slots) => this.#unpublish(slots),
      forget: (slot) => void (this.#zoneOf[slot] = 0),
      now: options.now ?? (() => performance.now()),
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

  /** Slots that were given out, one more than the highest. */
  get used(): number {
    return this.#dispenser.highest;
  }

  /** Takes slots back from zones that are silent, if they are scarce; to be called when an interface is up to date. */
  recycle(): void {
    this.#recycler.recycle();
  }

  /** Takes back no more. */
  close(): void {
    this.#recycler.close();
  }

  #unpublish(slots: readonly number[]): readonly number[] {
    for (const slot of slots) this.#slotWords[(this.zoneOf(slot) * ZONE_SLOT_BYTES) / 4] = 0;
    return slots;
  }

  /** Those that programs may know of, one more than the highest. */
  get #zones(): number {
    return Math.min(this.#zoning.zones, this.#maxZones);
  }

  #published(): Uint8Array {
    const published = new Uint8Array(this.#zoneOf.length);
    for (let zone = 0; zone < this.#zones; zone++) published[this.#slotWords[(zone * ZONE_SLOT_BYTES) / 4]!] = 1;
    return published;
  }

  #learn(): void {
    for (let zone = FIRST_NAMED; zone < this.#zones; zone++) {
      const slot = this.#slotWords[(zone * ZONE_SLOT_BYTES) / 4]!;
      if (slot >= FIRST_NAMED) this.#zoneOf[slot] = zone;
    }
  }
}
