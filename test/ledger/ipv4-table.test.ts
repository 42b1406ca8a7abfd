import assert from "node:assert/strict";
import { test } from "node:test";
import { Ipv4Table, UNLISTED, UNSEEN } from "../../src/ledger/ipv4-table.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { ROW_CELLS } from "../../src/ledger/rows.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { parseRange } from "../../src/config/range-syntax.ts";

/** As far apart as two ranges get: a directory of 64 MiB spans them. */
const FAR_APART = ["0.0.1.0/24", "255.255.254.128/25"];
const CELL = 4;
const LAST_CELL = ROW_CELLS - 1;

function rangesOf(...texts: string[]): RangeTable {
  return new RangeTable(texts.map(parseRange));
}

function tableOf(ranges: RangeTable, limit = 1000): Ipv4Table {
  return new Ipv4Table(ranges, { limit, used: 0 });
}

function ip(text: string): number {
  return Number(BigInt.asIntN(32, parseAddress(text)!.value));
}

test("an address is unlisted, unseen, or has the slot that was set, in each table for itself", () => {
  const ranges = rangesOf(...FAR_APART);
  const [busy, other] = [tableOf(ranges), tableOf(ranges)];
  busy.set(ip("0.0.1.7"), CELL, 1);
  busy.set(ip("255.255.254.255"), CELL, 2);
  const expectations: [address: string, inBusy: number, inOther: number][] = [
    ["0.0.0.255", UNLISTED, UNLISTED],
    ["0.0.1.0", UNSEEN, UNSEEN],
    ["0.0.1.7", 1, UNSEEN],
    ["0.0.1.255", UNSEEN, UNSEEN],
    ["0.0.2.0", UNLISTED, UNLISTED],
    ["128.0.0.0", UNLISTED, UNLISTED],
    ["255.255.254.128", UNSEEN, UNSEEN],
    ["255.255.254.255", 2, UNSEEN],
    ["255.255.255.0", UNLISTED, UNLISTED],
  ];
  for (const [address, inBusy, inOther] of expectations) {
    assert.deepEqual([busy.find(ip(address), CELL), other.find(ip(address), CELL)], [inBusy, inOther], address);
  }
  assert.equal(tableOf(ranges).find(ip("0.0.1.7"), CELL), UNSEEN);
});

test("what is beside a range is unlisted in a cell from the first address on that was seen in it", () => {
  const table = tableOf(rangesOf("10.0.0.8-10.0.0.9"));
  table.set(ip("10.0.0.8"), CELL, 7);
  const found = ["10.0.0.7", "10.0.0.8", "10.0.0.9", "10.0.0.10"].map((address) => table.find(ip(address), CELL));
  assert.deepEqual(found, [UNLISTED, 7, UNSEEN, UNLISTED]);
});

test("an address that is in no range is remembered too", () => {
  const table = tableOf(rangesOf("10.0.0.8", "10.0.9.0/24"));
  for (const address of ["9.255.255.255", "10.0.0.7", "10.0.5.5", "10.1.0.0"]) {
    table.setUnlisted(ip(address), CELL);
    assert.equal(table.find(ip(address), CELL), UNLISTED, address);
  }
  assert.deepEqual([table.find(ip("10.0.0.8"), CELL), table.find(ip("10.0.0.7"), LAST_CELL)], [UNSEEN, UNSEEN]);
  assert.equal(table.pageCount, 1);
});

test("what finds no page stays unseen; what has one, or needs none, is remembered", () => {
  const table = tableOf(rangesOf("10.0.0.0/23", "10.1.0.0/16/24"), 1);
  table.set(ip("10.0.0.1"), CELL, 1);
  table.set(ip("10.0.1.1"), CELL, 2);
  table.set(ip("10.0.0.1"), LAST_CELL, 3);
  table.set(ip("10.0.0.2"), CELL, 4);
  table.set(ip("10.1.1.1"), CELL, 5);
  const found = ["10.0.0.1", "10.0.1.1", "10.0.0.2", "10.1.1.7"].map((address) => table.find(ip(address), CELL));
  assert.deepEqual([...found, table.find(ip("10.0.0.1"), LAST_CELL), table.pageCount], [1, UNSEEN, 4, 5, UNSEEN, 1]);
});

test("each cell of an address has a slot of its own", () => {
  const table = tableOf(rangesOf("10.0.0.0/23"));
  for (let cell = 0; cell < ROW_CELLS; cell += 2) table.set(ip("10.0.1.1"), cell, 100 + cell);
  for (let cell = 0; cell < ROW_CELLS; cell++) {
    assert.equal(table.find(ip("10.0.1.1"), cell), cell % 2 === 0 ? 100 + cell : UNSEEN, `cell ${cell}`);
    assert.equal(table.find(ip("10.0.0.1"), cell), UNSEEN, `cell ${cell}`);
  }
});

test("a network of 256 addresses or more has one slot for all, where nothing else is inside", () => {
  const table = tableOf(rangesOf("10.0.7.7", "10.0.0.0/16/22"));
  table.set(ip("10.0.4.9"), CELL, 5);
  table.set(ip("10.0.7.9"), CELL, 5);
  table.set(ip("10.0.7.7"), CELL, 6);
  const expectations: [address: string, slot: number][] = [
    ["10.0.4.0", 5],
    ["10.0.4.255", 5],
    // Of the same network, but not yet asked for.
    ["10.0.5.0", UNSEEN],
    ["10.0.7.7", 6],
    ["10.0.7.9", 5],
    ["10.0.7.10", UNSEEN],
    ["10.0.8.0", UNSEEN],
  ];
  for (const [address, slot] of expectations) assert.equal(table.find(ip(address), CELL), slot, address);
});

test("networks smaller than 256 addresses are told apart", () => {
  const table = tableOf(rangesOf("10.0.0.0/16/25"));
  table.set(ip("10.0.0.127"), CELL, 5);
  table.set(ip("10.0.0.128"), CELL, 6);
  assert.deepEqual([table.find(ip("10.0.0.127"), CELL), table.find(ip("10.0.0.128"), CELL)], [5, 6]);
});

test("many pages keep their slots", () => {
  const table = tableOf(rangesOf("10.0.0.0/16"));
  for (let page = 0; page < 256; page++) {
    for (const cell of [0, LAST_CELL]) table.set(ip(`10.0.${page}.1`), cell, page * 100 + cell + 1);
  }
  for (let page = 0; page < 256; page++) {
    for (const cell of [0, LAST_CELL]) {
      const found = [table.find(ip(`10.0.${page}.1`), cell), table.find(ip(`10.0.${page}.2`), cell)];
      assert.deepEqual(found, [page * 100 + cell + 1, UNSEEN]);
    }
  }
});

test("without ranges no address is listed", () => {
  const table = tableOf(rangesOf());
  for (const address of ["0.0.0.0", "0.0.0.1", "10.0.0.1", "255.255.255.255"]) {
    assert.equal(table.find(ip(address), CELL), UNLISTED, address);
  }
});

test("a table takes no memory of its own before the first address, however far apart the ranges are", () => {
  const ranges = rangesOf(...FAR_APART);
  const first = tableOf(ranges);
  assert.equal(first.find(ip("128.0.0.0"), CELL), UNLISTED);
  const before = process.memoryUsage().arrayBuffers;
  const tables = Array.from({ length: 16 }, () => tableOf(ranges));
  assert.equal(tables[15]!.find(ip("0.0.1.1"), CELL), UNSEEN);
  // Garbage may go meanwhile, which makes it less.
  assert.ok(process.memoryUsage().arrayBuffers <= before, `${process.memoryUsage().arrayBuffers - before} bytes more`);
});
