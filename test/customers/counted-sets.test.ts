import assert from "node:assert/strict";
import { test } from "node:test";
import { countedSet, joined } from "../../src/customers/counted-sets.ts";
import { Customers } from "../../src/customers/customers.ts";
import { tablesOf } from "../../src/customers/customer-tables.ts";
import { sweepPrefixes } from "../../src/customers/prefix-sweep.ts";
import { type Book, listOf } from "./customers-of.ts";
import { labelsIn, setOf } from "./prefix-sets.ts";

function word(...bytes: readonly number[]): number {
  return bytes.reduce((value, byte) => (value << 8) | byte, 0);
}

function setOfBook(book: Book) {
  return setOf(listOf(book));
}

test("a list by prefix gives each prefix labels of its own", () => {
  const set = setOfBook({ "192.0.2.0/24": { n: "1" }, "192.0.3.0/24": { n: "1" }, "2001:db8::/32": {} });
  const counted = countedSet({ series: "prefix", set });
  assert.deepEqual(counted.labelNames, ["n", "prefix"]);
  assert.deepEqual(labelsIn(counted), [
    'n="1",prefix="192.0.2.0/24"',
    'n="1",prefix="192.0.3.0/24"',
    'prefix="2001:db8::/32"',
  ]);
  assert.deepEqual([...counted.sets], [0, 1, 2]);
});

test("the longest prefix of all lists has an address, and one set of labels is one customer", async () => {
  const lists = [
    setOfBook({ "10.0.0.0/8": { n: "ten" }, "10.1.1.0/24": { n: "long" } }),
    setOfBook({ "10.1.0.0/16": { site: "a" }, "11.0.0.0/8": { n: "ten" } }),
  ];
  const customers = new Customers(4, 100);
  await customers.use(lists, tablesOf(sweepPrefixes(joined(lists.map((set) => ({ set }))))));
  const { zoning } = customers;
  const nameAt = (...bytes: number[]) => zoning.nameOf(zoning.table.zoneOfIpv4(word(...bytes)));
  const found = [
    nameAt(10, 0, 0, 1),
    nameAt(10, 1, 0, 1),
    nameAt(10, 1, 1, 1),
    nameAt(11, 0, 0, 1),
    nameAt(12, 0, 0, 1),
  ];
  assert.deepEqual(found, ['n="ten"', 'site="a"', 'n="long"', 'n="ten"', "unknown"]);
  assert.equal(customers.otherLabels, 'n="other",site="other"');
});
