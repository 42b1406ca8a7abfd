import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_RANGE, type Range, RangeTable, rangeSeries } from "../../src/ledger/ranges.ts";
import { parseRange } from "../../src/config/range-syntax.ts";
import { addresses, bordersOf, rangeLists } from "./arbitraries.ts";
import { firstRange } from "./model.ts";

const MAX_IPV6 = (1n << 128n) - 1n;

function search(table: RangeTable, version: 4 | 6, address: bigint): number {
  const word = (shift: bigint) => Number(BigInt.asIntN(32, address >> shift));
  if (version === 4) return table.rangeOfIpv4(word(0n));
  return table.rangeOfIpv6(word(96n), word(64n), word(32n), word(0n));
}

function tableOf(...texts: string[]): RangeTable {
  return new RangeTable(texts.map(parseRange));
}

test("the first range given has an address, however ranges overlap", () => {
  const samples = fc.array(fc.tuple(addresses(4), addresses(6)), { minLength: 20, maxLength: 20 });
  const property = fc.property(rangeLists, samples, (ranges, some) => {
    const table = new RangeTable(ranges);
    for (const version of [4, 6] as const) {
      const drawn = some.map((pair) => (version === 4 ? pair[0] : pair[1]));
      for (const address of [...drawn, ...bordersOf(ranges, version)]) {
        assert.equal(search(table, version, address), firstRange(ranges, version, address), `${version}: ${address}`);
      }
    }
  });
  fc.assert(property, { numRuns: 1000 });
});

test("5,000 ranges that overlap are searched as one by one", () => {
  const ranges = Array.from({ length: 5000 }, (_, index): Range => {
    // A fixed scatter (Knuth's multiplicative hash): starts all over IPv4, lengths from 1 to 4 million.
    const first = BigInt(Math.imul(index, 0x9e3779b1) >>> 0);
    const last = first + (1n << BigInt(index % 23));
    const highest = 0xffff_ffffn;
    return { version: 4, first, last: last > highest ? highest : last, rollupBits: 32, labels: [], text: "" };
  });
  const table = new RangeTable(ranges);
  for (const address of bordersOf(ranges, 4).filter((_, index) => index % 7 === 0)) {
    assert.equal(search(table, 4, address), firstRange(ranges, 4, address));
  }
});

test("a range is covered when none of its addresses is its own", () => {
  const property = fc.property(rangeLists, (ranges) => {
    const borders = { 4: bordersOf(ranges, 4), 6: bordersOf(ranges, 6) };
    const isCovered = ({ version }: Range, index: number): boolean =>
      borders[version].every((address) => firstRange(ranges, version, address) !== index);
    assert.deepEqual(new RangeTable(ranges).covered(), ranges.filter(isCovered));
  });
  fc.assert(property, { numRuns: 1000 });
});

test("a range that others cover together is covered, one that has an address left is not", () => {
  const table = tableOf(
    "10.0.0.0/25",
    "10.0.0.128/25",
    "10.0.0.0/24:a=b",
    "10.0.0.0-10.0.1.0",
    "::1",
    "::0/126",
    "::1",
  );
  assert.deepEqual(
    table.covered().map((range) => [range.text, table.owner(range).text]),
    [
      ["10.0.0.0/24:a=b", "10.0.0.0/25"],
      ["::1", "::1"],
    ],
  );
});

test("no ranges hold nothing", () => {
  const table = tableOf();
  assert.equal(search(table, 4, 0n), NO_RANGE);
  assert.equal(search(table, 6, MAX_IPV6), NO_RANGE);
  assert.equal(table.groups, 0);
});

test("a range may begin at the lowest address and end at the highest", () => {
  const table = tableOf("0.0.0.0/0/24", "::/0");
  for (const address of [0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn]) assert.equal(search(table, 4, address), 0);
  for (const address of [0n, 1n << 63n, 1n << 127n, MAX_IPV6]) assert.equal(search(table, 6, address), 1);
});

test("one address may be a range, the lowest and the highest too", () => {
  const table = tableOf("0.0.0.0", "255.255.255.255", "128.0.0.0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  assert.deepEqual(
    [0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0x8000_0001n, 0xffff_fffen, 0xffff_ffffn].map((at) => search(table, 4, at)),
    [0, NO_RANGE, NO_RANGE, 2, NO_RANGE, NO_RANGE, 1],
  );
  assert.deepEqual(
    [0n, 1n, MAX_IPV6 - 1n, MAX_IPV6].map((at) => search(table, 6, at)),
    [3, NO_RANGE, NO_RANGE, 4],
  );
});

test("IPv6 is compared over all of its 128 bits", () => {
  // The ends differ from each other in every word, and each border lies where lower words wrap.
  const [first, last] = [(1n << 96n) - 1n, (2n << 96n) | (1n << 64n)];
  const range: Range = { version: 6, first, last, rollupBits: 128, labels: [], text: "" };
  const table = new RangeTable([range]);
  for (const address of [first, first + 1n, 1n << 97n, last - 1n, last]) assert.equal(search(table, 6, address), 0);
  const outside = [first - 1n, last + 1n, 1n << 64n, 3n << 96n];
  for (const address of outside) assert.equal(search(table, 6, address), NO_RANGE);
});

test("an IPv4 range does not hold the IPv6 address of the same number", () => {
  const table = tableOf("0.0.0.0/8");
  assert.equal(search(table, 6, 1n), NO_RANGE);
  assert.equal(search(table, 4, 1n), 0);
});

test("ranges with the same set of labels are one group, whatever their order", () => {
  const table = tableOf("10.0.0.1:a=1:b=2", "10.0.0.2:b=2:a=1", "10.0.0.3:a=1", "10.0.0.4", "::1:a=1", "10.0.0.5");
  assert.deepEqual([...table.groupOf], [0, 0, 1, 2, 1, 2]);
  assert.equal(table.groups, 3);
});

test("a range has a series for each address, or for each network of its rollup", () => {
  const expectations: [text: string, series: number][] = [
    ["192.0.2.1", 1],
    ["192.0.2.1-192.0.2.4", 4],
    ["10.0.0.0/16", 65_536],
    ["10.0.0.0/8/24", 65_536],
    ["0.0.0.0/0/8", 256],
    ["2001:db8::/48/64", 65_536],
  ];
  for (const [text, series] of expectations) assert.equal(rangeSeries(parseRange(text)), series, text);
});
