import { Direction } from "../../../ledger/rows.ts";
import type { ZoneLedger } from "../../../ledger/zones/zone-ledger.ts";
import { MapSet } from "../maps.ts";
import type { KernelZones } from "./kernel-zones.ts";
import type { SlotTakings } from "./zone-recycler.ts";
import { COUNTER_DOUBLES, CounterLanes, PLACES_PER_TURN } from "./counter-lanes.ts";
import { COUNTER_BYTES, COUNTER_PACKETS } from "./zone-layout.ts";
import { DIRECTIONS, lanesOf, type Sharing } from "./zone-sizes.ts";

/** What programs count by zone on one interface, and the way of it into the ledger. See KernelTables. */
export class ZoneCounters implements SlotTakings {
  readonly zones: KernelZones;
  /** Good until `closeDescriptors`. */
  readonly fd: number;
  /** 2^n; see layout.ts. */
  readonly lanes: number;
  readonly isAtomic: boolean;
  #ledger: ZoneLedger | undefined;
  readonly #maps = new MapSet();
  readonly #counters: CounterLanes;

  constructor(zones: KernelZones, ledger: ZoneLedger | undefined, sharing: Sharing) {
    const { lanes, isAtomic } = lanesOf(zones.slotCount, sharing);
    this.zones = zones;
    this.lanes = lanes;
    this.isAtomic = isAtomic;
    this.#ledger = ledger;
    try {
      this.#counters = new CounterLanes(this.#maps, "zonecounts", zones.slotCount, lanes);
    } catch (error) {
      this.#maps.close();
      throw error;
    }
    this.fd = this.#counters.fd;
    zones.join(this);
  }

  /** Adds to the ledger what was counted since the last time; without one it waits. */
  sync(): void {
    for (const _ of this.inTurns());
  }

  /** Likewise; yields often, and ends if it counts for another ledger meanwhile, or for none. */
  *inTurns(): Generator<void> {
    const ledger = this.#ledger;
    if (ledger === undefined) return;
    const used = this.zones.usedSlots();
    const unknown: number[] = [];
    for (let slot = 1; slot < used; slot++) {
      if (slot % PLACES_PER_TURN === 0) yield;
      if (this.#ledger !== ledger) return;
      if (!this.#hasNews(slot)) continue;
      // First what has a slot in the ledger: what has none may be given that of what is silent.
      if (this.#isKnown(slot)) this.take(slot);
      else unknown.push(slot);
    }
    for (const slot of unknown) this.take(slot);
    this.zones.recycle();
  }

  take(slot: number): boolean {
    return this.#take(slot, Direction.TX) && this.#take(slot, Direction.RX);
  }

  takenPackets(slot: number, direction: Direction): number {
    return this.#counters.seen[(slot * DIRECTIONS + direction) * COUNTER_DOUBLES + COUNTER_PACKETS / 8]!;
  }

  clear(slot: number): void {
    this.#counters.clear(slot);
  }

  /** Counts into another ledger of the same zoning from now on. */
  retarget(ledger: ZoneLedger | undefined): void {
    this.#ledger = ledger;
  }

  /** Takes what waits for a ledger for counted. */
  discard(): void {
    this.#counters.discard();
  }

  /** To be called when the program is loaded, which holds the map from then on. */
  closeDescriptors(): void {
    this.#maps.closeDescriptors();
  }

  close(): void {
    this.#ledger = undefined;
    this.zones.leave(this);
    this.#maps.close();
  }

  /** Programs add bytes before packets: if there are none of these, the bytes can wait. */
  #hasNews(slot: number): boolean {
    const at = slot * DIRECTIONS * COUNTER_DOUBLES + COUNTER_PACKETS / 8;
    return this.#counters.hasNews(at) || this.#counters.hasNews(at + COUNTER_DOUBLES);
  }

  #isKnown(slot: number): boolean {
    return this.zones.zoning.hasSlot(this.zones.knownZoneOf(slot));
  }

  /** False if there is something to take, and no ledger for it, or no zone yet. */
  #take(slot: number, direction: Direction): boolean {
    const at = (slot * DIRECTIONS + direction) * COUNTER_DOUBLES;
    // Programs add bytes before packets.
    const packets = this.#counters.total(at + COUNTER_PACKETS / 8);
    const newPackets = packets - this.#counters.seen[at]!;
    if (newPackets === 0) return true;
    const bytes = this.#counters.total(at + COUNTER_BYTES / 8);
    const newBytes = bytes - this.#counters.seen[at + 1]!;
    const zone = this.zones.zoneOf(slot);
    if (zone === 0 || this.#ledger === undefined) return false;
    this.#ledger.counts.add(this.zones.zoning.slotOf(zone, direction), direction, newPackets, newBytes);
    this.#counters.seen[at] = packets;
    this.#counters.seen[at + 1] = bytes;
    return true;
  }
}
