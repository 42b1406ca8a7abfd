import type { Collector } from "../collectors/collector.ts";
import { CustomersCollector } from "../collectors/customers.ts";
import type { TrafficSource } from "../collectors/traffic.ts";
import { addressRanges, BY_ADDRESS } from "../customers/address-ranges.ts";
import { joined } from "../customers/counted-sets.ts";
import { tablesOf } from "../customers/customer-tables.ts";
import { Customers } from "../customers/customers.ts";
import { type LoadedPrefixes, loadPrefixes } from "../customers/load-prefixes.ts";
import { ErrorCode, PromtapError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Range } from "../ledger/ranges.ts";
import type { Zoning } from "../ledger/zones/zoning.ts";
import type { Config } from "./config.ts";

/** Most that have series. */
const MAX_CUSTOMERS = 2 ** 20;

/** How customers are told apart, and what tells the page. */
export interface CountedCustomers {
  readonly zonings: readonly Zoning[];
  collectors(source: TrafficSource, ledger: Ledger): Collector[];
  /** Goes on by other lists. Returns the flags of what waits for a restart. Throws PromtapError if it can't. */
  use(loaded: LoadedPrefixes): Promise<string[]>;
}

/** Makes ready to count by lists of prefixes. Throws PromtapError. */
export async function startCustomers(loaded: LoadedPrefixes): Promise<CountedCustomers> {
  if (loaded.labelled.length === 0) {
    return {
      zonings: [],
      collectors: () => [],
      use: async (next) => (next.labelled.length === 0 ? [] : ["--range-file"]),
    };
  }
  const expected = loaded.labelled.reduce((sum, { labels }) => sum + labels.ends.length, 0);
  const customers = new Customers(expected, MAX_CUSTOMERS);
  await useLists(customers, loaded);
  return {
    zonings: [customers.zoning],
    collectors: (source, ledger) => [new CustomersCollector(source, ledger, customers)],
    async use(next) {
      await useLists(customers, next);
      return [];
    },
  };
}

async function useLists(customers: Customers, loaded: LoadedPrefixes): Promise<void> {
  const tables = loaded.tables ?? tablesOf(joined([]));
  const refusal = await customers.use(loaded.labelled, tables);
  if (refusal !== undefined) throw new PromtapError(ErrorCode.HOST, `couldn't use the lists of prefixes: ${refusal}`);
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
