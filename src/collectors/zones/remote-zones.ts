import type { ZoneItem } from "../../config/customers/zone-items.ts";
import { cutSegments } from "../../ledger/segments.ts";
import { NO_ZONE, Spans } from "../../ledger/zones/spans.ts";
import { type Interval, leftovers } from "../../ledger/zones/surroundings.ts";
import { FIRST_NAMED, Zone, ZONE_NAMES } from "../../ledger/zones/zone.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import type { SpansByVersion } from "./database-spans.ts";

/** What databases give to all addresses, by the numbers of a zoning. */
export interface DatabaseZones {
  readonly zoning: Zoning;
  readonly spans: SpansByVersion;
}

/** Zones that the configuration names: the longest prefix has an address, then its AS, then its country. */
export class RemoteZones {
  readonly #items: readonly ZoneItem[];
  readonly #names: readonly string[];

  constructor(items: readonly ZoneItem[]) {
    this.#items = items;
    const own = new Set(items.map(({ zone }) => zone));
    this.#names = [...ZONE_NAMES, ...own];
  }

  has(kind: ZoneItem["content"]["kind"]): boolean {
    return this.#items.some(({ content }) => content.kind === kind);
  }

  /** The zone that has the rest has what is in no other. */
  nameOf(zone: number): string {
    const rest = this.#items.find(({ content }) => content.kind === "rest");
    return zone === Zone.UNKNOWN && rest !== undefined ? rest.zone : this.#names[zone]!;
  }

  /** All addresses of a version. Needs the databases of what `has` says, and no other. */
  spans(version: 4 | 6, systems: DatabaseZones | undefined, countries: DatabaseZones | undefined): Spans {
    const base = leftovers(version).mapped((zone) => (zone === Zone.TRANSLATED ? zone : Zone.UNKNOWN));
    const layers = [this.#prefixes(version), this.#named(systems, "asn"), this.#named(countries, "country")];
    return layers.reduceRight<Spans>(
      (below, layer) => (layer === undefined ? below : (layer instanceof Spans ? layer : layer[version]).over(below)),
      base,
    );
  }

  /** The longest first: the first that holds an address has it. */
  #prefixes(version: 4 | 6): Spans {
    const own = this.#items.flatMap(({ zone, content }) =>
      content.kind === "prefix" && content.version === version ? { zone: this.#numberOf(zone), ...content } : [],
    );
    const sorted = own.toSorted((a, b) => b.bits - a.bits);
    const width = version === 4 ? 32 : 128;
    const intervals = sorted.map(({ first, bits }): Interval => {
      return { version, first, last: first + (1n << BigInt(width - bits)) - 1n };
    });
    return Spans.of(cutSegments(intervals, version), (at) => sorted[at]!.zone, version);
  }

  /** What a database names as an item of that kind does. */
  #named(of: DatabaseZones | undefined, kind: "asn" | "country"): SpansByVersion | undefined {
    if (of === undefined) return undefined;
    const zones = new Map(
      this.#items.flatMap(({ zone, content }) => {
        if (content.kind === "asn" && kind === "asn") return [[String(content.number), this.#numberOf(zone)]];
        if (content.kind === "country" && kind === "country") return [[content.code, this.#numberOf(zone)]];
        return [];
      }),
    );
    const zoneOf = (number: number): number =>
      number < FIRST_NAMED ? NO_ZONE : (zones.get(of.zoning.nameOf(number)) ?? NO_ZONE);
    return { 4: of.spans[4].mapped(zoneOf), 6: of.spans[6].mapped(zoneOf) };
  }

  #numberOf(zone: string): number {
    return this.#names.lastIndexOf(zone);
  }
}
