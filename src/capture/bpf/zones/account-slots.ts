import { FIRST_NAMED } from "../../../ledger/zones/zone.ts";
import * as bpf from "../../../native/bpf.ts";
import { FLAG } from "../layout.ts";
import type { MapSet } from "../maps.ts";
import { Dispenser, dispenserBytes, type DispenserPlace } from "../tables/dispenser.ts";
import { untilProgramsEnd } from "../tables/grace.ts";
import type { TableOptions } from "../tables/kernel-tables.ts";
import type { KernelVlans } from "../vlans/kernel-vlans.ts";
import { ACCOUNT, ACCOUNT_KEY_BYTES, accountDispenser, type AccountSlotMaps } from "./account-layout.ts";
import { type SlotTakings, ZoneRecycler } from "./zone-recycler.ts";

/** Slots that programs give to accounts on first use, and that are taken back from those that are silent. */
export class AccountSlots implements AccountSlotMaps {
  readonly vlans: KernelVlans;
  readonly index: number;
  readonly keys: number;
  readonly state: number;
  readonly dispenser: DispenserPlace;
  readonly forSenders: number;
  readonly #keys: DataView;
  readonly #dispenser: Dispenser;
  readonly #recycler: ZoneRecycler;

  /** In `maps`; they find the numbers of `vlans`. Throws PromtapError. */
  constructor(maps: MapSet, vlans: KernelVlans, limit: number, takings: Iterable<SlotTakings>, options: TableOptions) {
    this.vlans = vlans;
    const { dispenser, forSenders } = accountDispenser(limit);
    const slotCount = dispenser.capacity;
    this.dispenser = dispenser;
    this.forSenders = forSenders;
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    const stateBytes = dispenserBytes(this.dispenser);
    this.index = maps.create("accounts", bpf.BPF_MAP_TYPE_HASH, ACCOUNT_KEY_BYTES, 4, slotCount);
    this.keys = maps.create("accountkeys", array, 4, ACCOUNT.BYTES, slotCount);
    this.state = maps.create("accountstate", array, 4, stateBytes, 1);
    this.#keys = new DataView(maps.map(this.keys, slotCount * ACCOUNT.BYTES));
    this.#dispenser = new Dispenser(maps.map(this.state, stateBytes), this.dispenser, FIRST_NAMED);
    this.#recycler = new ZoneRecycler({
      slotCount,
      dispenser: this.#dispenser,
      takings,
      published: () => this.#published(),
      unpublish: (slots) => this.#unpublish(slots),
      forget: (slot) => this.#keys.setUint32(slot * ACCOUNT.BYTES + ACCOUNT.FLAG, FLAG.FREE, true),
      now: options.now ?? (() => performance.now()),
      untilProgramsEnd: options.untilProgramsEnd ?? untilProgramsEnd,
    });
  }

  /** Slots that were given out, one more than the highest. */
  get used(): number {
    return this.#dispenser.highest;
  }

  /** The place that the account of a slot would have. */
  placeOf(slot: number): number {
    return Number(this.#keys.getBigUint64(slot * ACCOUNT.BYTES + ACCOUNT.PLACE, true));
  }

  /** Its VLAN: see ledger/vlans/vlan.ts. */
  vlanOf(slot: number): number {
    return this.vlans.vlanOf(this.#numberOf(slot));
  }

  /** Takes slots back from accounts that are silent, if they are scarce; to be called when an interface is up to date. */
  recycle(): void {
    this.#recycler.recycle();
  }

  /** Takes back no more. */
  close(): void {
    this.#recycler.close();
  }

  /** The number of its VLAN. */
  #numberOf(slot: number): number {
    return this.#keys.getUint32(slot * ACCOUNT.BYTES + ACCOUNT.VLAN, true);
  }

  #published(): Uint8Array {
    const { used } = this;
    const published = new Uint8Array(this.dispenser.capacity);
    for (let slot = FIRST_NAMED; slot < used; slot++) {
      published[slot] = this.#keys.getUint32(slot * ACCOUNT.BYTES + ACCOUNT.FLAG, true);
    }
    return published;
  }

  #unpublish(slots: readonly number[]): readonly number[] {
    const keys = new DataView(new ArrayBuffer(slots.length * ACCOUNT_KEY_BYTES));
    for (const [k, slot] of slots.entries()) {
      const at = k * ACCOUNT_KEY_BYTES;
      keys.setBigUint64(at, this.#keys.getBigUint64(slot * ACCOUNT.BYTES + ACCOUNT.PLACE, true), true);
      keys.setBigUint64(at + 8, BigInt(this.#numberOf(slot)), true);
    }
    return slots.slice(0, bpf.deleteKeys(this.index, new Uint8Array(keys.buffer), ACCOUNT_KEY_BYTES));
  }
}
