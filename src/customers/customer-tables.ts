import { NO_ZONE } from "../ledger/zones/spans.ts";
import { Zone } from "../ledger/zones/zone.ts";
import { IPV4_WORDS, IPV4_ZONE, IPV6_WORDS, IPV6_ZONE, type ZoneIndex, ZoneTable } from "../ledger/zones/zone-table.ts";
import type { SweptPrefixes } from "./prefix-sweep.ts";

/** What addresses are looked up in; the zones are those of SweptPrefixes. */
export interface CustomerTables {
  readonly ipv4: ZoneIndex;
  readonly ipv6: ZoneIndex;
}

/** Makes the tables: some 100 ms of work for a million prefixes, so better not in the thread that serves. */
export function tablesOf(swept: SweptPrefixes): CustomerTables {
  const { ipv4, ipv6 } = new ZoneTable(swept.ipv4, swept.ipv6);
  return { ipv4, ipv6 };
}

/** Gives the tables the zones of a zoning, by label set; what is in no prefix becomes UNKNOWN. */
export function numbered({ ipv4, ipv6 }: CustomerTables, zones: Uint32Array): ZoneTable {
  number(ipv4.spans, IPV4_WORDS, IPV4_ZONE, zones);
  number(ipv6.spans, IPV6_WORDS, IPV6_ZONE, zones);
  return new ZoneTable(ipv4, ipv6);
}

function number(spans: Uint32Array, words: number, zone: number, zones: Uint32Array): void {
  for (let at = zone; at < spans.length; at += words) {
    const set = spans[at]!;
    spans[at] = set === NO_ZONE ? Zone.UNKNOWN : zones[set - 1]!;
  }
}
