import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { CUSTOMER_ACCOUNTS, CustomersCollector } from "../../src/collectors/customers.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";
import { listOf } from "../customers/customers-of.ts";
import { type TariffBook, TariffCounts } from "../ledger/accounts/books.ts";
import { packetOf } from "../ledger/model.ts";
import { Page } from "../support/page.ts";
import { FakeTraffic } from "./fake-traffic.ts";

const GOLDEN = resolve(import.meta.dirname, "../golden/customer-accounts.txt");
const BOOK = {
  customers: listOf({ "192.0.2.0/24": { customer: "acme" }, "2001:db8::/32": { customer: "acme" } }),
  zones: listOf({ "8.8.8.0/24": { customer: "peering" }, "192.0.2.0/24": { customer: "internal" } }),
};

/** The page of accounts, and a way to have packets counted on eth0. */
async function traffic(limit: number) {
  const counts = new TariffCounts(10, ["zone", "protocol"], limit);
  await counts.use(BOOK);
  const { series, remotes } = counts;
  const ledger = new Ledger(new RangeTable([]), 1, [], { accounts: series.accounts });
  const around = { bound: CUSTOMER_ACCOUNTS, refresh: () => remotes.refresh() };
  const collector = new CustomersCollector(new FakeTraffic(), ledger, series, around);
  return {
    use: async (customers: TariffBook["customers"]) => counts.use({ ...BOOK, customers }),
    see: (source: string, destination: string, protocol: number, lengthBytes: number): void => {
      const [from, to] = [parseAddress(source)!, parseAddress(destination)!];
      const packet = { version: from.version, source: from.value, destination: to.value, protocol, lengthBytes };
      ledger.interface("eth0").sink.record(packetOf(packet));
    },
    page: async (): Promise<string> => {
      let text = "";
      const families = await collector.collect(performance.now() + 10_000);
      for await (const chunk of makePage(families, Format.TEXT)) text += Buffer.from(chunk).toString();
      return text;
    },
  };
}

test("the page of a little traffic is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const { see, page } = await traffic(100);
  see("192.0.2.1", "8.8.8.8", 6, 60);
  see("8.8.8.8", "192.0.2.1", 6, 1500);
  see("9.9.9.9", "192.0.2.1", 17, 1400);
  see("192.0.2.7", "192.0.2.1", 253, 70);
  see("2001:db8::1", "2001:500::c", 58, 80);
  see("9.9.9.9", "8.8.8.8", 6, 50);
  const text = await page();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, text);
  assert.equal(text, readFileSync(GOLDEN, "utf8"));
});

test("what is beyond the limit has other in each label, and the sum is exact", async () => {
  const { see, page } = await traffic(1);
  see("192.0.2.1", "8.8.8.8", 6, 60);
  see("192.0.2.1", "9.9.9.9", 6, 70);
  see("192.0.2.1", "8.8.8.8", 6, 1);
  const { samples } = new Page(await page());
  const bytes = [...samples].filter(([name]) => name.startsWith("promtap_customer_bytes"));
  assert.deepEqual(bytes, [
    [
      'promtap_customer_bytes_total{interface="eth0",customer="other",zone="other",protocol="other",direction="tx"}',
      70,
    ],
    ['promtap_customer_bytes_total{interface="eth0",customer="acme",zone="peering",protocol="tcp",direction="tx"}', 61],
  ]);
  assert.equal(samples.get("promtap_customer_accounts"), 1);
  assert.equal(samples.get("promtap_customer_accounts_limit"), 1);
});

test("accounts of a customer that is gone leave the page after one more, and another is told by its own name", async () => {
  const { use, see, page } = await traffic(100);
  const bytes = async (): Promise<string[]> => {
    const { samples } = new Page(await page());
    const names = [...samples.keys()].filter((name) => name.startsWith("promtap_customer_bytes"));
    return names.map((name) => /customer="([^"]*)"/.exec(name)![1]!);
  };
  see("192.0.2.1", "8.8.8.8", 6, 60);
  assert.deepEqual(await bytes(), ["acme"]);
  await use([]);
  assert.deepEqual(await bytes(), ["acme"]);
  assert.deepEqual(await bytes(), []);
  await use(listOf({ "192.0.2.0/24": { customer: "later" } }));
  see("192.0.2.1", "8.8.8.8", 6, 60);
  assert.deepEqual(await bytes(), ["later"]);
});
