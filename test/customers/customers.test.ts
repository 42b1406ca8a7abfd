import assert from "node:assert/strict";
import { test } from "node:test";
import { tablesOf } from "../../src/customers/customer-tables.ts";
import { sweepPrefixes } from "../../src/customers/prefix-sweep.ts";
import { FIRST_NAMED } from "../../src/ledger/zones/zone.ts";
import { customersOf, listOf, useBook } from "./customers-of.ts";
import { setOf } from "./prefix-sets.ts";

test("lists that can't be used leave no customers behind", async () => {
  const customers = await customersOf({ "10.0.0.0/8": { customer: "ten" } });
  const { zoning } = customers;
  let refusal: string | undefined = "too large";
  zoning.watch(function* () {
    yield;
    return refusal ?? (() => {});
  });
  for (const attempt of ["first", "second"]) {
    const more = Object.fromEntries(
      Array.from({ length: 100 }, (_, k) => [`10.1.0.${k}`, { customer: `${attempt}${k}` }]),
    );
    assert.equal(await useBook(customers, more), refusal);
    // One more page may have them.
    for (let page = 0; page < 2; page++) customers.slots.beginPage();
    assert.equal(zoning.names.count - zoning.names.free, FIRST_NAMED + 1);
  }
  assert.equal(zoning.zones, FIRST_NAMED + 101);
  refusal = undefined;
  assert.equal(await useBook(customers, { "10.0.0.0/9": { customer: "ten" } }), undefined);
  assert.equal(zoning.zones, FIRST_NAMED + 101);
});

test("lists before come back without requests that wait for all steps", async () => {
  const customers = await customersOf({ "10.0.0.0/8": { customer: "ten" } });
  const { zoning } = customers;
  const { table } = zoning;
  const set = setOf(listOf({ "11.0.0.0/8": { site: "eleven" } }));
  const taken = await customers.use([set], tablesOf(sweepPrefixes(set)));
  assert.ok(typeof taken === "object");
  let turns = 0;
  zoning.watch(function* () {
    for (let step = 1; step <= 3; step++) {
      setImmediate(() => turns++);
      yield;
      assert.equal(turns, step);
    }
    return () => {};
  });
  assert.equal(customers.otherLabels, 'site="other"');
  await taken.undo();
  assert.equal(turns, 3);
  assert.equal(zoning.table, table);
  assert.equal(customers.otherLabels, 'customer="other"');
});

test("there is room for more than at the start once what follows has it, and as much as before if it can't have it", async () => {
  const customers = await customersOf({ "10.0.0.0/8": { customer: "ten" } });
  const { zoning } = customers;
  const { table, maxZones } = zoning;
  const { limit } = zoning.quota;
  zoning.watch(function* () {
    yield;
    return "too large";
  });
  const many = Array.from({ length: 5000 }, (_, k) => [`10.${k >> 8}.${k & 255}.0/24`, { customer: `c${k}` }] as const);
  const set = () => setOf(listOf(Object.fromEntries(many)));
  const failing = customers.use([set()], tablesOf(sweepPrefixes(set())), () => Promise.reject(new Error("no right")));
  await assert.rejects(failing, /no right/);
  assert.deepEqual([zoning.table, zoning.maxZones, zoning.quota.limit], [table, maxZones, limit]);
  assert.ok(limit < many.length);
  let made = 0;
  const taken = await customers.use([set()], tablesOf(sweepPrefixes(set())), async () => void made++);
  assert.ok(typeof taken === "object");
  assert.equal(made, 1);
  taken.commit();
  assert.ok(zoning.quota.limit >= many.length && zoning.zones <= zoning.maxZones);
  assert.equal(zoning.nameOf(zoning.table.zoneOfIpv4(0x0a_13_87_01)), 'customer="c4999"');
});
