import type { AccountLedger } from "../../../ledger/accounts/account-ledger.ts";
import type { Accounts } from "../../../ledger/accounts/accounts.ts";
import { Direction } from "../../../ledger/rows.ts";
import { Zone } from "../../../ledger/zones/zone.ts";
import { MapSet } from "../maps.ts";
import type { AccountMaps, AccountSizes, AccountSlotMaps } from "./account-layout.ts";
import { COUNTER_DOUBLES, CounterLanes, PLACES_PER_TURN } from "./counter-lanes.ts";
import type { KernelAccounts } from "./kernel-accounts.ts";
import { COUNTER_BYTES, COUNTER_PACKETS, type ZoneTableMaps } from "./zone-layout.ts";
import type { SlotTakings } from "./zone-recycler.ts";
import { DIRECTIONS, lanesOf, type Sharing } from "./zone-sizes.ts";

/** What programs count by account on one interface, and the way of it into the ledger. */
export class AccountCounters implements AccountMaps, SlotTakings {
  /** Good until `closeDescriptors`. */
  readonly fd: number;
  readonly lanes: number;
  readonly isAtomic: boolean;
  readonly customers: ZoneTableMaps;
  readonly remotes: ZoneTableMaps | undefined;
  readonly sizes: AccountSizes;
  readonly slots: AccountSlotMaps | undefined;
  readonly #kernel: KernelAccounts;
  #ledger: AccountLedger | undefined;
  readonly #maps = new MapSet();
  readonly #counters: CounterLanes;

  /** Throws PromtapError. */
  constructor(kernel: KernelAccounts, ledger: AccountLedger | undefined, sharing: Sharing) {
    this.#kernel = kernel;
    this.#ledger = ledger;
    this.customers = kernel.customers;
    this.remotes = kernel.remotes;
    this.sizes = kernel.sizes;
    this.slots = kernel.slots;
    const { lanes, isAtomic } = lanesOf(kernel.sizes.places, sharing);
    this.lanes = lanes;
    this.isAtomic = isAtomic;
    try {
      this.#counters = new CounterLanes(this.#maps, "accountcounts", kernel.sizes.places, lanes);
    } catch (error) {
      this.#maps.close();
      throw error;
    }
    this.fd = this.#counters.fd;
    kernel.join(this);
  }

  get accounts(): Accounts {
    return this.#kernel.accounts;
  }

  /** Adds to the ledger what was counted since the last time; without one it waits. */
  sync(): void {
    for (const _ of this.inTurns());
  }

  /** Likewise; yields often, and ends if it counts for another ledger meanwhile, or for none. */
  *inTurns(): Generator<void> {
    const ledger = this.#ledger;
    if (ledger === undefined) return;
    const end = this.#kernel.usedPlaces * DIRECTIONS * COUNTER_DOUBLES;
    const unknown: number[] = [];
    for (let at = 0; at < end; at += COUNTER_DOUBLES) {
      if (at % (PLACES_PER_TURN * DIRECTIONS * COUNTER_DOUBLES) === 0) yield;
      if (this.#ledger !== ledger) return;
      if (!this.#hasNews(at)) continue;
      const account = this.#kernel.accountAt(Math.floor(at / COUNTER_DOUBLES / DIRECTIONS));
      // First what has a slot in the ledger: what has none may be given that of what is silent.
      if (account === undefined || ledger.accounts.hasSlot(account)) this.#take(at, ledger);
      else unknown.push(at);
    }
    for (const at of unknown) if (this.#hasNews(at)) this.#take(at, ledger);
    this.#kernel.recycle();
  }

  take(place: number): boolean {
    for (const direction of [Direction.TX, Direction.RX]) {
      const at = (place * DIRECTIONS + direction) * COUNTER_DOUBLES;
      if (!this.#hasNews(at)) continue;
      if (this.#ledger === undefined) return false;
      this.#take(at, this.#ledger);
    }
    return true;
  }

  takenPackets(place: number, direction: Direction): number {
    return this.#counters.seen[(place * DIRECTIONS + direction) * COUNTER_DOUBLES + COUNTER_PACKETS / 8]!;
  }

  clear(place: number): void {
    this.#counters.clear(place);
  }

  /** Counts into another ledger of the same accounts from now on. */
  retarget(ledger: AccountLedger | undefined): void {
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
    this.#kernel.leave(this);
    this.#maps.close();
  }

  #hasNews(at: number): boolean {
    return this.#counters.hasNews(at + COUNTER_PACKETS / 8);
  }

  #take(at: number, ledger: AccountLedger): void {
    const { seen } = this.#counters;
    // Programs add bytes before packets.
    const packets = this.#counters.total(at + COUNTER_PACKETS / 8);
    const bytes = this.#counters.total(at + COUNTER_BYTES / 8);
    const counter = at / COUNTER_DOUBLES;
    const direction = counter % DIRECTIONS === 0 ? Direction.TX : Direction.RX;
    const account = this.#kernel.accountAt(Math.floor(counter / DIRECTIONS));
    const slot = account === undefined ? Zone.OTHER : ledger.accounts.slotFor(account, direction);
    ledger.counts.add(slot, direction, packets - seen[at]!, bytes - seen[at + 1]!);
    seen[at] = packets;
    seen[at + 1] = bytes;
  }
}
