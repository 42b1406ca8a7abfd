import type { Collector } from "../collectors/collector.ts";
import { CUSTOMER_ACCOUNTS, CUSTOMERS, CustomersCollector, type CustomerSlots } from "../collectors/customers.ts";
import type { TrafficSource } from "../collectors/traffic.ts";
import { RemoteMapper } from "../collectors/zones/remote-mapper.ts";
import type { By } from "../config/by.ts";
import { addressRanges, BY_ADDRESS } from "../customers/address-ranges.ts";
import { joined } from "../customers/counted-sets.ts";
import { CustomerAccounts } from "../customers/customer-accounts.ts";
import { tablesOf } from "../customers/customer-tables.ts";
import { Customers, type Takeover } from "../customers/customers.ts";
import { type LoadedPrefixes, loadPrefixes } from "../customers/load-prefixes.ts";
import { sweepPrefixes } from "../customers/prefix-sweep.ts";
import { ErrorCode, PromtapError } from "../errors.ts";
import type { GeoDatabases } from "../geo/databases.ts";
import type { FurtherCounts } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Range } from "../ledger/ranges.ts";
import { KnownVlans } from "../ledger/vlans/known-vlans.ts";
import type { MakeRoom } from "../ledger/zones/zoning.ts";
import { log } from "../log.ts";
import type { Config } from "./config.ts";
import { judgeDatabases } from "./zones.ts";

/** Most that have series. */
const MAX_CUSTOMERS = 2 ** 20;

/** How customers are told apart, and what tells the page. */
export interface CountedCustomers extends FurtherCounts {
  /** What has series of them, if there are any. */
  readonly series: CustomerSlots | undefined;
  collectors(source: TrafficSource, ledger: Ledger): Collector[];
  /** Goes on by other lists and zones, until that is undone. Throws PromtapError if it can't. */
  use(loaded: LoadedPrefixes, config: Config, traffic: CountingTraffic): Promise<ListsTakeover>;
}

/** What has the traffic counted by other lists. */
export interface CountingTraffic {
  readonly makeRoom: MakeRoom;
  /** Has other customers counted. Throws PromtapError, and those before are. Undefined if that needs a restart. */
  readonly count: ((customers: FurtherCounts) => Promise<void>) | undefined;
}

/** Other lists, the customers that count by them, and the flags of what waits for a restart. */
export interface ListsTakeover extends Takeover {
  readonly customers: CountedCustomers;
  readonly waiting: readonly string[];
}

/** Makes ready to count by lists of prefixes. Throws PromtapError. */
export async function startCustomers(
  config: Config,
  loaded: LoadedPrefixes,
  openDatabases: () => Promise<GeoDatabases>,
): Promise<CountedCustomers> {
  if (loaded.labelled.length === 0) {
    if (!config.isCounted && loaded.byAddress.length > 0) {
      const why = "flows don't tell the sizes of packets, which those of an address have";
      throw new PromtapError(ErrorCode.USAGE, `--range-file with :series=address needs -i: ${why}`);
    }
    return noCustomers(openDatabases);
  }
  const customers = new Customers(countOf(loaded), MAX_CUSTOMERS);
  judgeLabels(config, loaded);
  (await useLists(customers, loaded)).commit();
  if (config.customersBy !== null) return startAccounts(config, config.customersBy, customers, openDatabases);
  const counted: CountedCustomers = {
    zonings: [customers.zoning],
    accounts: undefined,
    series: customers,
    collectors: (source, ledger) => [new CustomersCollector(source, ledger, customers, { bound: CUSTOMERS })],
    async use(next, _, { makeRoom }) {
      return { customers: counted, waiting: [], ...(await useLists(customers, next, makeRoom)) };
    },
  };
  return counted;
}

/** Until there is a list. */
function noCustomers(openDatabases: () => Promise<GeoDatabases>): CountedCustomers {
  const none: CountedCustomers = {
    zonings: [],
    accounts: undefined,
    series: undefined,
    collectors: () => [],
    async use(next, config, { count }) {
      const isListed = next.labelled.length > 0;
      if (!isListed || count === undefined) {
        return { customers: none, waiting: isListed ? ["--range-file"] : [], commit() {}, async undo() {} };
      }
      const customers = await startCustomers(config, next, openDatabases);
      await count(customers);
      return { customers, waiting: [], commit() {}, undo: () => count(none) };
    },
  };
  return none;
}

/** Customers by what is at the other end of their packets. */
async function startAccounts(
  config: Config,
  { labels, maxAccounts, maxVlans }: NonNullable<Config["customersBy"]>,
  customers: Customers,
  openDatabases: () => Promise<GeoDatabases>,
): Promise<CountedCustomers> {
  const remotes = new RemoteMapper(labels, (reason) =>
    log.error("couldn't use a database that changed", { by: "customers", reason }),
  );
  await useZones(remotes, config, openDatabases);
  const by = {
    hasProtocols: labels.includes("protocol"),
    vlans: maxVlans === undefined ? undefined : new KnownVlans(maxVlans),
  };
  const series = new CustomerAccounts(customers, remotes, by, maxAccounts);
  const isTold = config.by !== null || config.features.geoip !== null;
  const counted: CountedCustomers = {
    zonings: [],
    accounts: series.accounts,
    series,
    collectors: (source, ledger) => [
      new CustomersCollector(source, ledger, series, {
        bound: CUSTOMER_ACCOUNTS,
        refresh: () => remotes.refresh(),
        databases: () => (isTold ? undefined : remotes.databases),
      }),
    ],
    async use(next, nextConfig, { makeRoom }) {
      judgeLabels(nextConfig, next);
      const { zones, databases } = remotes;
      // Without zones it waits for a restart that there is no label of that name.
      if (nextConfig.zones.length > 0) await useZones(remotes, nextConfig, openDatabases, makeRoom);
      await using undoing = new AsyncDisposableStack();
      undoing.defer(() => useZonesOf(remotes, zones, databases, makeRoom));
      const lists = await useLists(customers, next, makeRoom);
      undoing.defer(() => lists.undo());
      const undo = undoing.move();
      return { customers: counted, waiting: [], commit: () => lists.commit(), undo: () => undo.disposeAsync() };
    },
  };
  return counted;
}

async function useZones(
  remotes: RemoteMapper,
  config: Config,
  openDatabases: () => Promise<GeoDatabases>,
  makeRoom?: MakeRoom,
): Promise<void> {
  const needed = databasesFor(config);
  const databases = needed.length === 0 ? undefined : await openDatabases();
  if (databases !== undefined) judgeDatabases(databases, needed);
  await useZonesOf(remotes, config.zones, databases, makeRoom);
}

async function useZonesOf(
  remotes: RemoteMapper,
  zones: RemoteMapper["zones"],
  databases: GeoDatabases | undefined,
  makeRoom?: MakeRoom,
): Promise<void> {
  const refusal = await remotes.use(zones, databases, makeRoom);
  if (refusal !== undefined) throw new PromtapError(ErrorCode.HOST, `couldn't use the zones: ${refusal}`);
}

/** What has to be known of addresses to tell customers apart. */
export function databasesFor({ customersBy, zones }: Config): By[] {
  return (["country", "asn"] as const).filter(
    (label) => customersBy?.labels.includes(label) === true || zones.some(({ content }) => content.kind === label),
  );
}

/** Throws a usage error if a list has a label that is made of the other ends of packets. */
function judgeLabels({ customersBy }: Config, loaded: LoadedPrefixes): void {
  const names = loaded.labelled.flatMap(({ labelNames }) => labelNames);
  const taken = customersBy?.labels.find((label) => names.includes(label));
  if (taken === undefined) return;
  throw new PromtapError(
    ErrorCode.USAGE,
    `a list of prefixes has the label ${taken}, which --customers.by=${taken} gives; call it another name there`,
  );
}

async function useLists(customers: Customers, loaded: LoadedPrefixes, makeRoom?: MakeRoom): Promise<Takeover> {
  const tables = loaded.tables ?? tablesOf(sweepPrefixes(joined([])));
  const listed = countOf(loaded);
  const taken = await customers.use(loaded.labelled, tables, makeRoom);
  if (typeof taken !== "string") {
    const { limit } = customers.slots.quota;
    if (listed > limit) log.warn("customers find no room and count as other", { listed, limit });
    return taken;
  }
  throw new PromtapError(ErrorCode.HOST, `couldn't use the lists of prefixes: ${taken}`);
}

/** Different sets of labels. */
function countOf({ labelled }: LoadedPrefixes): number {
  return labelled.reduce((sum, { labels }) => sum + labels.ends.length, 0);
}

/** The ranges that count by address: those of flags, then those of lists. Throws a usage error. */
export function rangesOf({ ranges, by }: Config, { byAddress }: LoadedPrefixes): Range[] {
  const all = [...ranges, ...addressRanges(byAddress)];
  const taken = all.find(({ labels }) => labels.some(([name]) => name === "vlan"));
  if (by?.maxVlans === undefined || taken === undefined) return all;
  const which = `the range ${JSON.stringify(taken.text)}`;
  throw new PromtapError(ErrorCode.USAGE, `${which} can't have the label vlan with --by=vlan, which gives it to all`);
}

/** The prefixes of files and of the configuration file, read. Throws a usage error. */
export async function loadCustomers({ prefixLists, prefixes, isLenient, filePath }: Config): Promise<LoadedPrefixes> {
  return loadPrefixes({ lists: prefixLists, inline: prefixes, inlinePath: filePath ?? "", isLenient });
}

/** What is legal in lists of prefixes, but hardly what was meant; a sentence each. */
export function customerWarnings({ skipped, firstSkipped, repeated, example, covered }: LoadedPrefixes): string[] {
  const warnings: string[] = [];
  if (firstSkipped !== undefined) {
    warnings.push(`skipped ${skipped} lines of prefixes that are wrong, as ${firstSkipped}`);
  }
  if (example !== undefined) {
    const [earlier, later] = example;
    warnings.push(`${repeated} prefixes are repeated, and the first counts: ${later} repeats ${earlier}`);
  }
  if (covered > 0) warnings.push(`${covered} prefixes never count: longer ones have all their addresses`);
  return warnings;
}

/** What was read, in a line for each kind of series; none if nothing was asked for. */
export function customerSummary({ byAddress, labelled, files }: LoadedPrefixes): string[] {
  const from = files.length === 0 ? "" : ` of ${files.length} files`;
  return [...byAddress.map((set) => ({ ...set, series: BY_ADDRESS })), ...labelled].map(
    ({ series, count, labels }) =>
      `prefixes${from}: ${count} by ${series}, with ${labels.ends.length} different sets of labels`,
  );
}
