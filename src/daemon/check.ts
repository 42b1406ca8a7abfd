import { createServer } from "node:net";
import { EngineName } from "../capture/engine.ts";
import { checkLinks } from "../capture/pcap/check-links.ts";
import { LiveFilter } from "../capture/pcap/live-filter.ts";
import { pcapFilter } from "../capture/pcap/pcap-engine.ts";
import { openSavefile } from "../capture/savefile/savefile.ts";
import { selectEngine } from "../capture/select.ts";
import type { GeoDatabases } from "../geo/databases.ts";
import { type ListenAddress, listen } from "../http/listener.ts";
import { Ledger } from "../ledger/ledger.ts";
import { RangeTable } from "../ledger/ranges.ts";
import { log } from "../log.ts";
import { effectiveCapabilities, listCapabilities } from "../native/capabilities.ts";
import { engineKinds, presentLinks } from "./capturing.ts";
import type { Config } from "./config.ts";
import {
  type CountedCustomers,
  customerSummary,
  customerWarnings,
  loadCustomers,
  rangesOf,
  startCustomers,
} from "./customers.ts";
import { SharedDatabases } from "./zones.ts";
import { checkFeatures, judgeFeatures } from "./features.ts";
import { requireLibc } from "../native/libc.ts";
import { Parts } from "./parts.ts";
import { describeState, statePath } from "../state/state-keeper.ts";
import { addressesOf } from "./systemd/passed-sockets.ts";
import { dumpPrograms } from "./program-dump.ts";
import { warningsOf } from "./warnings.ts";
import { openRules } from "../web/rules.ts";
import { startZones } from "./zones.ts";

/** Says what `run` would do, a line each, after trying everything but to count. Throws PromtapError. */
export async function check(config: Config): Promise<string[]> {
  if (config.dumpProgram) return dumpPrograms(config);
  judgeFeatures(config.features, config);
  const customers = await loadCustomers(config);
  const summary = customerSummary(customers);
  const databases = new SharedDatabases(config.geoDatabases).open;
  const counted = await startCustomers(config, customers, databases);
  const ranges = new RangeTable(rangesOf(config, customers));
  return [
    ...[...warningsOf(config, ranges), ...customerWarnings(customers)].map((warning) => `warning: ${warning}`),
    ...(config.isCounted
      ? await checkTraffic(config, ranges, counted, databases)
      : await checkReports(config, ranges, databases)),
    ...summary,
    ...(await checkFeatures(config.features, { ...config, log, databases })),
    ...(config.once ? [] : await checkRules(config)),
    ...(config.state === null ? [] : [await describeState(statePath(config.state.path))]),
    ...(config.triesNoAddress ? [] : [await checkAddresses(config)]),
  ];
}

async function checkAddresses(config: Config): Promise<string> {
  if (config.once) return "would print one page";
  return `would listen on ${(await tryAddresses(addressesOf(config))).join(", ")}`;
}

async function checkTraffic(
  config: Config,
  ranges: RangeTable,
  { zonings, accounts }: CountedCustomers,
  databases: () => Promise<GeoDatabases>,
): Promise<string[]> {
  await using parts = new Parts();
  const zones = await startZones(config, ranges.ranges, databases, parts);
  const ledger = new Ledger(ranges, config.maxAddresses, [...zones.zonings, ...zonings], {
    ...config,
    accounts,
    maxVlans: config.by?.maxVlans,
  });
  return [
    ...(config.readPath === null ? await checkCapture(config, ledger) : [await checkFile(config.readPath)]),
    `ranges: ${config.ranges.length}, with ${ranges.groups} different sets of labels`,
    `at most ${config.maxAddresses} addresses have series`,
    ...zones.summary(),
  ];
}

/** What is counted of traffic that others report. */
async function checkReports(
  config: Config,
  ranges: RangeTable,
  databases: () => Promise<GeoDatabases>,
): Promise<string[]> {
  await using parts = new Parts();
  return (await startZones(config, ranges.ranges, databases, parts)).summary();
}

async function checkCapture(config: Config, ledger: Ledger): Promise<string[]> {
  requireLibc();
  const interfaces = presentLinks(config).length;
  const { kind, refusals } = await selectEngine(config.engine, engineKinds(config, ledger), interfaces);
  const filter = kind.name === EngineName.PCAP ? new LiveFilter(pcapFilter(config.filter)) : undefined;
  return [
    ...checkLinks("capture", config.interfaces, filter),
    `engine: ${kind.name}`,
    ...refusals.map((refusal) => `refused: ${refusal}`),
    `capabilities needed: ${listCapabilities(kind.needs)}; kept after start: ${listCapabilities(kind.keeps)}`,
    `capabilities here: ${listCapabilities(effectiveCapabilities())}`,
  ];
}

/** A pipe is left to the program that would read it. */
async function checkFile(path: string): Promise<string> {
  await using file = openSavefile(path);
  if (!file.isPipe) await file.recognize();
  return `would read ${path}`;
}

async function checkRules(config: Config): Promise<string[]> {
  await using rules = await openRules(config, () => {});
  return rules.file === undefined ? [] : [rules.file.summary];
}

/** Listens on all addresses for a moment; returns them as bound. */
async function tryAddresses(addresses: readonly ListenAddress[]): Promise<string[]> {
  await using servers = new AsyncDisposableStack();
  const bound: string[] = [];
  for (const address of addresses) {
    const server = servers.use(createServer((socket) => socket.destroy()));
    const listening = await listen(server, address);
    servers.defer(() => listening.release());
    bound.push(listening.address);
  }
  return bound;
}
