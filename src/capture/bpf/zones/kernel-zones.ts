import type { Ends } from "../../../ledger/zones/zone.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import * as bpf from "../../../native/bpf.ts";
import { MapSet } from "../maps.ts";
import { dispenserBytes, type DispenserPlace } from "../tables/dispenser.ts";
import type { TableOptions } from "../tables/kernel-tables.ts";
import { GivenSlots } from "./given-slots.ts";
import { type Ipv4Maps, type Ipv6Maps, ZONE_STATE } from "./zone-layout.ts";
import type { SlotTakings } from "./zone-recycler.ts";
import { slotsOf } from "./zone-sizes.ts";
import { ZoneTables } from "./zone-tables.ts";

/** The tables of one zoning in the kernel, and the slots of its zones. */
export class KernelZones {
  readonly zoning: Zoning;
  readonly ends: Ends;
  readonly ipv4: Ipv4Maps;
  readonly ipv6: Ipv6Maps;
  /** Undefined if every zone has the slot of its number. */
  readonly slots: number | undefined;
  readonly state: number;
  /** Slots that there may be, those of unnamed zones included. */
  readonly slotCount: number;
  /** What programs take slots from. */
  readonly slotDispenser: DispenserPlace;
  /** Slots that only zones are given to which something is sent. */
  readonly slotsForSenders: number;
  readonly #tables: ZoneTables;
  readonly #given: GivenSlots | undefined;
  readonly #maps = new MapSet();
  readonly #takings = new Set<SlotTakings>();

  constructor(zoning: Zoning, options: TableOptions = {}) {
    this.zoning = zoning;
    this.ends = zoning.ends;
    const { slotCount, hasOwn, slotDispenser, slotsForSenders } = slotsOf(zoning);
    this.slotCount = slotCount;
    this.slotDispenser = slotDispenser;
    this.slotsForSenders = slotsForSenders;
    const maps = this.#maps;
    try {
      const stateBytes = ZONE_STATE.DISPENSER + (hasOwn ? 0 : dispenserBytes(slotDispenser));
      this.state = maps.create("zonestate", bpf.BPF_MAP_TYPE_ARRAY, 4, stateBytes, 1);
      const state = maps.map(this.state, stateBytes);
      this.#given = hasOwn ? undefined : new GivenSlots(maps, zoning, state, slotDispenser, this.#takings, options);
      this.slots = this.#given?.fd;
      this.#tables = new ZoneTables(maps, zoning, new Uint32Array(state), zoning.maxZones);
      this.ipv4 = this.#tables.ipv4;
      this.ipv6 = this.#tables.ipv6;
    } catch (error) {
      maps.close();
      throw error;
    }
  }

  /** Writes the tables, in steps; nothing is found before. */
  fill(): Generator<void> {
    return this.#tables.fill();
  }

  /** The zone of a slot; 0 if programs are about to give it to one. */
  zoneOf(slot: number): number {
    return this.#given === undefined ? slot : this.#given.zoneOf(slot);
  }

  /** Likewise, as far as it is known without looking. */
  knownZoneOf(slot: number): number {
    return this.#given === undefined ? slot : this.#given.knownZoneOf(slot);
  }

  /** Slots that zones have, one more than the highest. */
  usedSlots(): number {
    return this.#given?.used ?? Math.min(this.zoning.zones, this.slotCount);
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
    this.#given?.recycle();
  }

  close(): void {
    this.#given?.close();
    this.#tables.close();
    this.#maps.close();
  }
}
