import { setImmediate as nextTurn } from "node:timers/promises";
import type { GeoDatabase } from "../../geo/database.ts";
import { walkNetworks } from "../../geo/networks.ts";
import { NO_ZONE, Spans } from "../../ledger/zones/spans.ts";
import { leftovers } from "../../ledger/zones/surroundings.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";

export const VERSIONS = [4, 6] as const;

/** What is said of all addresses. */
export type SpansByVersion = Readonly<Record<4 | 6, Spans>>;

export function hasZones({ contents }: GeoDatabase, zoning: Zoning): boolean {
  return zoning.label === "asn" ? contents.hasSystems : contents.hasCountries;
}

/** What databases say together; the first one that knows an address has the word. */
export async function readAll(databases: readonly GeoDatabase[], zoning: Zoning): Promise<SpansByVersion> {
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
