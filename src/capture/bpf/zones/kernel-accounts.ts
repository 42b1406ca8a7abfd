import type { Account, Accounts } from "../../../ledger/accounts/accounts.ts";
import { NO_VLAN } from "../../../ledger/vlans/vlan.ts";
import { FIRST_NAMED, Zone } from "../../../ledger/zones/zone.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import * as bpf from "../../../native/bpf.ts";
import { MapSet } from "../maps.ts";
import type { TableOptions } from "../tables/kernel-tables.ts";
import { KernelVlans } from "../vlans/kernel-vlans.ts";
import { type AccountSizes, accountSizes, hasRemotes } from "./account-layout.ts";
import { AccountSlots } from "./account-slots.ts";
import { ZONE_STATE, type ZoneTableMaps } from "./zone-layout.ts";
import type { SlotTakings } from "./zone-recycler.ts";
import { ZoneTables } from "./zone-tables.ts";

/** What the programs of all interfaces find accounts with. */
export class KernelAccounts {
  readonly accounts: Accounts;
  readonly sizes: AccountSizes;
  readonly customers: ZoneTableMaps;
  readonly remotes: ZoneTableMaps | undefined;
  /** If VLANs are told apart. */
  readonly slots: AccountSlots | undefined;
  readonly #vlans: KernelVlans | undefined;
  readonly #takings = new Set<SlotTakings>();
  readonly #maps = new MapSet();
  readonly #tables: ZoneTables[] = [];

  /** `known`: VLANs that were told apart before, if they are. Throws PromtapError. */
  constructor(accounts: Accounts, known: readonly number[] = [], options: TableOptions = {}) {
    this.accounts = accounts;
    this.sizes = accountSizes(accounts);
    try {
      const { vlanLimit, slots } = accounts;
      if (vlanLimit !== undefined) {
        this.#vlans = new KernelVlans({ limit: vlanLimit, known });
        this.slots = new AccountSlots(this.#maps, this.#vlans, slots.quota.limit, this.#takings, options);
      }
      this.customers = this.#tablesOf(accounts.customers, this.sizes.customers);
      this.remotes = hasRemotes(accounts) ? this.#tablesOf(accounts.remotes, this.sizes.remotes) : undefined;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Writes the tables, in steps; nothing is found before. */
  *fill(): Generator<void> {
    for (const tables of this.#tables) yield* tables.fill();
  }

  /** One more than the highest place in which something may be counted. */
  get usedPlaces(): number {
    return this.slots?.used ?? this.sizes.places;
  }

  /** The account whose place it is; undefined if it is that of all that found none. */
  accountAt(place: number): Account | undefined {
    if (this.slots === undefined) return this.#accountOf(place, NO_VLAN);
    if (place < FIRST_NAMED) return undefined;
    return this.#accountOf(this.slots.placeOf(place), this.slots.vlanOf(place));
  }

  /** Lets an interface count by place, until it leaves. */
  join(takings: SlotTakings): void {
    this.#takings.add(takings);
  }

  leave(takings: SlotTakings): void {
    this.#takings.delete(takings);
  }

  /** Takes places back from accounts that are silent, if they are scarce; to be called when an interface is up to date. */
  recycle(): void {
    this.slots?.recycle();
  }

  #accountOf(place: number, vlan: number): Account {
    const { remotes, columns } = this.sizes;
    const pair = Math.floor(place / columns);
    return {
      customer: Math.floor(pair / remotes) + Zone.OTHER,
      remote: this.remotes === undefined ? Zone.UNKNOWN : (pair % remotes) + Zone.OTHER,
      column: place % columns,
      vlan,
    };
  }

  close(): void {
    this.slots?.close();
    for (const tables of this.#tables) tables.close();
    this.#vlans?.close();
    this.#maps.close();
  }

  #tablesOf(zoning: Zoning, room: number): ZoneTableMaps {
    const bytes = ZONE_STATE.DISPENSER;
    const state = this.#maps.create("zonestate", bpf.BPF_MAP_TYPE_ARRAY, 4, bytes, 1);
    const words = new Uint32Array(this.#maps.map(state, bytes));
    const tables = new ZoneTables(this.#maps, zoning, words, Zone.OTHER + room);
    this.#tables.push(tables);
    return { ends: zoning.ends, ipv4: tables.ipv4, ipv6: tables.ipv6, state };
  }
}
