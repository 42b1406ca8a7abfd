import assert from "node:assert/strict";
import { test } from "node:test";
import { tablesOf } from "../../src/customers/customer-tables.ts";
import { sweepPrefixes } from "../../src/customers/prefix-sweep.ts";
import { FIRST_NAMED } from "../../src/ledger/zones/zone.ts";
import type { Zoning } from "../../src/ledger/zones/zoning.ts";
import { type Book, customersOf, listOf, useBook } from "./customers-of.ts";
import { setOf } from "./prefix-sets.ts";

/** Has a zoning refuse what comes until it is told otherwise. */
function refuse(zoning: Zoning): { isOver: boolean } {
  const refusing = { isOver: false };
  zoning.watch(function* () {
    yield;
    return refusing.isOver ? () => {} : "too large";
  });
  return refusing;
}

test("lists that can't be used leave no customers and no numbers behind", async () => {
  const customers = await customersOf({ "10.0.0.0/8": { customer: "ten" } });
  const { zoning } = customers;
  const refusing = refuse(zoning);
  for (const attempt of ["first", "second"]) {
    const more = Object.fromEntries(
      Array.from({ length: 100 }, (_, k) => [`10.1.0.${k}`, { customer: `${attempt}${k}` }]),
    );
    assert.equal(await useBook(customers, more), "too large");
    assert.deepEqual([zoning.zones, zoning.names.free], [FIRST_NAMED + 1, 0]);
  }
  refusing.isOver = true;
  assert.equal(await useBook(customers, { "10.0.0.0/9": { customer: "ten" } }), undefined);
  assert.equal(zoning.zones, FIRST_NAMED + 1);
});

test("a customer that counts has a number that there was room for, whatever was refused before", async () => {
  const ten = { "10.0.0.0/8": { customer: "ten" } };
  const customers = await customersOf(ten);
  const { zoning } = customers;
  const refusing = refuse(zoning);
  const failing = useBook(customers, bookOf(5000), () => Promise.reject(new Error("no right")));
  await assert.rejects(failing, /no right/);
  refusing.isOver = true;
  for (const book of [bookOf(40), { ...ten, "11.0.0.0/8": { customer: "eleven" } }]) {
    assert.equal(await useBook(customers, book), undefined);
    for (let page = 0; page < 2; page++) customers.slots.beginPage();
    assert.ok(zoning.zones <= zoning.maxZones, `${zoning.zones} of ${zoning.maxZones}`);
  }
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
  refuse(zoning);
  const failing = useBook(customers, bookOf(5000), () => Promise.reject(new Error("no right")));
  await assert.rejects(failing, /no right/);
  assert.deepEqual([zoning.table, zoning.maxZones, zoning.quota.limit], [table, maxZones, limit]);
  assert.ok(limit < 5000);
  let made = 0;
  assert.equal(await useBook(customers, bookOf(5000), async () => void made++), undefined);
  assert.equal(made, 1);
  assert.ok(zoning.quota.limit >= 5000 && zoning.zones <= zoning.maxZones);
  assert.equal(zoning.nameOf(zoning.table.zoneOfIpv4(0x0a_13_87_01)), 'customer="c4999"');
});

test("lists before come back though there is room for others by now; if they can't, those stay", async () => {
  const customers = await customersOf({ "10.0.0.0/8": { customer: "ten" } });
  const { zoning } = customers;
  const { table } = zoning;
  refuse(zoning);
  let made = 0;
  let failure: Error | undefined;
  const makeRoom = async () => {
    made++;
    if (failure !== undefined) throw failure;
  };
  const set = setOf(listOf({ "11.0.0.0/8": { site: "eleven" } }));
  const taken = await customers.use([set], tablesOf(sweepPrefixes(set)), makeRoom);
  assert.ok(typeof taken === "object");
  const { table: later } = zoning;
  failure = new Error("no memory");
  await assert.rejects(taken.undo(), /no memory/);
  assert.deepEqual([zoning.table === later, customers.otherLabels], [true, 'site="other"']);
  failure = undefined;
  await taken.undo();
  assert.deepEqual([zoning.table === table, customers.otherLabels, made], [true, 'customer="other"', 3]);
});

function bookOf(customers: number): Book {
  return Object.fromEntries(
    Array.from({ length: customers }, (_, k) => [`10.${k >> 8}.${k & 255}.0/24`, { customer: `c${k}` }]),
  );
}
