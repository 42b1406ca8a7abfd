import type { Accounts } from "../../ledger/accounts/accounts.ts";
import type { RangeTable } from "../../ledger/ranges.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import type { MapFds } from "./layout.ts";
import { type ProgramOptions, refuseFarJumps, writeProgram } from "./program/program.ts";
import { Places } from "./tables/places.ts";
import { tableSizes } from "./tables/table-sizes.ts";
import { type AccountMaps, accountSizes, hasRemotes } from "./zones/account-layout.ts";
import type { ZoneMaps, ZoneTableMaps } from "./zones/zone-layout.ts";
import { lanesOf, searchLevels, searchSteps, type Sharing, slotsOf } from "./zones/zone-sizes.ts";

/** What is counted, on which kind of interface. */
export interface ListedProgram extends Omit<ProgramOptions, "zones" | "accounts"> {
  accounts?: Accounts | undefined;
  zonings: readonly Zoning[];
  maxAddresses: number;
}

/**
 * The program that an engine would load, as annotated assembly. No map is made, so that no right is needed. Throws
 * PromtapError.
 */
export function listProgram(
  { zonings, accounts, maxAddresses, ...options }: ListedProgram,
  ranges: RangeTable,
  sharing: Sharing,
): string {
  const { siblings, cpus, isRealtime } = sharing;
  const places = new Places(ranges);
  const sizes = tableSizes(ranges, places, maxAddresses, siblings, cpus, isRealtime);
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
