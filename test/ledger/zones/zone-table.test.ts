import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Range } from "../../../src/ledger/ranges.ts";
import { cutSegments } from "../../../src/ledger/segments.ts";
import { NO_ZONE, Spans } from "../../../src/ledger/zones/spans.ts";
import { FIRST_NAMED } from "../../../src/ledger/zones/zone.ts";
import { ZoneTable } from "../../../src/ledger/zones/zone-table.ts";
import { addresses, bordersOf, rangeLists } from "../arbitraries.ts";
import { firstRange } from "../model.ts";

const NOWHERE = 1000;
const VERSIONS = [4, 6] as const;

/** The zones of ranges: FIRST_NAMED for the first, and so on. */
function spansOf(ranges: readonly Range[], version: 4 | 6): Spans {
  return Spans.of(cutSegments(ranges, version), (range) => FIRST_NAMED + range, version);
}

function tableOf(spans: (version: 4 | 6) => Spans): ZoneTable {
  return new ZoneTable(spans(4), spans(6));
}

function find(table: ZoneTable, version: 4 | 6, address: bigint): number {
  const word = (shift: bigint): number => Number(BigInt.asIntN(32, address >> shift));
  return version === 4 ? table.zoneOfIpv4(word(0n)) : table.zoneOfIpv6(word(96n), word(64n), word(32n), word(0n));
}

/** Addresses to look up: the borders of the ranges, and any. */
const lookUps = fc.record({ 4: fc.array(addresses(4)), 6: fc.array(addresses(6)) });

describe("a table finds the zone that a list of ranges, read from its start, has", () => {
  test("of any address, for any ranges", () => {
    const property = fc.property(rangeLists, lookUps, (ranges, list) => {
      const table = tableOf((version) => spansOf(ranges, version).over(Spans.all(version, NOWHERE)));
      for (const version of VERSIONS) {
        for (const address of [...bordersOf(ranges, version), ...list[version]]) {
          const range = firstRange(ranges, version, address);
          assert.equal(
            find(table, version, address),
            range < 0 ? NOWHERE : FIRST_NAMED + range,
            `${version} ${address}`,
          );
        }
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("of any address, if one list lies over another", () => {
    const property = fc.property(rangeLists, rangeLists, lookUps, (upper, lower, list) => {
      const below = (version: 4 | 6) => {
        const spans = Spans.of(cutSegments(lower, version), (range) => 100 + range, version);
        return spans.over(Spans.all(version, NOWHERE));
      };
      const table = tableOf((version) => spansOf(upper, version).over(below(version)));
      for (const version of VERSIONS) {
        const all = [...bordersOf(upper, version), ...bordersOf(lower, version), ...list[version]];
        for (const address of all) {
          const [first, second] = [upper, lower].map((ranges) => firstRange(ranges, version, address));
          const expected = first! >= 0 ? FIRST_NAMED + first! : second! >= 0 ? 100 + second! : NOWHERE;
          assert.equal(find(table, version, address), expected, `${version} ${address}`);
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  for (const [what, first, count, stride] of [
    ["one 16-bit prefix of IPv4", 0x0505_0000n, 3000, 5n],
    ["neighbouring 16-bit prefixes of IPv4", 0xfffd_8000n, 3000, 40n],
  ] as const) {
    test(`in ${what}, cut into many zones`, () => {
      const spans = new Spans(4);
      spans.add(0, 0, 0, 0, NOWHERE);
      for (let k = 0; k < count; k++) spans.add(Number(first + BigInt(k) * stride), 0, 0, 0, 1 + (k % 3));
      const table = new ZoneTable(spans, Spans.all(6, NOWHERE));
      for (let address = first - 300n; address < first + 300n + BigInt(count) * stride; address++) {
        const at = address < first ? -1n : (address - first) / stride;
        const last = BigInt(count - 1);
        const expected = at < 0n ? NOWHERE : 1 + (Number(at > last ? last : at) % 3);
        if (address < 1n << 32n) assert.equal(find(table, 4, address), expected, String(address));
      }
    });
  }

  test("in one 16-bit prefix of IPv6, cut into many zones of any length", () => {
    const spans = new Spans(6);
    spans.add(0, 0, 0, 0, NOWHERE);
    const starts = Array.from({ length: 2000 }, (_, k) => {
      const shift = [96n, 80n, 64n, 32n, 0n][k % 5]!;
      return (0x2a00n << 112n) + (BigInt(k * 7) << 100n) + (1n << shift);
    }).toSorted((a, b) => (a < b ? -1 : 1));
    for (const [k, start] of starts.entries()) {
      const word = (shift: bigint): number => Number((start >> shift) & 0xffff_ffffn);
      spans.add(word(96n), word(64n), word(32n), word(0n), 1 + (k % 3));
    }
    const table = new ZoneTable(Spans.all(4, NOWHERE), spans);
    for (const [k, start] of starts.entries()) {
      assert.equal(find(table, 6, start - 1n), k === 0 ? NOWHERE : 1 + ((k - 1) % 3));
      assert.equal(find(table, 6, start), 1 + (k % 3));
    }
    assert.equal(find(table, 6, (1n << 128n) - 1n), 1 + (1999 % 3));
    assert.equal(find(table, 6, 0n), NOWHERE);
  });
});

test("spans of the same zone are one", () => {
  const spans = new Spans(4);
  for (const [start, zone] of [
    [0, 7],
    [5, 7],
    [9, 8],
    [12, 8],
    [20, 7],
  ] as const) {
    spans.add(start, 0, 0, 0, zone);
  }
  assert.equal(spans.count, 3);
  assert.deepEqual([spans.start(1, 0), spans.zone(1)], [9, 8]);
  const all = Spans.all(4, 8).over(spans);
  assert.deepEqual([all.count, all.zone(0)], [1, 8]);
  assert.deepEqual([Spans.all(4, NO_ZONE).over(spans).count, NO_ZONE], [3, 0]);
});
