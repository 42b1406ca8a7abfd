import assert from "node:assert/strict";
import { test } from "node:test";
import { CUSTOMER_ACCOUNTS, CustomersCollector } from "../../../../src/collectors/customers.ts";
import { FlowAccounts } from "../../../../src/collectors/flow/udp/flow-accounts.ts";
import { ZonesCollector } from "../../../../src/collectors/zones/zones.ts";
import { Ledger } from "../../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../../src/ledger/ranges.ts";
import { Format } from "../../../../src/page/negotiation.ts";
import { makePage } from "../../../../src/page/page.ts";
import { listOf } from "../../../customers/customers-of.ts";
import {
  flowSample,
  hex,
  ipfix,
  netflow5,
  netflow9,
  rawHeader,
  record5,
  set,
  sflow,
  template,
  u32,
  u8,
} from "../../../flows/datagrams.ts";
import { TariffCounts } from "../../../ledger/accounts/books.ts";
import { zoningOf } from "../../../ledger/zones/zonings.ts";
import { Page } from "../../../support/page.ts";
import { FakeTraffic } from "../../fake-traffic.ts";
import { Site, type SiteOptions } from "./site.ts";

const BOOK = {
  customers: listOf({ "10.0.0.1/32": { customer: "acme" }, "2001:db8::/32": { customer: "six" } }),
  zones: listOf({ "10.0.0.2/32": { customer: "peering" } }),
};

/** Exporters, and what is counted of their flows by customer and by country. */
class Accounting {
  readonly site: Site;
  readonly accounts: FlowAccounts;
  readonly #collectors: readonly (CustomersCollector | ZonesCollector)[];

  private constructor(
    site: Site,
    accounts: FlowAccounts,
    collectors: readonly (CustomersCollector | ZonesCollector)[],
  ) {
    this.site = site;
    this.accounts = accounts;
    this.#collectors = collectors;
  }

  /** `limit`: most accounts that have series. */
  static async of(limit = 100, options: SiteOptions = {}): Promise<Accounting> {
    const counts = new TariffCounts(10, ["zone", "protocol"], limit);
    await counts.use(BOOK);
    const { series } = counts;
    const countries = zoningOf({ "10.0.0.2": "DE", "2001:500::/32": "FR" }, ["10.0.0.1", "2001:db8::/32"]);
    const ledger = new Ledger(new RangeTable([]), 1, [countries], { accounts: series.accounts });
    const updater = { refresh: async () => {}, isCurrent: () => true };
    const accounts = new FlowAccounts(ledger);
    return new Accounting(await Site.of({ ...options, accounts }), accounts, [
      new CustomersCollector(new FakeTraffic(), ledger, series, { bound: CUSTOMER_ACCOUNTS }),
      new ZonesCollector(new FakeTraffic(), ledger, updater, undefined),
    ]);
  }

  /** Bytes and packets by the labels of their series. */
  async counted(): Promise<Record<string, string>> {
    let text = "";
    for (const collector of this.#collectors) {
      const families = await collector.collect(performance.now() + 10_000);
      for await (const chunk of makePage(families, Format.TEXT)) text += Buffer.from(chunk).toString();
    }
    const { samples } = new Page(text);
    const series = [...samples].filter(([name]) => name.includes("_bytes_total{"));
    return Object.fromEntries(
      series.map(([name, bytes]) => {
        const labels = name.replace(/.*\{|\}|interface=|customer=|zone=|protocol=|direction=|country=|"/g, "");
        return [labels, `${bytes} ${samples.get(name.replace("_bytes_", "_packets_"))}`];
      }),
    );
  }
}

const IPV4 = hex("0a000001 0a000002");
const IPV6 = hex("20010db8 00000000 00000000 00000001 20010500 00000000 00000000 0000000c");

test("flows count for customers and countries as packets do, whatever protocol tells of them", async () => {
  const accounting = await Accounting.of();
  const { site } = accounting;
  const addressed4 = template(256, [8, 4], [12, 4], [4, 1], [1, 4], [2, 4]);
  const addressed6 = template(257, [27, 16], [28, 16], [4, 1], [1, 8], [2, 8], [70, 65_535]);
  const both = template(258, [8, 4], [12, 4], [27, 16], [28, 16], [1, 4], [2, 4]);
  const biflow = template(259, [8, 4], [12, 4], [4, 1], [231, 4], [232, 4], [298, 4], [299, 4]);
  site.send("192.0.2.1", netflow5([record5({ packets: 2, bytes: 3000 })], {}, 10));
  site.send("192.0.2.9", netflow9([set(0, addressed4), set(256, IPV4, u8(6), u32(700), u32(7))]));
  const long = [...IPV6, ...u8(58), ...u32(0), ...u32(80), ...u32(0), ...u32(1), ...u8(3), 1, 2, 3];
  site.send("192.0.2.9", ipfix([set(2, addressed6), set(257, long)]));
  const zeros = Array<number>(32).fill(0);
  site.send(
    "192.0.2.9",
    ipfix([
      set(2, both),
      set(258, IPV4, zeros, u32(9), u32(1)),
      set(258, hex("00000000 00000000"), IPV6, u32(8), u32(1)),
    ]),
  );
  site.send("192.0.2.9", ipfix([set(2, biflow), set(259, IPV4, u8(17), u32(600), u32(50), u32(6), u32(5))]));
  const header = [...hex("45000064 00010000 40060000"), ...IPV4];
  site.send("192.0.2.7", sflow([flowSample([rawHeader(11, 100, 0, header)], { rate: 1000 })]));
  assert.deepEqual(await accounting.counted(), {
    "192.0.2.1,acme,peering,tcp,tx": "30000 20",
    "192.0.2.1,tx,DE": "30000 20",
    "192.0.2.9,acme,peering,tcp,tx": "700 7",
    "192.0.2.9,six,rest,icmpv6,tx": "80 1",
    "192.0.2.9,acme,peering,tx": "9 1",
    "192.0.2.9,six,rest,tx": "8 1",
    "192.0.2.9,acme,peering,udp,tx": "600 6",
    "192.0.2.9,acme,peering,udp,rx": "50 5",
    "192.0.2.9,tx,DE": "1309 14",
    "192.0.2.9,rx,DE": "50 5",
    "192.0.2.9,tx,FR": "88 2",
    "192.0.2.7,acme,peering,tcp,tx": "100000 1000",
    "192.0.2.7,tx,DE": "100000 1000",
  });
  const page = await site.page();
  assert.equal(page.sum("flow_transit_bytes_total"), 30_000 + 700 + 80 + 9 + 8 + 650 + 100_000);
  assert.equal(page.value("promtap_flow_accounted_exporters"), 3);
});

test("flows without addresses count in flow_ families alone, and those without packets as one", async () => {
  const accounting = await Accounting.of();
  const counts = template(256, [1, 4], [2, 4]);
  const bytes = template(257, [8, 4], [12, 4], [1, 4]);
  const short = template(258, [27, 8], [28, 8], [1, 4]);
  const frame = rawHeader(11, 100, 0, hex("00"));
  accounting.site.send(
    "192.0.2.1",
    ipfix([
      set(2, counts, bytes, short),
      set(256, u32(5), u32(1)),
      set(257, IPV4, u32(6)),
      set(258, u32(1), u32(1), u32(1), u32(1), u32(7)),
    ]),
    sflow([flowSample([frame], { rate: 1 })]),
  );
  assert.deepEqual(await accounting.counted(), { "192.0.2.1,acme,peering,tx": "6 1", "192.0.2.1,tx,DE": "6 1" });
  const page = await accounting.site.page();
  assert.equal(page.value("promtap_flow_unaddressed_records_total"), 3);
  assert.equal(page.sum("flow_transit_bytes_total"), 5 + 6 + 7 + 100);
});

test("exporters beyond the limit count together, and so do those that gave their place or their name", async () => {
  const accounting = await Accounting.of(2 ** 20, { exporters: { max: 17 } });
  const { site, accounts } = accounting;
  assert.equal(accounts.maxExporters, 16);
  const send = (k: number): void => site.send(`192.0.2.${k}`, netflow5([record5({ bytes: 100 + k })]));
  for (let k = 1; k <= 17; k++) send(k);
  send(17);
  let counted = await accounting.counted();
  assert.equal(counted["192.0.2.16,tx,DE"], "116 1");
  assert.equal(counted["other,tx,DE"], "234 2");
  assert.equal((await site.page()).value("promtap_flow_other_exporter_records_total"), 2);
  site.nowMs += 600_001;
  for (let k = 2; k <= 17; k++) send(k);
  send(18);
  counted = await accounting.counted();
  assert.equal(counted["192.0.2.1,tx,DE"], undefined);
  assert.equal(counted["192.0.2.18,tx,DE"], "118 1");
  assert.equal(counted["other,tx,DE"], `${3 * 117 + 101} 4`);
  assert.equal(counted["other,acme,peering,tcp,tx"], `${3 * 117 + 101} 4`);
});
