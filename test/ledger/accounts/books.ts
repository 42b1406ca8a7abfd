import fc from "fast-check";
import { RemoteMapper } from "../../../src/collectors/zones/remote-mapper.ts";
import type { CustomersBy } from "../../../src/config/customers/customers.ts";
import type { ZoneItem } from "../../../src/config/customers/zone-items.ts";
import { CustomerAccounts } from "../../../src/customers/customer-accounts.ts";
import { tablesOf } from "../../../src/customers/customer-tables.ts";
import { sweepPrefixes } from "../../../src/customers/prefix-sweep.ts";
import { Customers } from "../../../src/customers/customers.ts";
import { KnownVlans } from "../../../src/ledger/vlans/known-vlans.ts";
import { type Listed, longest, lists, setOf } from "../../customers/prefix-sets.ts";
import type { Traffic } from "../model.ts";
import { sorted } from "../../support/sorted.ts";

/** Customers and zones, each a list of prefixes; zones have their name as the label `zone`. */
export interface TariffBook {
  readonly customers: readonly Listed[];
  readonly zones: readonly Listed[];
}

/** The labels of all zones that lists of any book have, and of what is in none. */
const REST = "rest";

/** Any book, in whose zones prefixes are listed once. */
export const books: fc.Arbitrary<TariffBook> = fc.record({ customers: lists, zones: lists }).map((book) => {
  const keys = new Set<string>();
  const zones = book.zones.filter(({ version, first, bits }) => {
    const key = `${version} ${first} ${bits}`;
    return keys.size < keys.add(key).size;
  });
  return { ...book, zones };
});

function itemsOf(zones: readonly Listed[]): ZoneItem[] {
  const rest: ZoneItem = { zone: REST, content: { kind: "rest" }, text: "*", given: "" };
  return [
    rest,
    ...zones.map(({ labels, version, first, bits }): ZoneItem => {
      const content = { kind: "prefix", version, first, bits } as const;
      return { zone: labels["customer"]!, content, text: `${version} ${first}/${bits}`, given: "" };
    }),
  ];
}

/** Makes ready to count by a book. */
export class TariffCounts {
  readonly customers: Customers;
  readonly remotes: RemoteMapper;
  readonly series: CustomerAccounts;

  constructor(expected: number, by: readonly CustomersBy[], limit: number, maxVlans = 10) {
    this.customers = new Customers(expected, expected);
    this.remotes = new RemoteMapper(by, (reason) => {
      throw new Error(reason);
    });
    const vlans = by.includes("vlan") ? new KnownVlans(maxVlans) : undefined;
    const accountsBy = { hasProtocols: by.includes("protocol"), vlans };
    this.series = new CustomerAccounts(this.customers, this.remotes, accountsBy, limit);
  }

  async use({ customers, zones }: TariffBook): Promise<(string | undefined)[]> {
    const set = setOf(customers);
    const refusal = await this.remotes.use(itemsOf(zones), undefined);
    const taken = await this.customers.use([set], tablesOf(sweepPrefixes(set)));
    if (typeof taken === "string") return [refusal, taken];
    taken.commit();
    return [refusal, undefined];
  }
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 132: "sctp" };
const ICMPV6 = 58;

/** A plain count: labels and direction → packets and bytes. `vlanLabels`: what the page has of each VLAN. */
export function plainCount(
  { customers, zones }: TariffBook,
  packets: readonly Traffic[],
  counts = new Map<string, [packets: number, bytes: number]>(),
  vlanLabels: Readonly<Record<number, string>> = {},
): Map<string, [packets: number, bytes: number]> {
  for (const { version, source, destination, protocol, lengthBytes, vlan } of packets) {
    for (const [own, remote, direction] of [
      [source, destination, "TX"],
      [destination, source, "RX"],
    ] as const) {
      const customer = longest(customers, version, own)?.labels["customer"];
      if (customer === undefined) continue;
      const zone = longest(zones, version, remote)?.labels["customer"] ?? REST;
      const name = PROTOCOLS[protocol] ?? (version === 6 && protocol === ICMPV6 ? "icmpv6" : undefined);
      const label = name === undefined ? "" : `,protocol="${name}"`;
      const key = `customer="${customer}",zone="${zone}"${vlanLabels[vlan ?? 0] ?? ""}${label} ${direction}`;
      const [before = 0, bytes = 0] = counts.get(key) ?? [];
      counts.set(key, [before + 1, bytes + lengthBytes]);
    }
  }
  return sorted(counts);
}
