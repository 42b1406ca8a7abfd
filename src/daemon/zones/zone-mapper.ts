import { setImmediate as nextTurn } from "node:timers/promises";
import type { HostAddresses } from "../../capture/host-addresses.ts";
import type { HostAddress } from "../../capture/netlink-addresses.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import type { GeoDatabase } from "../../geo/database.ts";
import type { GeoDatabases } from "../../geo/databases.ts";
import { walkNetworks } from "../../geo/networks.ts";
import type { Range } from "../../ledger/ranges.ts";
import { NO_ZONE, Spans } from "../../ledger/zones/spans.ts";
import { type Interval, leftovers, surroundings } from "../../ledger/zones/surroundings.ts";
import { ZoneTable } from "../../ledger/zones/zone-table.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";

const VERSIONS = [4, 6] as const;

/** Told why a new table could not be taken over, so that the one before stays in use. */
export type RefusalListener = (zoning: Zoning, reason: string) => void;

/** What is said of all addresses. */
type SpansByVersion = Readonly<Record<4 | 6, Spans>>;

/** The host's addresses, and what it makes of all. */
interface Around {
  readonly addresses: string;
  readonly spans: SpansByVersion;
}

/** What one zoning is made of. */
interface Mapped {
  readonly spans: SpansByVersion;
  /** That were last read, used or not. */
  readonly databases: readonly GeoDatabase[];
  /** That were last put over them, used or not. */
  readonly addresses: string;
  /** Whether they are what is used. */
  readonly hasDatabases: boolean;
  /** Whether all addresses of the host are in its table. */
  readonly hasAddresses: boolean;
}

/**
 * Makes the tables in which the zones of addresses are looked up, from the databases and from what is local: the host's
 * addresses, if it is known whose the traffic is, and the ranges that are accounted.
 */
export class ZoneMapper {
  readonly #zonings: readonly Zoning[];
  readonly #databases: GeoDatabases;
  readonly #ranges: readonly Range[];
  readonly #host: Pick<HostAddresses, "all"> | undefined;
  readonly #onRefusal: RefusalListener;
  readonly #mapped = new Map<Zoning, Mapped>();
  /** What the tables in use were made of. */
  #made = "";
  #making: Promise<void> | undefined;

  constructor(
    zonings: readonly Zoning[],
    databases: GeoDatabases,
    ranges: readonly Range[],
    host: Pick<HostAddresses, "all"> | undefined,
    onRefusal: RefusalListener,
  ) {
    this.#onRefusal = onRefusal;
    this.#zonings = zonings;
    this.#databases = databases;
    // A range of all addresses says nothing of where they are.
    this.#ranges = ranges.filter(({ version, first, last }) => last - first + 1n < 1n << (version === 4 ? 32n : 128n));
    this.#host = host;
  }

  /**
   * Reads databases that changed, and makes the tables again if what they are made of is another now. Throws
   * PromtapError if there is no table yet and none can be made.
   */
  async refresh(): Promise<void> {
    this.#making ??= this.#refresh().finally(() => (this.#making = undefined));
    await this.#making;
  }

  /** Whether what the databases and the host hold now is what is looked up. */
  isCurrent(zoning: Zoning): boolean {
    const mapped = this.#mapped.get(zoning);
    return mapped !== undefined && mapped.hasDatabases && mapped.hasAddresses;
  }

  async #refresh(): Promise<void> {
    await this.#databases.reload();
    // Addresses may come while tables are made.
    for (;;) {
      const { generation } = this.#databases;
      const addresses = this.#host?.all() ?? [];
      const key = addresses
        .map(({ version, value, isBroadcast }) => `${version} ${value} ${isBroadcast}`)
        .sort()
        .join();
      const of = `${generation} ${key}`;
      if (of === this.#made) return;
      const around = { addresses: key, spans: this.#around(addresses) };
      for (const zoning of this.#zonings) await this.#map(zoning, around);
      this.#made = of;
    }
  }

  #around(addresses: readonly HostAddress[]): SpansByVersion {
    const [own, broadcast] = [false, true].map((kind) =>
      addresses
        .filter(({ isBroadcast }) => isBroadcast === kind)
        .map(({ version, value }): Interval => ({ version, first: value, last: value })),
    );
    const [ipv4, ipv6] = VERSIONS.map((version) => surroundings(version, [...own!, ...this.#ranges], broadcast!));
    return { 4: ipv4!, 6: ipv6! };
  }

  async #map(zoning: Zoning, around: Around): Promise<void> {
    const { addresses } = around;
    const databases = this.#databases.states().flatMap(({ database }) => (hasZones(database, zoning) ? database : []));
    const before = this.#mapped.get(zoning);
    // A file that had only AS numbers before may have countries now.
    const isRead =
      databases.length === before?.databases.length &&
      databases.every((database) => before.databases.includes(database));
    if (isRead && before.addresses === addresses) return;
    const spans = isRead ? undefined : await this.#useDatabases(zoning, databases, around.spans, before === undefined);
    if (spans !== undefined) {
      this.#mapped.set(zoning, { spans, databases, addresses, hasDatabases: true, hasAddresses: true });
      return;
    }
    // Here there is one before: without it, the databases were used or it threw.
    const { hasDatabases, hasAddresses } = before!;
    const refusal = await useSpans(zoning, before!.spans, around.spans);
    if (refusal !== undefined && hasAddresses) this.#onRefusal(zoning, refusal);
    this.#mapped.set(zoning, {
      spans: before!.spans,
      databases,
      addresses,
      hasDatabases: hasDatabases && isRead,
      hasAddresses: refusal === undefined,
    });
  }

  /** Returns what the databases say, or undefined if that cannot be used. */
  async #useDatabases(
    zoning: Zoning,
    databases: readonly GeoDatabase[],
    around: SpansByVersion,
    isFirst: boolean,
  ): Promise<SpansByVersion | undefined> {
    try {
      const spans = await readAll(databases, zoning);
      const refusal = await useSpans(zoning, spans, around);
      if (refusal === undefined) return spans;
      this.#onRefusal(zoning, refusal);
    } catch (error) {
      const reason = messageOf(error);
      if (isFirst) throw new PromtapError(ErrorCode.HOST, `couldn't use a database: ${reason}`, { cause: error });
      this.#onRefusal(zoning, reason);
    }
    return undefined;
  }
}

/** What databases say together; the first one that knows an address has the word. */
async function readAll(databases: readonly GeoDatabase[], zoning: Zoning): Promise<SpansByVersion> {
  const made: Spans[] = [];
  for (const version of VERSIONS) {
    let all = leftovers(version);
    for (const database of databases.toReversed()) {
      all = (await readSpans(database, zoning, version)).over(all);
      await nextTurn();
    }
    made.push(all);
  }
  return { 4: made[0]!, 6: made[1]! };
}

/** Makes a zoning look up addresses there, or returns why it can't. */
async function useSpans(zoning: Zoning, spans: SpansByVersion, around: SpansByVersion): Promise<string | undefined> {
  const ipv4 = around[4].over(spans[4]);
  await nextTurn();
  const ipv6 = around[6].over(spans[6]);
  await nextTurn();
  return zoning.use(new ZoneTable(ipv4, ipv6));
}

function hasZones({ contents }: GeoDatabase, zoning: Zoning): boolean {
  return zoning.label === "asn" ? contents.hasSystems : contents.hasCountries;
}

/** The zones that a database gives to all addresses of a version; NO_ZONE if it says nothing. */
async function readSpans(database: GeoDatabase, zoning: Zoning, version: 4 | 6): Promise<Spans> {
  const spans = new Spans(version);
  const zones = new Map<number, number>([[0, NO_ZONE]]);
  const zoneAt = (pointer: number): number => {
    let zone = zones.get(pointer);
    if (zone === undefined) {
      zone = zoneOf(database, zoning, pointer);
      zones.set(pointer, zone);
    }
    return zone;
  };
  const walk = walkNetworks(database.tree, version, (word0, word1, word2, word3, pointer) => {
    spans.add(word0, word1, word2, word3, zoneAt(pointer));
  });
  for (const _ of walk) await nextTurn();
  return spans;
}

function zoneOf(database: GeoDatabase, zoning: Zoning, pointer: number): number {
  if (zoning.label === "country") {
    const country = database.countryAt(pointer);
    return country === undefined ? NO_ZONE : zoning.zoneOf(country.code);
  }
  const system = database.systemAt(pointer);
  if (system === undefined) return NO_ZONE;
  const zone = zoning.zoneOf(String(system.number));
  zoning.describe(zone, system.name);
  return zone;
}
