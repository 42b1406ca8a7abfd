import { HostAddresses } from "../capture/host-addresses.ts";
import type { Collector } from "../collectors/collector.ts";
import type { TrafficSource } from "../collectors/traffic.ts";
import { ZonesCollector } from "../collectors/zones/zones.ts";
import type { By } from "../config/by.ts";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import type { DatabasesConfig } from "../config/databases.ts";
import { GeoDatabases } from "../geo/databases.ts";
import { readAsset } from "../native/asset.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Range } from "../ledger/ranges.ts";
import { FIRST_NAMED } from "../ledger/zones/zone.ts";
import { Zoning } from "../ledger/zones/zoning.ts";
import { log } from "../log.ts";
import type { Config } from "./config.ts";
import { ZoneMapper } from "../collectors/zones/zone-mapper.ts";
import type { Parts } from "./parts.ts";

/** Codes of two letters. */
const MAX_COUNTRIES = 26 * 26;

/** How remote addresses are told apart, and what tells the page. */
export interface Zones {
  readonly zonings: readonly Zoning[];
  collectors(source: TrafficSource, ledger: Ledger): Collector[];
  /** Takes other ranges for local. */
  rerange(ranges: readonly Range[]): Promise<void>;
  /** Lines that say what is counted, for a check. */
  summary(): string[];
}

const NO_ZONES: Zones = { zonings: [], collectors: () => [], async rerange() {}, summary: () => [] };

/** Makes ready to count by remote address, if the config asks for it. `ranges` are local. Throws PromtapError. */
export async function startZones(
  config: Config,
  ranges: readonly Range[],
  openDatabases: () => Promise<GeoDatabases>,
  parts: Parts,
): Promise<Zones> {
  if (config.by === null || config.by.labels.length === 0) return NO_ZONES;
  const { labels, maxAsns } = config.by;
  const databases = await openDatabases();
  judgeDatabases(databases, labels);
  const zonings = labels.map((label) =>
    label === "asn" ? new Zoning(label, maxAsns) : new Zoning(label, MAX_COUNTRIES, FIRST_NAMED + MAX_COUNTRIES),
  );
  // Whose traffic is in a file is not known.
  const host = config.readPath === null ? parts.use("addresses of the host", HostAddresses.open()) : undefined;
  const mapper = new ZoneMapper(zonings, databases, ranges, host, ({ label }, reason) =>
    log.error("couldn't use what changed", { by: label, reason }),
  );
  await mapper.refresh();
  host?.watch(() => {
    mapper.refresh().catch((error) => log.error("couldn't map the addresses", { error: messageOf(error) }));
  });
  return {
    zonings,
    collectors: (source, ledger) => [
      new ZonesCollector(source, ledger, mapper, config.features.geoip === null ? databases : undefined),
    ],
    rerange: (ranges) => mapper.rerange(ranges),
    summary() {
      const names = databases.states().map(({ database }) => database.name);
      return [`counts traffic by ${labels.join(" and ")} of the remote address, with ${names.join(", ")}`];
    },
  };
}

/** Throws PromtapError if the databases don't have what these ask for. */
export function judgeDatabases(databases: GeoDatabases, labels: readonly By[]): void {
  if (labels.includes("asn") && !databases.hasSystems) {
    throw new PromtapError(ErrorCode.HOST, "couldn't count by asn: no file of --geoip-db has AS numbers");
  }
  if (labels.includes("country") && !databases.hasCountries) {
    throw new PromtapError(
      ErrorCode.HOST,
      "couldn't count by country: there is no database of countries; give --geoip-db",
    );
  }
}

/** The databases in files, or the one that the binary carries: opened when they are first asked for, once for all users. */
export class SharedDatabases {
  #config: DatabasesConfig;
  #opening: Promise<GeoDatabases> | undefined;
  #opened: GeoDatabases | undefined;

  constructor(config: DatabasesConfig) {
    this.#config = config;
  }

  /** Undefined until they are needed. */
  get opened(): GeoDatabases | undefined {
    return this.#opened;
  }

  /** Throws PromtapError, and tries again when they are asked for the next time. */
  readonly open = async (): Promise<GeoDatabases> => {
    this.#opening ??= open(this.#config);
    try {
      return (this.#opened = await this.#opening);
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  };

  /** Has others opened, if none are yet. Returns what takes that back from all users. */
  use(config: DatabasesConfig): () => void {
    if (this.#opened !== undefined) return () => {};
    const before = this.#config;
    this.#config = config;
    return () => {
      this.#config = before;
      this.#opening = undefined;
      this.#opened = undefined;
    };
  }
}

function open({ paths, takesRegistered }: DatabasesConfig): Promise<GeoDatabases> {
  return GeoDatabases.open(
    paths,
    () => readAsset("iptoasn-country.mmdb"),
    (database, error) => {
      if (error === undefined) log.info("database read again", { database });
      else log.error("database changed, the one before stays in use", { database, error });
    },
    takesRegistered,
  );
}
