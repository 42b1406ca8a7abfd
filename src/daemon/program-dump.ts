import { isRealtime, possibleCpus } from "../capture/bpf/cpus.ts";
import { listProgram } from "../capture/bpf/program-listing.ts";
import { Hook } from "../capture/bpf/program/program.ts";
import { EngineName } from "../capture/engine.ts";
import type { Link } from "../capture/links.ts";
import { RangeTable } from "../ledger/ranges.ts";
import { presentLinks } from "./capturing.ts";
import type { Config } from "./config.ts";
import { loadCustomers, rangesOf, startCustomers } from "./customers.ts";
import { Parts } from "./parts.ts";
import { SharedDatabases, startZones } from "./zones.ts";

type LinkKind = Pick<Link, "isEthernet" | "isLoopback">;

/** What is printed if no interface is there yet. */
const ETHERNET: LinkKind = { isEthernet: true, isLoopback: false };

/**
 * Lines of the programs that the engine tcx, or else bpf, would load: one for each kind of interface that is there. Needs
 * no right. Throws PromtapError.
 */
export async function dumpPrograms(config: Config): Promise<string[]> {
  await using parts = new Parts();
  const loaded = await loadCustomers(config);
  const ranges = new RangeTable(rangesOf(config, loaded));
  const databases = new SharedDatabases(config.geoDatabases).open;
  const zones = await startZones(config, ranges.ranges, databases, parts);
  const customers = await startCustomers(config, loaded, databases);
  const zonings = [...zones.zonings, ...customers.zonings];
  const links = presentLinks(config);
  const sharing = { siblings: Math.max(links.length, 1), cpus: possibleCpus(), isRealtime: isRealtime() };
  const isTcx = config.engine === EngineName.TCX;
  const lines: string[] = [];
  for (const [{ isEthernet, isLoopback }, names] of kindsOf(links)) {
    const program = {
      hook: isTcx ? Hook.TCX : Hook.SOCKET,
      isEthernet,
      ignoreOutgoing: isLoopback,
      maxAddresses: config.maxAddresses,
      wireSizes: config.wireSizes,
      opensTunnels: config.opensTunnels,
      zonings,
      accounts: customers.accounts,
      maxVlans: config.by?.maxVlans,
    };
    const where = names.length === 0 ? "on an interface with Ethernet headers" : `on ${names.join(", ")}`;
    lines.push(`; engine ${isTcx ? EngineName.TCX : EngineName.BPF} ${where}`);
    lines.push(...listProgram(program, ranges, sharing).trimEnd().split("\n"));
  }
  return lines;
}

/** Kinds of interfaces that have programs of their own, with the names of those. */
function kindsOf(links: readonly Link[]): [LinkKind, string[]][] {
  if (links.length === 0) return [[ETHERNET, []]];
  const groups = Map.groupBy(links, ({ isEthernet, isLoopback }) => `${isEthernet} ${isLoopback}`);
  return [...groups.values()].map((alike) => [alike[0]!, alike.map(({ name }) => name)]);
}
