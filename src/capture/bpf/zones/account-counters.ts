import type { AccountLedger } from "../../../ledger/accounts/account-ledger.ts";
import { Direction } from "../../../ledger/rows.ts";
import { MapSet } from "../maps.ts";
import type { AccountMaps, AccountSizes } from "./account-layout.ts";
import { COUNTER_DOUBLES, CounterLanes, PLACES_PER_TURN } from "./counter-lanes.ts";
import type { KernelAccounts } from "./kernel-accounts.ts";
import { COUNTER_BYTES, COUNTER_PACKETS, type ZoneTableMaps } from "./zone-layout.ts";
import { DIRECTIONS, lanesOf, type Sharing } from "./zone-sizes.ts";

/** What programs count by account on one interface, and the way of it into the ledger. */
export class AccountCounters implements AccountMaps {
  /** Good until `closeDescriptors`. */
  readonly fd: number;
  readonly lanes: number;
  readonly isAtomic: boolean;
  readonly customers: ZoneTableMaps;
  readonly remotes: ZoneTableMaps | undefined;
  readonly sizes: AccountSizes;
  readonly #kernel: KernelAccounts;
  #ledger: AccountLedger | undefined;
  readonly #maps = new MapSet();
  readonly #counters: CounterLanes;

  /** Throws PromtapError. */
  constructor(kernel: KernelAccounts, ledger: AccountLedger, sharing: Sharing) {
    this.#kernel = kernel;
    this.#ledger = ledger;
    this.customers = kernel.customers;
    this.remotes = kernel.remotes;
    this.sizes = kernel.sizes;
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
  }

  /** Adds to the ledger what was counted since the last time; without one it waits. */
  sync(): void {
    for (const _ of this.inTurns());
  }

  /** Likewise; yields often, and ends if it counts for another ledger meanwhile, or for none. */
  *inTurns(): Generator<void> {
    const ledger = this.#ledger;
    if (ledger === undefined) return;
    const { seen } = this.#counters;
    const unknown: number[] = [];
    for (let at = 0; at < seen.length; at += COUNTER_DOUBLES) {
      if (at % (PLACES_PER_TURN * DIRECTIONS * COUNTER_DOUBLES) === 0) yield;
      if (this.#ledger !== ledger) return;
      if (!this.#counters.hasNews(at + COUNTER_PACKETS / 8)) continue;
      const place = Math.floor(at / COUNTER_DOUBLES / DIRECTIONS);
      // First what has a slot in the ledger: what has none may be given that of what is silent.
      if (ledger.accounts.hasSlot(this.#kernel.accountAt(place))) this.#take(at, ledger);
      else unknown.push(at);
    }
    for (const at of unknown) if (this.#counters.hasNews(at + COUNTER_PACKETS / 8)) this.#take(at, ledger);
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
    this.#maps.close();
  }

  #take(at: number, ledger: AccountLedger): void {
    const { seen } = this.#counters;
    // Programs add bytes before packets.
    const packets = this.#counters.total(at + COUNTER_PACKETS / 8);
    const bytes = this.#counters.total(at + COUNTER_BYTES / 8);
    const counter = at / COUNTER_DOUBLES;
    const direction = counter % DIRECTIONS === 0 ? Direction.TX : Direction.RX;
    const { customer, remote, column, vlan } = this.#kernel.accountAt(Math.floor(counter / DIRECTIONS));
    const slot = ledger.accounts.slotOf(customer, remote, column, vlan, direction);
    ledger.counts.add(slot, direction, packets - seen[at]!, bytes - seen[at + 1]!);
    seen[at] = packets;
    seen[at + 1] = bytes;
  }
}
