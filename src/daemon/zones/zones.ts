import { HostAddresses } from "../../capture/host-addresses.ts";
import type { Collector } from "../../collectors/collector.ts";
import type { TrafficSource } from "../../collectors/traffic.ts";
import { ZonesCollector } from "../../collectors/zones.ts";
import type { By } from "../../config/by.ts";
import type { Config } from "../../config/config.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import type { GeoDatabases } from "../../geo/databases.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { Zoning } from "../../ledger/zones/zoning.ts";
import { log } from "../../log.ts";
import { openDatabases } from "../databases.ts";
import { ZoneMapper } from "./zone-mapper.ts";

/** More than there are countries; a bound for what a file may make up. */
const MAX_COUNTRIES = 1024;

/** How remote addresses are told apart, and who tells the page. */
export interface Zones {
  readonly zonings: readonly Zoning[];
  collectors(source: TrafficSource, ledger: Ledger): Collector[];
}

const NO_ZONES: Zones = { zonings: [], collectors: () => [] };

/** Makes ready to count by remote address, where the config asks for it. Throws PromtapError. */
export async function startZones(config: Config, parts: AsyncDisposableStack): Promise<Zones> {
  if (config.by === null) return NO_ZONES;
  const { labels, maxAsns } = config.by;
  const databases = await databasesFor(labels, config);
  const zonings = labels.map((label) => new Zoning(label, label === "asn" ? maxAsns : MAX_COUNTRIES));
  // Whose the traffic in a file is, nobody knows.
  const host = config.readPath === null ? parts.use(HostAddresses.open()) : undefined;
  const mapper = new ZoneMapper(zonings, databases, config.ranges, host);
  await mapper.refresh();
  host?.watch(() => {
    mapper.refresh().catch((error) => log.error("couldn't map the addresses", { error: messageOf(error) }));
  });
  return {
    zonings,
    collectors: (source, ledger) => [
      new ZonesCollector(source, ledger, () => mapper.refresh(), config.geoip === null ? databases : undefined),
    ],
  };
}

/** Says what `startZones` would do. Throws PromtapError. */
export async function checkZones(config: Config): Promise<string[]> {
  if (config.by === null) return [];
  const databases = await databasesFor(config.by.labels, config);
  const names = databases.states().map(({ database }) => database.name);
  return [`would count traffic by ${config.by.labels.join(" and ")} of the remote address, with ${names.join(", ")}`];
}

async function databasesFor(labels: readonly By[], config: Config): Promise<GeoDatabases> {
  const databases = await openDatabases(config);
  if (labels.includes("asn") && !databases.hasSystems) {
    throw new PromtapError(ErrorCode.HOST, "couldn't count by asn: no file of --geoip-db has AS numbers");
  }
  if (labels.includes("country") && !databases.hasCountries) {
    throw new PromtapError(
      ErrorCode.HOST,
      "couldn't count by country: there is no database of countries; give --geoip-db",
    );
  }
  return databases;
}
