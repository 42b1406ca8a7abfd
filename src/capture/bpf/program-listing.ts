import type { Accounts } from "../../ledger/accounts/accounts.ts";
import type { RangeTable } from "../../ledger/ranges.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import type { MapFds } from "./layout.ts";
import { type ProgramOptions, refuseFarJumps, writeProgram } from "./program/program.ts";
import { Places } from "./tables/places.ts";
import { tableSizes } from "./tables/table-sizes.ts";
import { vlanDispenser, type VlanMaps, vlanNumbers } from "./vlans/vlan-layout.ts";
import {
  accountDispenser,
  type AccountMaps,
  accountSizes,
  type AccountSlotMaps,
  hasRemotes,
} from "./zones/account-layout.ts";
import type { ZoneMaps, ZoneTableMaps } from "./zones/zone-layout.ts";
import { lanesOf, searchLevels, searchSteps, type Sharing, slotsOf } from "./zones/zone-sizes.ts";

/** What is counted, on which kind of interface. */
export interface ListedProgram extends Omit<ProgramOptions, "zones" | "accounts" | "vlans"> {
  accounts?: Accounts | undefined;
  zonings: readonly Zoning[];
  maxAddresses: number;
  /** Most VLANs of addresses; undefined if they are not told apart. */
  maxVlans?: number | undefined;
}

/**
 * The program that an engine would load, as annotated assembly. No map is made, so that no right is needed. Throws
 * PromtapError.
 */
export function listProgram(
  { zonings, accounts, maxAddresses, maxVlans, ...options }: ListedProgram,
  ranges: RangeTable,
  sharing: Sharing,
): string {
  const { siblings, cpus, isRealtime } = sharing;
  const places = new Places(ranges);
  const numbers = maxVlans === undefined ? 0 : vlanNumbers(maxVlans);
  const sizes = tableSizes(ranges, places, maxAddresses, siblings, cpus, isRealtime, numbers);
  const names = new NamedMaps();
  const fds: MapFds = {
    counters: names.add("counters"),
    rows: names.add("rows"),
    places: names.add("places"),
    keys: names.add("keys"),
    index: names.add("index"),
    state: names.add("state"),
    tables: names.add("tables"),
    ranges: names.add("ranges"),
  };
  const maps = {
    zones: zonings.map((zoning) => zoneMaps(zoning, sharing, names)),
    accounts: accounts === undefined ? undefined : accountMaps(accounts, sharing, names),
    vlans: maxVlans === undefined ? undefined : vlanMaps("", maxVlans, names),
  };
  return refuseFarJumps(() =>
    writeProgram({ ...options, ...maps }, ranges, places, { fds, sizes }).listing(names.byNumber),
  );
}

/** Numbers that stand for maps as their descriptors would. */
class NamedMaps {
  readonly byNumber = new Map<number, string>();

  add(name: string): number {
    const number = this.byNumber.size + 1;
    this.byNumber.set(number, name);
    return number;
  }
}

function lookUpMaps({ label, table, ends }: Zoning, names: NamedMaps): ZoneTableMaps {
  return {
    ends,
    ipv4: {
      directory: names.add(`${label}_directory4`),
      nodes: names.add(`${label}_nodes4`),
      levels: searchLevels(table.ipv4),
    },
    ipv6: {
      directory: names.add(`${label}_directory6`),
      spans: names.add(`${label}_spans6`),
      steps: searchSteps(table.ipv6),
    },
    state: names.add(`${label}_state`),
  };
}

function accountMaps(accounts: Accounts, sharing: Sharing, names: NamedMaps): AccountMaps {
  const sizes = accountSizes(accounts);
  return {
    ...lanesOf(sizes.places, sharing),
    fd: names.add("account_counters"),
    sizes,
    customers: lookUpMaps(accounts.customers, names),
    remotes: hasRemotes(accounts) ? lookUpMaps(accounts.remotes, names) : undefined,
    slots: accountSlotMaps(accounts, names),
  };
}

function accountSlotMaps({ vlanLimit, slots }: Accounts, names: NamedMaps): AccountSlotMaps | undefined {
  if (vlanLimit === undefined) return undefined;
  return {
    vlans: vlanMaps("account_", vlanLimit, names),
    index: names.add("accounts"),
    keys: names.add("account_keys"),
    state: names.add("account_state"),
    ...accountDispenser(slots.quota.limit),
  };
}

function vlanMaps(prefix: string, limit: number, names: NamedMaps): VlanMaps {
  return {
    index: names.add(`${prefix}vlans`),
    names: names.add(`${prefix}vlan_names`),
    state: names.add(`${prefix}vlan_state`),
    dispenser: vlanDispenser(limit),
  };
}

function zoneMaps(zoning: Zoning, sharing: Sharing, names: NamedMaps): ZoneMaps {
  const { label } = zoning;
  const { hasOwn, ...slots } = slotsOf(zoning);
  return {
    ...lanesOf(slots.slotCount, sharing),
    fd: names.add(`${label}_counters`),
    zones: {
      ...lookUpMaps(zoning, names),
      slots: hasOwn ? undefined : names.add(`${label}_slots`),
      ...slots,
    },
  };
}
