import assert from "node:assert/strict";
import { test } from "node:test";
import { Ipv4Table, UNLISTED, UNSEEN } from "../../src/ledger/ipv4-table.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { parseRange } from "../../src/config/range-syntax.ts";

/** As far apart as two ranges get: a directory of 64 MiB spans them. */
const FAR_APART = ["0.0.1.0/24", "255.255.254.128/25"];

function rangesOf(...texts: string[]): RangeTable {
  return new RangeTable(texts.map(parseRange));
}

function ip(text: string): number {
  return Number(BigInt.asIntN(32, parseAddress(text)!.value));
}

test("an address is unlisted, unseen, or has the row that was set, in each table for itself", () => {
  const ranges = rangesOf(...FAR_APART);
  const [busy, other] = [new Ipv4Table(ranges), new Ipv4Table(ranges)];
  busy.set(ip("0.0.1.7"), 0);
  busy.set(ip("255.255.254.255"), 1);
  const expectations: [address: string, inBusy: number, inOther: number][] = [
    ["0.0.0.255", UNLISTED, UNLISTED],
    ["0.0.1.0", UNSEEN, UNSEEN],
    ["0.0.1.7", 0, UNSEEN],
    ["0.0.1.255", UNSEEN, UNSEEN],
    ["0.0.2.0", UNLISTED, UNLISTED],
    ["128.0.0.0", UNLISTED, UNLISTED],
    ["255.255.254.0", UNLISTED, UNSEEN],
    ["255.255.254.128", UNSEEN, UNSEEN],
    ["255.255.254.255", 1, UNSEEN],
    ["255.255.255.0", UNLISTED, UNLISTED],
  ];
  for (const [address, inBusy, inOther] of expectations) {
    assert.deepEqual([busy.find(ip(address)), other.find(ip(address))], [inBusy, inOther], address);
  }
  assert.equal(new Ipv4Table(ranges).find(ip("0.0.1.7")), UNSEEN);
});

test("many pages keep their rows", () => {
  const table = new Ipv4Table(rangesOf("10.0.0.0/16"));
  for (let page = 0; page < 256; page++) table.set(ip(`10.0.${page}.1`), page);
  for (let page = 0; page < 256; page++) {
    assert.deepEqual([table.find(ip(`10.0.${page}.1`)), table.find(ip(`10.0.${page}.2`))], [page, UNSEEN]);
  }
});

test("without ranges no address is listed", () => {
  const table = new Ipv4Table(rangesOf());
  for (const address of ["0.0.0.0", "0.0.0.1", "10.0.0.1", "255.255.255.255"]) {
    assert.equal(table.find(ip(address)), UNLISTED, address);
  }
});

test("a table takes no memory of its own before the first address, however far apart the ranges are", () => {
  const ranges = rangesOf(...FAR_APART);
  const first = new Ipv4Table(ranges);
  assert.equal(first.find(ip("128.0.0.0")), UNLISTED);
  const before = process.memoryUsage().arrayBuffers;
  const tables = Array.from({ length: 16 }, () => new Ipv4Table(ranges));
  assert.equal(tables[15]!.find(ip("0.0.1.1")), UNSEEN);
  // Garbage may go meanwhile, which makes it less.
  assert.ok(process.memoryUsage().arrayBuffers <= before, `${process.memoryUsage().arrayBuffers - before} bytes more`);
});
