import type { Account, Accounts } from "../../../ledger/accounts/accounts.ts";
import { NO_VLAN } from "../../../ledger/vlans/vlan.ts";
import { Zone } from "../../../ledger/zones/zone.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import * as bpf from "../../../native/bpf.ts";
import { MapSet } from "../maps.ts";
import { type AccountSizes, accountSizes, hasRemotes } from "./account-layout.ts";
import { ZONE_STATE, type ZoneTableMaps } from "./zone-layout.ts";
import { ZoneTables } from "./zone-tables.ts";

/** What the programs of all interfaces find accounts with. */
export class KernelAccounts {
  readonly accounts: Accounts;
  readonly sizes: AccountSizes;
  readonly customers: ZoneTableMaps;
  readonly remotes: ZoneTableMaps | undefined;
  readonly #maps = new MapSet();
  readonly #tables: ZoneTables[] = [];

  /** Throws PromtapError. */
  constructor(accounts: Accounts) {
    this.accounts = accounts;
    this.sizes = accountSizes(accounts);
    try {
      this.customers = this.#tablesOf(accounts.customers, this.sizes.customers);
      this.remotes = hasRemotes(accounts) ? this.#tablesOf(accounts.remotes, this.sizes.remotes) : undefined;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The account whose place it is. */
  accountAt(place: number): Account {
    const { remotes, columns } = this.sizes;
    const pair = Math.floor(place / columns);
    return {
      customer: Math.floor(pair / remotes) + Zone.OTHER,
      remote: this.remotes === undefined ? Zone.UNKNOWN : (pair % remotes) + Zone.OTHER,
      column: place % columns,
      vlan: NO_VLAN,
    };
  }

  close(): void {
    for (const tables of this.#tables) tables.close();
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
