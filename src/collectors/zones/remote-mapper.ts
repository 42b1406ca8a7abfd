import { setImmediate as nextTurn } from "node:timers/promises";
import type { CustomersBy } from "../../config/customers/customers.ts";
import type { ZoneItem } from "../../config/customers/zone-items.ts";
import { messageOf } from "../../errors.ts";
import type { DatabaseState, GeoDatabases } from "../../geo/databases.ts";
import { MAX_REMOTES } from "../../ledger/accounts/accounts.ts";
import { Spans } from "../../ledger/zones/spans.ts";
import { surroundings } from "../../ledger/zones/surroundings.ts";
import { Zone } from "../../ledger/zones/zone.ts";
import { ZoneTable } from "../../ledger/zones/zone-table.ts";
import { type MakeRoom, Zoning } from "../../ledger/zones/zoning.ts";
import { labelText } from "../../page/labels.ts";
import { hasZones, readAll, type SpansByVersion, VERSIONS } from "./database-spans.ts";
import { type DatabaseZones, RemoteZones } from "./remote-zones.ts";

/** Stands for the generation of no databases. */
const NEVER = -1;

type RemoteLabel = Exclude<CustomersBy, "protocol" | "vlan">;

/** What all addresses are by one label. */
interface Dimension {
  readonly label: RemoteLabel;
  readonly spans: SpansByVersion;
  nameOf(zone: number): string;
}

/**
 * Makes the table of what the other ends of customers' packets are, by all labels asked for at once: each combination
 * that there is has a number. It says nothing of the host, so that a file gives what the interface gave.
 */
export class RemoteMapper {
  /** Its zones are named by their labels, as the page has them. */
  readonly zoning = new Zoning("remote", 0, MAX_REMOTES);
  readonly #labels: readonly RemoteLabel[];
  readonly #onRefusal: (reason: string) => void;
  #zones: readonly ZoneItem[] = [];
  #databases: GeoDatabases | undefined;
  /** Of the databases that were last mapped, used or not. */
  #generation = NEVER;
  #making: Promise<unknown> = Promise.resolve();

  /** `onRefusal` is told why databases that changed can't be used. */
  constructor(labels: readonly CustomersBy[], onRefusal: (reason: string) => void) {
    this.#labels = labels.filter((label) => label !== "protocol" && label !== "vlan");
    this.#onRefusal = onRefusal;
  }

  /** The labels of what found no place. */
  get otherLabels(): string {
    return this.#labels.map((label) => labelText(label, "other")).join(",");
  }

  /** Takes databases that changed. */
  async refresh(): Promise<void> {
    await this.#databases?.reload();
    if (this.#isCurrent()) return;
    try {
      // Another config may have come before its turn.
      const refusal = await this.#inTurn(async () =>
        this.#isCurrent() ? undefined : this.#use(this.#zones, this.#databases),
      );
      if (refusal !== undefined) this.#onRefusal(refusal);
    } catch (error) {
      this.#onRefusal(messageOf(error));
    }
  }

  /**
   * From now on these zones and databases count. Returns why that can't be: then those before stay. Throws what `makeRoom`
   * throws, likewise.
   */
  async use(
    zones: readonly ZoneItem[],
    databases: GeoDatabases | undefined,
    makeRoom?: MakeRoom,
  ): Promise<string | undefined> {
    return this.#inTurn(() => this.#use(zones, databases, makeRoom));
  }

  /** Those in use. */
  get zones(): readonly ZoneItem[] {
    return this.#zones;
  }

  /** Undefined: nothing is looked up there. */
  get databases(): GeoDatabases | undefined {
    return this.#databases;
  }

  /** Whether the databases in use were mapped as they are now, used or not. */
  #isCurrent(): boolean {
    return generationOf(this.#databases) === this.#generation;
  }

  /** Makes one table after the other. */
  async #inTurn(make: () => Promise<string | undefined>): Promise<string | undefined> {
    const making = this.#making.then(make);
    this.#making = making.catch(() => undefined);
    return making;
  }

  async #use(
    zones: readonly ZoneItem[],
    databases: GeoDatabases | undefined,
    makeRoom?: MakeRoom,
  ): Promise<string | undefined> {
    const generation = generationOf(databases);
    // Nobody waits for the same meanwhile.
    if (zones === this.#zones && databases === this.#databases) this.#generation = generation;
    const refusal = await this.zoning.changeInTurns(await this.#tableOf(zones, databases), nextTurn, makeRoom);
    if (refusal !== undefined) return refusal;
    this.#zones = zones;
    this.#databases = databases;
    this.#generation = generation;
    return undefined;
  }

  async #tableOf(zones: readonly ZoneItem[], databases: GeoDatabases | undefined): Promise<ZoneTable> {
    const dimensions = await this.#dimensions(new RemoteZones(zones), databases?.states() ?? []);
    const [ipv4, ipv6] = [await this.#combined(dimensions, 4), await this.#combined(dimensions, 6)];
    return new ZoneTable(ipv4, ipv6);
  }

  async #dimensions(zones: RemoteZones, states: readonly DatabaseState[]): Promise<Dimension[]> {
    const [countries, systems] = [await this.#read("country", zones, states), await this.#read("asn", zones, states)];
    const all: Dimension[] = [];
    for (const label of this.#labels) {
      const of = label === "asn" ? systems : countries;
      const [ipv4, ipv6] = VERSIONS.map((version) =>
        label === "zone"
          ? zones.spans(version, systems, countries)
          : surroundings(version, [], []).over(of!.spans[version]),
      );
      const nameOf = (zone: number): string => (label === "zone" ? zones.nameOf(zone) : of!.zoning.nameOf(zone));
      all.push({ label, spans: { 4: ipv4!, 6: ipv6! }, nameOf });
      await nextTurn();
    }
    return all;
  }

  /** What databases say of all addresses, if a label or a zone asks for it. */
  async #read(
    label: "country" | "asn",
    zones: RemoteZones,
    states: readonly DatabaseState[],
  ): Promise<DatabaseZones | undefined> {
    if (!this.#labels.includes(label) && !zones.has(label)) return undefined;
    const zoning = new Zoning(label, 0);
    const databases = states.flatMap(({ database }) => (hasZones(database, zoning) ? database : []));
    return { zoning, spans: await readAll(databases, zoning) };
  }

  /** All addresses by what they are in all dimensions together. */
  async #combined(dimensions: readonly Dimension[], version: 4 | 6): Promise<Spans> {
    if (dimensions.length === 0) return Spans.all(version, Zone.UNKNOWN);
    let spans = Spans.all(version, 0);
    let combinations: Combination[] = [{ labels: "", isTranslated: true }];
    for (const dimension of dimensions) {
      const further = new Combinations(combinations, dimension);
      spans = spans.with(dimension.spans[version], (combination, zone) => further.numberOf(combination, zone));
      combinations = further.all;
      await nextTurn();
    }
    const zones = combinations.map(({ labels, isTranslated }) =>
      isTranslated ? Zone.TRANSLATED : this.zoning.zoneOf(labels),
    );
    return spans.mapped((combination) => zones[combination]!);
  }
}

function generationOf(databases: GeoDatabases | undefined): number {
  return databases?.generation ?? NEVER;
}

interface Combination {
  readonly labels: string;
  /** Whether no dimension knows more than that it is IPv4 behind NAT64. */
  readonly isTranslated: boolean;
}

/** Those that there were, each with the zones of a further dimension. */
class Combinations {
  readonly all: Combination[] = [];
  readonly #before: readonly Combination[];
  readonly #dimension: Dimension;
  readonly #numbers: Map<number, number>[];

  constructor(before: readonly Combination[], dimension: Dimension) {
    this.#before = before;
    this.#dimension = dimension;
    this.#numbers = before.map(() => new Map());
  }

  numberOf(combination: number, zone: number): number {
    const numbers = this.#numbers[combination]!;
    const known = numbers.get(zone);
    if (known !== undefined) return known;
    const { labels, isTranslated } = this.#before[combination]!;
    const isIpv4 = zone === Zone.TRANSLATED;
    const { label } = this.#dimension;
    const name = this.#dimension.nameOf(isIpv4 ? Zone.UNKNOWN : zone);
    numbers.set(zone, this.all.length);
    this.all.push({
      labels: `${labels}${labels === "" ? "" : ","}${labelText(label, name)}`,
      isTranslated: isTranslated && isIpv4,
    });
    return this.all.length - 1;
  }
}
