import assert from "node:assert/strict";
import { test } from "node:test";
import { Customers } from "../../src/customers/customers.ts";
import { loadPrefixes } from "../../src/customers/load-prefixes.ts";
import { FIRST_NAMED } from "../../src/ledger/zones/zone.ts";

test("label sets that a thread has read are those that are known, and so is the next to be read", async () => {
  const inline = ["ten", "eleven"].map((customer, k) => ({
    prefix: `1${k}.0.0.0/8`,
    labels: { customer },
    series: "labels" as const,
    line: k + 1,
    column: 1,
  }));
  const customers = new Customers(2, 100);
  const { zoning } = customers;
  const known = zoning.zoneOf('customer="ten"');
  for (let time = 1; time <= 2; time++) {
    const { labelled, tables } = await loadPrefixes({ lists: [], inline, inlinePath: "p.yml", isLenient: false });
    const taken = await customers.use(labelled, tables!);
    assert.ok(typeof taken === "object");
    taken.commit();
    assert.equal(zoning.table.zoneOfIpv4(0x0a00_0001), known);
    assert.equal(zoning.nameOf(zoning.table.zoneOfIpv4(0x0b00_0001)), 'customer="eleven"');
    assert.equal(zoning.zones, FIRST_NAMED + 2);
  }
});
