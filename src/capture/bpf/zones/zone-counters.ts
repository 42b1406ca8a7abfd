import { Direction } from "../../../ledger/rows.ts";
import type { ZoneLedger } from "../../../ledger/zones/zone-ledger.ts";
import * as bpf from "../../../native/bpf.ts";
import { MapSet } from "../maps.ts";
import type { KernelZones } from "./kernel-zones.ts";
import type { SlotTakings } from "./zone-recycler.ts";
import { COUNTER_BYTES, COUNTER_PACKETS, ZONE_COUNTER_BYTES } from "./zone-layout.ts";
import { DIRECTIONS, lanesOf, type Sharing } from "./zone-sizes.ts";

const COUNTER_DOUBLES = ZONE_COUNTER_BYTES / 8;

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
  readonly #counters: Float64Array;
  /** Counter → what it was when it was last read, all lanes together. */
  readonly #seen: Float64Array;
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);

  constructor(zones: KernelZones, ledger: ZoneLedger, sharing: Sharing) {
    const { lanes, isAtomic } = lanesOf(zones.slotCount, sharing);
    this.zones = zones;
    this.lanes = lanes;
    this.isAtomic = isAtomic;
    this.#ledger = ledger;
    const entries = lanes * zones.slotCount * DIRECTIONS;
    this.fd = this.#maps.create("zonecounts", bpf.BPF_MAP_TYPE_ARRAY, 4, ZONE_COUNTER_BYTES, entries);
    try {
      this.#counters = new Float64Array(this.#maps.map(this.fd, entries * ZONE_COUNTER_BYTES));
    } catch (error) {
      this.#maps.close();
      throw error;
    }
    this.#seen = new Float64Array(zones.slotCount * DIRECTIONS * COUNTER_DOUBLES);
    zones.join(this);
  }

  /** Adds to the ledger what was counted since the last time; without one it waits. */
  sync(): void {
    if (this.#ledger === undefined) return;
    const used = this.zones.usedSlots();
    // First what has a slot in the ledger: what has none may be given that of what is silent.
    for (const isKnown of [true, false]) {
      for (let slot = 1; slot < used; slot++) if (this.#isKnown(slot) === isKnown) this.take(slot);
    }
    this.zones.recycle();
  }

  take(slot: number): boolean {
    return this.#take(slot, Direction.TX) && this.#take(slot, Direction.RX);
  }

  takenPackets(slot: number, direction: Direction): number {
    return this.#seen[(slot * DIRECTIONS + direction) * COUNTER_DOUBLES + COUNTER_PACKETS / 8]!;
  }

  clear(slot: number): void {
    const doubles = DIRECTIONS * COUNTER_DOUBLES;
    for (let lane = slot * doubles; lane < this.#counters.length; lane += this.#seen.length) {
      this.#counters.fill(0, lane, lane + doubles);
    }
    this.#seen.fill(0, slot * doubles, (slot + 1) * doubles);
  }

  /** Counts into another ledger of the same zoning from now on. */
  retarget(ledger: ZoneLedger | undefined): void {
    this.#ledger = ledger;
  }

  /** Takes what waits for a ledger for counted. */
  discard(): void {
    for (let at = 0; at < this.#seen.length; at++) this.#seen[at] = this.#total(at);
  }

  /** To be called when the program is loaded, which holds the map from then on. */
  closeDescriptors(): void {
    this.#maps.closeDescriptors();
  }

  close(): void {
    this.zones.leave(this);
    this.#maps.close();
  }

  #isKnown(slot: number): boolean {
    return this.zones.zoning.hasSlot(this.zones.knownZoneOf(slot));
  }

  /** False if there is something to take, and no ledger for it, or no zone yet. */
  #take(slot: number, direction: Direction): boolean {
    const at = (slot * DIRECTIONS + direction) * COUNTER_DOUBLES;
    const packets = this.#total(at + COUNTER_PACKETS / 8);
    const bytes = this.#total(at + COUNTER_BYTES / 8);
    const newPackets = packets - this.#seen[at]!;
    const newBytes = bytes - this.#seen[at + 1]!;
    if (newPackets === 0 && newBytes === 0) return true;
    const zone = this.zones.zoneOf(slot);
    if (zone === 0 || this.#ledger === undefined) return false;
    this.#ledger.counts.add(this.zones.zoning.slotOf(zone, direction), direction, newPackets, newBytes);
    this.#seen[at] = packets;
    this.#seen[at + 1] = bytes;
    return true;
  }

  /** One number over all lanes. The kernel may be writing it: see KernelTables. */
  #total(at: number): number {
    const stride = this.#seen.length;
    let total = 0;
    for (let lane = at; lane < this.#counters.length; lane += stride) {
      this.#double[0] = this.#counters[lane]!;
      total += this.#words[0]! + this.#words[1]! * 2 ** 32;
    }
    return total;
  }
}
