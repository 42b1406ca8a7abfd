import { setImmediate as nextTurn } from "node:timers/promises";
import type { HostAddresses } from "../../capture/host-addresses.ts";
import type { HostAddress } from "../../capture/netlink-addresses.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import type { GeoDatabase } from "../../geo/database.ts";
import type { GeoDatabases } from "../../geo/databases.ts";
import type { Range } from "../../ledger/ranges.ts";
import { type Interval, surroundings } from "../../ledger/zones/surroundings.ts";
import { ZoneTable } from "../../ledger/zones/zone-table.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import { hasZones, readAll, type SpansByVersion, VERSIONS } from "./database-spans.ts";

/** Told why a new table could not be taken over, so that the one before stays in use. */
export type RefusalListener = (zoning: Zoning, reason: string) => void;

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
  #ranges: readonly Range[] = [];
  /** How often there were others. */
  #reranged = 0;
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
    this.#use(ranges);
    this.#host = host;
  }

  /** Takes other ranges for local, from when the tables are made again. */
  async rerange(ranges: readonly Range[]): Promise<void> {
    this.#use(ranges);
    this.#reranged++;
    await this.#making;
    await this.refresh();
  }

  #use(ranges: readonly Range[]): void {
    // A range of all addresses says nothing of where they are.
    this.#ranges = ranges.filter(({ version, first, last }) => last - first + 1n < 1n << (version === 4 ? 32n : 128n));
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
        .concat(String(this.#reranged))
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

/** Makes a zoning look up addresses there, or returns why it can't. */
async function useSpans(zoning: Zoning, spans: SpansByVersion, around: SpansByVersion): Promise<string | undefined> {
  const ipv4 = around[4].over(spans[4]);
  await nextTurn();
  const ipv6 = around[6].over(spans[6]);
  await nextTurn();
  return zoning.use(new ZoneTable(ipv4, ipv6));
}
