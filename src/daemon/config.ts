import { bySection } from "../config/by.ts";
import { captureSection } from "../config/capture.ts";
import { type CustomersConfig, customersSection } from "../config/customers/customers.ts";
import { type Flag, type GivenFlags, refuseConflicts, usageError } from "../config/flag.ts";
import { type DatabasesConfig, databasesSection } from "../config/databases.ts";
import { webSection } from "../config/listen.ts";
import { logSection } from "../config/logging.ts";
import { fileSection, helpSection, outputSection } from "../config/output.ts";
import { type InlinePrefix, type PrefixListsConfig, prefixListsSection } from "../config/prefix-lists.ts";
import type { Section, ValueOf } from "../config/section.ts";
import { trafficSection } from "../config/traffic.ts";
import type { Guise } from "../personalities/guise.ts";
import { stateSection } from "../state/section.ts";
import { FEATURES, type FeatureValues } from "./features.ts";

const featureSections = Object.values(FEATURES).map(({ section }): Section => section);

/** All sections, in the order of the help; those of one title stand together. */
export const SECTIONS: readonly Section[] = [
  trafficSection,
  prefixListsSection,
  customersSection,
  bySection,
  captureSection,
  ...featureSections,
  databasesSection,
  outputSection,
  stateSection,
  webSection,
  logSection,
  fileSection,
  helpSection,
];

export const ALL_FLAGS: readonly Flag[] = SECTIONS.flatMap(({ flags }) => flags).filter(
  // Features share the flags of the brokers.
  (flag, index, all) => all.indexOf(flag) === index,
);

/** What the command line asks for; every value in it is legal. */
export type Config = ValueOf<typeof trafficSection> &
  ValueOf<typeof captureSection> &
  ValueOf<typeof outputSection> &
  ValueOf<typeof webSection> &
  ValueOf<typeof logSection> &
  ValueOf<typeof fileSection> &
  PrefixListsConfig &
  CustomersConfig & {
    /** Prefixes that stand in the configuration file. */
    readonly prefixes: readonly InlinePrefix[];
    /** How traffic is counted by remote address. */
    readonly by: ValueOf<typeof bySection>;
    readonly geoDatabases: DatabasesConfig;
    /** Where counts are kept from run to run. */
    readonly state: ValueOf<typeof stateSection>;
    /** Whether traffic is counted, live or from a file. */
    readonly isCounted: boolean;
    readonly features: FeatureValues;
    /** How it looks from outside, if it takes the place of another program. */
    readonly guise?: Guise;
  };

/** The files that a config was read from. */
export function filesOf({ filePath, prefixLists }: Config): string[] {
  return [...(filePath === null ? [] : [filePath]), ...prefixLists.map(({ path }) => path)];
}

/** Whether another config may take its place: what that needs is not known yet. */
export function mayChange(config: Config): boolean {
  return filesOf(config).length > 0;
}

/** Judges the flags given and fills in the defaults; throws a usage error, in one line, at the first that is not legal. */
export function configOf(given: GivenFlags, prefixes: readonly InlinePrefix[] = []): Config {
  refuseConflicts(ALL_FLAGS, given);
  if (given.has("bill-days") && prefixes.length === 0 && !given.has("range-file")) {
    throw usageError("--bill-days needs --range-file: nothing says who is a customer");
  }
  const alone = Object.values(FEATURES)
    .flatMap(({ standsAlone }) => standsAlone ?? [])
    .find((name) => given.has(name));
  const isCounted = alone === undefined || given.has("interface") || given.has("read");
  if (!isCounted) refusePointless(given, alone);
  return {
    ...trafficSection.read(given),
    ...captureSection.read(given),
    ...outputSection.read(given),
    ...webSection.read(given),
    ...logSection.read(given),
    ...prefixListsSection.read(given),
    ...customersOf(given, prefixes),
    ...fileSection.read(given),
    prefixes,
    by: bySection.read(given),
    geoDatabases: databasesSection.read(given),
    state: stateSection.read(given),
    isCounted,
    features: featureValuesOf(given),
  };
}

/** How customers are told apart, of whom there must be some. */
function customersOf(given: GivenFlags, prefixes: readonly InlinePrefix[]): CustomersConfig {
  const values = customersSection.read(given);
  if (values.customersBy === null || prefixes.length > 0 || given.has("range-file")) return values;
  throw usageError("--customers.by needs --range-file: nothing says who is a customer");
}

function featureValuesOf(given: GivenFlags): FeatureValues {
  const entries = Object.entries(FEATURES).map(([name, { section }]) => [name, section.read(given)]);
  return Object.fromEntries(entries) as FeatureValues;
}

/**
 * Refuses flags that say how traffic is counted if it is not: with the flag `alone`, it has to be asked for. What
 * exporters report is counted by customer and by remote address, for which ranges say what is local.
 */
function refusePointless(given: GivenFlags, alone: string): void {
  const isReported = given.has("flow-listen");
  const ofReported = isReported ? [prefixListsSection, customersSection, bySection].flatMap(({ flags }) => flags) : [];
  const pointless = [trafficSection, prefixListsSection, customersSection, bySection, captureSection]
    .flatMap(({ flags }) => flags)
    .filter((flag) => !ofReported.includes(flag) && !(isReported && flag.name === "range" && given.has("by")))
    .find(({ name, isOfTraffic }) => isOfTraffic === true && given.has(name))?.name;
  const flag = bySection.read(given)?.maxVlans === undefined ? pointless : "by=vlan";
  if (flag === undefined) return;
  throw usageError(`--${flag} needs -i: with --${alone}, traffic is counted only if -i asks for it`);
}
