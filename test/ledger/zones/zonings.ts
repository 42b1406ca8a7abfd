import { type Interval, leftovers, surroundings } from "../../../src/ledger/zones/surroundings.ts";
import { Spans } from "../../../src/ledger/zones/spans.ts";
import { ZoneTable } from "../../../src/ledger/zones/zone-table.ts";
import { Zoning } from "../../../src/ledger/zones/zoning.ts";
import { cutSegments } from "../../../src/ledger/segments.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";

/** Network or range of addresses → name of its zone. Of those that overlap, the first given holds. */
export type ZoneNames = Readonly<Record<string, string>>;

/** Makes the table of such zones; `local` are the networks that are the host's. */
export function tableOf(zoning: Zoning, names: ZoneNames, local: readonly string[] = []): ZoneTable {
  const [ipv4, ipv6] = ([4, 6] as const).map((version) => {
    const zones = Object.values(names).map((name) => zoning.zoneOf(name));
    const segments = cutSegments(Object.keys(names).map(intervalOf), version);
    const named = Spans.of(segments, (range) => zones[range]!, version).over(leftovers(version));
    return surroundings(version, local.map(intervalOf), []).over(named);
  });
  return new ZoneTable(ipv4!, ipv6!);
}

export function zoningOf(names: ZoneNames, local: readonly string[] = [], label = "country", limit = 1000): Zoning {
  const zoning = new Zoning(label, limit);
  zoning.use(tableOf(zoning, names, local));
  return zoning;
}

function intervalOf(text: string): Interval {
  const { version, first, last } = parseRange(text);
  return { version, first, last };
}
