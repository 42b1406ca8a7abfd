import assert from "node:assert/strict";
import { test } from "node:test";
import { Ipv4Memory, UNLISTED, UNSEEN } from "../../../src/ledger/tables/ipv4-memory.ts";
import { Ipv4Table } from "../../../src/ledger/tables/ipv4-table.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { ROW_CELLS } from "../../../src/ledger/rows.ts";
import { parseAddress } from "../../../src/packet/address.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";

/** As far apart as two ranges get. */
const FAR_APART = ["0.0.1.0/24", "255.255.254.128/25"];
const CELL = 4;
const LAST_CELL = ROW_CELLS - 1;

function rangesOf(...texts: string[]): RangeTable {
  return new RangeTable(texts.map(parseRange));
}

/** Bytes of a top and of a block, of a book, and of a page. */
const TOP = 16 * 1024;
const BLOCK = 16 * 1024;
const BOOK = 4 * ROW_CELLS;
const PAGE = 1024;

function tableOf(ranges: RangeTable): Ipv4Table {
  return new Ipv4Table(new Ipv4Memory(ranges, 2 ** 20));
}

function ip(text: string): number {
  return Number(BigInt.asIntN(32, parseAddress(text)!.value));
}

test("an address is unlisted, unseen, or has the slot that was set, in each table for itself", () => {
  const memory = new Ipv4Memory(rangesOf(...FAR_APART), 2 ** 20);
  const [busy, other] = [new Ipv4Table(memory), new Ipv4Table(memory)];
  busy.set(ip("0.0.1.7"), CELL, 1);
  busy.set(ip("255.255.254.255"), CELL, 2);
  const expectations: [address: string, inBusy: number, inOther: number][] = [
    // Of what is near a range nothing is known before one around it is seen.
    ["0.0.0.255", UNLISTED, UNSEEN],
    ["0.0.1.0", UNSEEN, UNSEEN],
    ["0.0.1.7", 1, UNSEEN],
    ["0.0.1.255", UNSEEN, UNSEEN],
    ["0.0.2.0", UNLISTED, UNSEEN],
    ["128.0.0.0", UNLISTED, UNLISTED],
    ["255.255.254.128", UNSEEN, UNSEEN],
    ["255.255.254.255", 2, UNSEEN],
    ["255.255.255.0", UNLISTED, UNSEEN],
  ];
  for (const [address, inBusy, inOther] of expectations) {
    assert.deepEqual([busy.find(ip(address), CELL), other.find(ip(address), CELL)], [inBusy, inOther], address);
  }
  assert.equal(new Ipv4Table(memory).find(ip("0.0.1.7"), CELL), UNSEEN);
});

test("what is beside a range is unlisted in a cell from the first address on that was seen in it", () => {
  const table = tableOf(rangesOf("10.0.0.8-10.0.0.9"));
  table.set(ip("10.0.0.8"), CELL, 7);
  const found = ["10.0.0.7", "10.0.0.8", "10.0.0.9", "10.0.0.10"].map((address) => table.find(ip(address), CELL));
  assert.deepEqual(found, [UNLISTED, 7, UNSEEN, UNLISTED]);
});

test("an address that is in no range is remembered too, with all around it that are in none", () => {
  const memory = new Ipv4Memory(rangesOf("10.0.0.8", "10.0.9.0/24"), 2 ** 20);
  const table = new Ipv4Table(memory);
  for (const address of ["9.255.255.255", "10.0.0.7", "10.0.5.5", "10.1.0.0"]) {
    table.setUnlisted(ip(address), CELL);
    assert.equal(table.find(ip(address), CELL), UNLISTED, address);
  }
  assert.equal(table.find(ip("10.0.8.8"), LAST_CELL), UNLISTED);
  assert.deepEqual([table.find(ip("10.0.0.8"), CELL), table.find(ip("10.0.0.7"), LAST_CELL)], [UNSEEN, UNSEEN]);
  assert.equal(memory.takenBytes, TOP + BLOCK + BOOK + PAGE);
});

test("what finds no page stays unseen; what has one, or needs none, is remembered", () => {
  const limit = TOP + BLOCK + 2 * BOOK + PAGE;
  const memory = new Ipv4Memory(rangesOf("10.0.0.0/23", "10.1.0.0/16/24"), limit);
  const table = new Ipv4Table(memory);
  table.set(ip("10.0.0.1"), CELL, 1);
  table.set(ip("10.1.1.1"), CELL, 5);
  table.set(ip("10.0.1.1"), CELL, 2);
  table.set(ip("10.0.0.1"), LAST_CELL, 3);
  table.set(ip("10.0.0.2"), CELL, 4);
  const found = ["10.0.0.1", "10.0.1.1", "10.0.0.2", "10.1.1.7"].map((address) => table.find(ip(address), CELL));
  assert.deepEqual([...found, table.find(ip("10.0.0.1"), LAST_CELL)], [1, UNSEEN, 4, 5, UNSEEN]);
  assert.equal(memory.takenBytes, limit);
});

test("without room for anything all is unseen, and found not to be listed", () => {
  for (const limit of [0, TOP, TOP + BLOCK, TOP + BLOCK + BOOK]) {
    const table = new Ipv4Table(new Ipv4Memory(rangesOf("10.0.0.0/25"), limit));
    table.set(ip("10.0.0.1"), CELL, 1);
    table.setUnlisted(ip("10.0.0.200"), CELL);
    const found = ["10.0.0.1", "10.0.0.200", "11.0.0.1"].map((address) => table.find(ip(address), CELL));
    assert.deepEqual(found, [UNSEEN, UNSEEN, UNLISTED], `${limit} bytes`);
  }
});

test("tables whose memory is cleared start over, and take it again", () => {
  const memory = new Ipv4Memory(rangesOf("10.0.0.0/8"), 2 ** 20);
  const tables = [new Ipv4Table(memory), new Ipv4Table(memory)];
  tables[0]!.set(ip("10.0.0.1"), CELL, 1);
  tables[1]!.set(ip("10.200.0.1"), CELL, 2);
  memory.clear();
  for (const table of tables) table.clear();
  assert.equal(memory.takenBytes, 0);
  tables[1]!.set(ip("10.0.0.1"), CELL, 3);
  const found = tables.map((table) => ["10.0.0.1", "10.200.0.1"].map((address) => table.find(ip(address), CELL)));
  assert.deepEqual(found, [
    [UNSEEN, UNSEEN],
    [3, UNSEEN],
  ]);
});

test("each cell of an address has a slot of its own", () => {
  const table = tableOf(rangesOf("10.0.0.0/23"));
  for (let cell = 0; cell < ROW_CELLS; cell += 2) table.set(ip("10.0.1.1"), cell, 100 + cell);
  for (let cell = 0; cell < ROW_CELLS; cell++) {
    assert.equal(table.find(ip("10.0.1.1"), cell), cell % 2 === 0 ? 100 + cell : UNSEEN, `cell ${cell}`);
    assert.equal(table.find(ip("10.0.0.1"), cell), UNSEEN, `cell ${cell}`);
  }
});

test("a network of 256 addresses or more has one slot for all, if nothing else is inside", () => {
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

test("an address or network that is forgotten is unseen in all cells, and nothing else is", () => {
  const table = tableOf(rangesOf("10.0.7.7", "10.0.0.0/16/22", "10.1.0.0/24/26", "10.2.0.0/25"));
  const known = ["10.0.0.1", "10.0.4.9", "10.0.5.9", "10.0.7.7", "10.0.7.9", "10.1.0.1", "10.1.0.65", "10.2.0.1"];
  const see = (address: string): number[] => [CELL, LAST_CELL].map((cell) => table.find(ip(address), cell));
  const remember = (): void => {
    for (const [at, address] of known.entries()) {
      for (const cell of [CELL, LAST_CELL]) table.set(ip(address), cell, at + 1);
    }
  };
  const cases: [first: string, last: string, forgotten: string[]][] = [
    ["10.0.0.0", "10.0.3.255", ["10.0.0.1"]],
    // The one with a range of its own is asked for again, and found.
    ["10.0.4.0", "10.0.7.255", ["10.0.4.9", "10.0.5.9", "10.0.7.7", "10.0.7.9"]],
    ["10.0.7.7", "10.0.7.7", ["10.0.7.7"]],
    ["10.1.0.0", "10.1.0.63", ["10.1.0.1"]],
    ["10.2.0.1", "10.2.0.1", ["10.2.0.1"]],
    ["10.2.0.2", "10.2.0.2", []],
    ["10.3.0.0", "10.3.0.255", []],
  ];
  remember();
  for (const [first, last, forgotten] of cases) {
    table.forget(ip(first), ip(last));
    for (const [at, address] of known.entries()) {
      const expected = forgotten.includes(address) ? UNSEEN : at + 1;
      assert.deepEqual(see(address), [expected, expected], `${address} of ${first}-${last}`);
    }
    remember();
  }
  table.setUnlisted(ip("10.2.0.200"), CELL);
  table.forget(ip("10.2.0.0"), ip("10.2.0.127"));
  assert.equal(table.find(ip("10.2.0.200"), CELL), UNLISTED);
});

test("a table takes no memory of its own before the first address, however far apart the ranges are", () => {
  const memory = new Ipv4Memory(rangesOf(...FAR_APART), 2 ** 20);
  const tables = Array.from({ length: 16 }, () => new Ipv4Table(memory));
  const found = ["0.0.1.1", "128.0.0.0"].map((address) => tables[15]!.find(ip(address), CELL));
  assert.deepEqual([...found, memory.takenBytes], [UNSEEN, UNLISTED, 0]);
});

test("the tables of any number of interfaces keep to one limit, however wide the ranges are", () => {
  const memory = new Ipv4Memory(rangesOf("0.0.0.0/0/24"), 2 ** 20);
  const tables = Array.from({ length: 300 }, () => new Ipv4Table(memory));
  const addresses = ["1.2.3.4", "10.0.0.1", "172.16.0.1", "192.0.2.1", "223.255.255.1"].map(ip);
  for (const [index, table] of tables.entries()) for (const address of addresses) table.set(address, CELL, index + 1);
  assert.ok(memory.takenBytes <= 2 ** 20 && memory.words.byteLength <= 2 ** 20 + 64 * 1024);
  for (const [index, table] of tables.entries()) {
    for (const address of addresses) assert.ok([UNSEEN, index + 1].includes(table.find(address, CELL)));
  }
  assert.equal(tables[0]!.find(addresses[4]!, LAST_CELL), UNSEEN);
  assert.equal(tables[0]!.find(addresses[4]!, CELL), 1);
});
