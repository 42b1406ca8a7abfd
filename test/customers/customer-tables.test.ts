import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { numbered, tablesOf } from "../../src/customers/customer-tables.ts";
import { sweepPrefixes } from "../../src/customers/prefix-sweep.ts";
import { FIRST_NAMED, Zone } from "../../src/ledger/zones/zone.ts";
import type { ZoneTable } from "../../src/ledger/zones/zone-table.ts";
import { addresses } from "../ledger/arbitraries.ts";
import { lastOf, type Listed, lists, longest, setOf } from "./prefix-sets.ts";

const VERSIONS = [4, 6] as const;

function find(table: ZoneTable, version: 4 | 6, address: bigint): number {
  const word = (shift: bigint): number => Number(BigInt.asIntN(32, address >> shift));
  return version === 4 ? table.zoneOfIpv4(word(0n)) : table.zoneOfIpv6(word(96n), word(64n), word(32n), word(0n));
}

/** Compares all addresses where a prefix begins or ends, and others, with a plain reading of the list. */
function assertSame(list: readonly Listed[], others: Readonly<Record<4 | 6, readonly bigint[]>>): void {
  const set = setOf(list);
  const table = numbered(
    tablesOf(sweepPrefixes(set)),
    Uint32Array.from(set.labels.ends, (_, index) => FIRST_NAMED + index),
  );
  for (const version of VERSIONS) {
    const highest = (1n << (version === 4 ? 32n : 128n)) - 1n;
    const own = list.filter((prefix) => prefix.version === version);
    const borders = own.flatMap((prefix) => [prefix.first - 1n, prefix.first, lastOf(prefix), lastOf(prefix) + 1n]);
    for (const address of [0n, highest, ...borders, ...others[version]]) {
      if (address < 0n || address > highest) continue;
      const prefix = longest(own, version, address);
      const expected = prefix === undefined ? Zone.UNKNOWN : FIRST_NAMED + set.sets[list.indexOf(prefix)]!;
      assert.equal(find(table, version, address), expected, `${version} ${address}`);
    }
  }
}

describe("a table finds the label set of the longest prefix that a list, read from its start, has", () => {
  test("of any address, for any list", () => {
    const lookUps = fc.record({ 4: fc.array(addresses(4)), 6: fc.array(addresses(6)) });
    fc.assert(fc.property(lists, lookUps, assertSame), { numRuns: 1000 });
  });

  test("of thousands of prefixes in one network", () => {
    const list = Array.from({ length: 3000 }, (_, k): Listed => {
      const version = k % 2 === 0 ? 4 : 6;
      const width = version === 4 ? 32 : 128;
      const bits = width - ((k * 7) % 12);
      const hostBits = BigInt(width - bits);
      const network = version === 4 ? 0x0a05_0000n : 0x2001_0db8n << 96n;
      return { version, first: ((network + BigInt(k) * 5n) >> hostBits) << hostBits, bits, labels: { n: `${k % 9}` } };
    });
    assertSame(list, { 4: [], 6: [] });
  });

  test("of all addresses, if a prefix has no bits", () => {
    const all = VERSIONS.map((version): Listed => ({ version, first: 0n, bits: 0, labels: { all: `${version}` } }));
    assertSame(all, { 4: [1n << 31n], 6: [1n << 127n] });
  });
});
