import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { CUSTOMERS, CustomersCollector } from "../../src/collectors/customers.ts";
import { tablesOf } from "../../src/customers/customer-tables.ts";
import { sweepPrefixes } from "../../src/customers/prefix-sweep.ts";
import type { Customers } from "../../src/customers/customers.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";
import { type Book, customersOf, listOf, useBook } from "../customers/customers-of.ts";
import { setOf } from "../customers/prefix-sets.ts";
import { packetOf } from "../ledger/model.ts";
import { parseExposition } from "../page/exposition-parser.ts";
import { Page } from "../support/page.ts";
import { lacking } from "../support/requirements.ts";
import { FakeTraffic } from "./fake-traffic.ts";

const GOLDEN = resolve(import.meta.dirname, "../golden/customers.txt");
const BOOK: Book = {
  "192.0.2.0/24": { customer: "acme", environment: "prod" },
  "192.0.2.128/25": { customer: "acme", environment: "test" },
  "192.0.2.200": { customer: 'b "&" c' },
  "2001:db8::/32": { customer: "acme", environment: "prod" },
};

/** The page of customers, and a way to have packets counted on eth0. */
function traffic(customers: Customers) {
  const ledger = new Ledger(new RangeTable([]), 1, [customers.zoning]);
  const collector = new CustomersCollector(new FakeTraffic(), ledger, customers, { bound: CUSTOMERS });
  return {
    see: (source: string, destination: string, lengthBytes: number): void => {
      const [from, to] = [parseAddress(source)!, parseAddress(destination)!];
      const packet = { version: from.version, source: from.value, destination: to.value, protocol: 6, lengthBytes };
      ledger.interface("eth0").sink.record(packetOf(packet));
    },
    page: async (format: Format = Format.TEXT): Promise<string> => {
      let text = "";
      const families = await collector.collect(performance.now());
      for await (const chunk of makePage(families, format)) text += Buffer.from(chunk).toString();
      return text;
    },
  };
}

async function smallTraffic() {
  const { see, page } = traffic(await customersOf(BOOK));
  see("192.0.2.1", "8.8.8.8", 60);
  see("8.8.8.8", "192.0.2.1", 1500);
  see("8.8.8.8", "192.0.2.129", 1400);
  see("192.0.2.200", "192.0.2.1", 70);
  see("2001:db8::1", "2001:500::c", 80);
  see("9.9.9.9", "8.8.8.8", 50);
  return page;
}

test("the page of a little traffic is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const page = await (await smallTraffic())();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});

test("promtool finds nothing to say against it", { skip: lacking("promtool") }, async () => {
  execFileSync("promtool", ["check", "metrics"], { input: await (await smallTraffic())() });
});

test("OpenMetrics has the same counters, under names without their suffix", async () => {
  const page = await (await smallTraffic())(Format.OPENMETRICS);
  const names = [...parseExposition(Buffer.from(page), Format.OPENMETRICS).keys()];
  assert.ok(names.includes("promtap_customer_bytes"), names.join(" "));
});

test("customers without labels are one series", async () => {
  const { see, page } = traffic(await customersOf({ "192.0.2.0/24": {} }));
  see("192.0.2.1", "8.8.8.8", 60);
  const { samples } = new Page(await page());
  assert.equal(samples.get('promtap_customer_bytes_total{interface="eth0",direction="tx"}'), 60);
});

test("what is beyond the limit counts as other, and the sum is exact", async () => {
  const { see, page } = traffic(await customersOf({ "192.0.2.1": { n: "1" }, "192.0.2.2": { n: "2" } }, 1));
  see("192.0.2.1", "8.8.8.8", 60);
  see("192.0.2.2", "8.8.8.8", 70);
  see("8.8.8.8", "192.0.2.2", 90);
  const { samples } = new Page(await page());
  const bytes = [...samples].filter(([name]) => name.startsWith("promtap_customer_bytes"));
  assert.deepEqual(bytes, [
    ['promtap_customer_bytes_total{interface="eth0",n="other",direction="tx"}', 70],
    ['promtap_customer_bytes_total{interface="eth0",n="other",direction="rx"}', 90],
    ['promtap_customer_bytes_total{interface="eth0",n="1",direction="tx"}', 60],
  ]);
});

test("a customer keeps its counters if another list comes, whatever prefix it has there", async () => {
  const customers = await customersOf({ "192.0.2.1": { n: "1" }, "192.0.2.2": { n: "2" } });
  const { see, page } = traffic(customers);
  see("192.0.2.1", "8.8.8.8", 60);
  see("192.0.2.2", "8.8.8.8", 70);
  await useBook(customers, { "192.0.2.2": { n: "1" }, "192.0.2.3": { n: "3" } });
  for (const last of [1, 2, 3]) see(`192.0.2.${last}`, "8.8.8.8", 100);
  const { samples } = new Page(await page());
  const bytes = (n: number) => samples.get(`promtap_customer_bytes_total{interface="eth0",n="${n}",direction="tx"}`);
  assert.deepEqual([1, 2, 3].map(bytes), [160, 70, 100]);
});

test("a customer that is gone leaves the page after one more, and its number goes to another", async () => {
  const customers = await customersOf({ "192.0.2.1": { n: "1" }, "192.0.2.2": { n: "2" } });
  const { see, page } = traffic(customers);
  const bytes = async (): Promise<[string, number][]> => {
    const { samples } = new Page(await page());
    const found = [...samples].filter(([name]) => name.startsWith("promtap_customer_bytes"));
    return found.map(([name, value]) => [/n="([^"]*)"/.exec(name)![1]!, value]);
  };
  see("192.0.2.1", "8.8.8.8", 60);
  see("192.0.2.2", "8.8.8.8", 70);
  const both = [
    ["1", 60],
    ["2", 70],
  ];
  assert.deepEqual(await bytes(), both);
  await useBook(customers, { "192.0.2.2": { n: "2" } });
  see("192.0.2.1", "8.8.8.8", 1000);
  assert.deepEqual(await bytes(), both);
  assert.deepEqual(await bytes(), [["2", 70]]);
  const { zones } = customers.zoning;
  await useBook(customers, { "192.0.2.1": { n: "3" }, "192.0.2.2": { n: "2" } });
  assert.equal(customers.zoning.zones, zones);
  see("192.0.2.1", "8.8.8.8", 80);
  assert.deepEqual(await bytes(), [
    ["3", 80],
    ["2", 70],
  ]);
});

test("customers come and go for ever, if pages tell of them", async () => {
  const customers = await customersOf({ "192.0.2.1": { n: "stays" } }, 8);
  const { see, page } = traffic(customers);
  for (let list = 0; list < 2200; list++) {
    await useBook(customers, { "192.0.2.1": { n: "stays" }, "192.0.2.2": { n: `list ${list}` } });
    see("192.0.2.1", "192.0.2.2", 100);
    const { samples } = new Page(await page());
    assert.equal(samples.get(`promtap_customer_bytes_total{interface="eth0",n="list ${list}",direction="rx"}`), 100);
    assert.equal(samples.get('promtap_customer_bytes_total{interface="eth0",n="other",direction="rx"}'), undefined);
  }
});

test("what was taken over and is undone counts as before, and what it brought goes", async () => {
  const customers = await customersOf({ "192.0.2.1": { n: "1" }, "192.0.2.2": { n: "2" } });
  const { see, page } = traffic(customers);
  see("192.0.2.1", "8.8.8.8", 60);
  const set = setOf(listOf({ "192.0.2.1": { n: "3" } }));
  const taken = await customers.use([set], tablesOf(sweepPrefixes(set)));
  assert.ok(typeof taken !== "string");
  see("192.0.2.1", "8.8.8.8", 1000);
  await taken.undo();
  see("192.0.2.1", "8.8.8.8", 1);
  see("192.0.2.2", "8.8.8.8", 70);
  await page();
  const { samples } = new Page(await page());
  const bytes = (n: number) => samples.get(`promtap_customer_bytes_total{interface="eth0",n="${n}",direction="tx"}`);
  assert.deepEqual([1, 2, 3].map(bytes), [61, 70, undefined]);
});
