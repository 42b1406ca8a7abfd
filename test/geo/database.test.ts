import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { GeoDatabase } from "../../src/geo/database.ts";
import { PromtapError } from "../../src/errors.ts";
import { mmdb, type MmdbValue } from "../support/mmdb-writer.ts";
import { words } from "./addresses.ts";

const NL = { country: { iso_code: "NL", names: { en: "Netherlands", de: "Niederlande" } }, continent: { code: "EU" } };

async function countryOf(record: MmdbValue) {
  const database = await GeoDatabase.open("test", mmdb({ "192.0.2.0/24": record, "198.51.100.0/24": NL }));
  return database.countryAt(database.tree.findIpv4(0xc0000201));
}

async function systemOf(record: MmdbValue) {
  const bytes = mmdb({ "192.0.2.0/24": record, "198.51.100.0/24": { asn: "AS1" } });
  const database = await GeoDatabase.open("test", bytes);
  return database.systemAt(database.tree.findIpv4(0xc0000201));
}

describe("a country is found in", () => {
  const flavours: Record<string, [MmdbValue, string, string | undefined]> = {
    "GeoLite2 and DB-IP": [NL, "NL", "EU"],
    "GeoLite2 City": [{ city: { names: { en: "Delft" } }, location: { accuracy_radius: 5 }, ...NL }, "NL", "EU"],
    "ip-location-db": [{ country_code: "JP" }, "JP", undefined],
    IPinfo: [{ country: "US", continent: "NA", country_name: "United States" }, "US", "NA"],
    "IPinfo Lite": [
      { country: "Peru", country_code: "PE", continent_code: "SA", continent: "South America" },
      "PE",
      "SA",
    ],
    "lower case": [{ country_code: "fr" }, "FR", undefined],
  };
  for (const [flavour, [record, code, continent]] of Object.entries(flavours)) {
    test(flavour, async () => assert.deepEqual(await countryOf(record), { code, continent }));
  }

  test("nothing that only looks like one", async () => {
    const records: MmdbValue[] = [
      {},
      { country: {} },
      { country_code: "" },
      { country_code: "None" },
      { country_code: "ZZ" },
    ];
    const others: MmdbValue[] = [
      { country: "Peru" },
      { country: { iso_code: 49 } },
      { registered_country: { iso_code: "DE" } },
    ];
    for (const record of [...records, ...others]) {
      assert.equal(await countryOf(record), undefined, JSON.stringify(record));
    }
  });
});

describe("if a record has no country", () => {
  const anycast = {
    continent: { code: "OC", geoname_id: 6_255_151, names: { en: "Oceania" } },
    registered_country: { geoname_id: 2_077_456, iso_code: "AU", names: { en: "Australia" } },
    traits: { is_anycast: true },
  };
  const open = (record: MmdbValue, takesRegistered: boolean) =>
    GeoDatabase.open("test", mmdb({ "192.0.2.0/24": record, "198.51.100.0/24": NL }), "", takesRegistered);
  const pointerIn = (database: GeoDatabase) => database.tree.findIpv4(0xc0000201);

  test("its continent is known all the same", async () => {
    const continents: [MmdbValue, string | undefined][] = [
      [{ continent: { code: "EU", names: { en: "Europe" } } }, "EU"],
      [{ continent_code: "AF" }, "AF"],
      [{ continent: "AS", country: "" }, "AS"],
      [{ continent: { code: "Europe" } }, undefined],
      [{ city: { names: { en: "Delft" } } }, undefined],
    ];
    for (const [record, continent] of continents) {
      const database = await open(record, false);
      assert.equal(database.countryAt(pointerIn(database)), undefined);
      assert.equal(database.continentAt(pointerIn(database)), continent, JSON.stringify(record));
    }
  });

  test("that of its registration takes its place, by choice alone", async () => {
    const [without, taking] = [await open(anycast, false), await open(anycast, true)];
    assert.equal(without.countryAt(pointerIn(without)), undefined);
    assert.deepEqual(taking.countryAt(pointerIn(taking)), { code: "AU", continent: undefined });
    const both = await open({ ...anycast, country: { iso_code: "FR" } }, true);
    assert.deepEqual(both.countryAt(pointerIn(both)), { code: "FR", continent: "OC" });
  });

  test("a file that knows registrations alone is one of countries, by choice", async () => {
    const bytes = mmdb({ "192.0.2.0/24": anycast });
    await assert.rejects(GeoDatabase.open("test", bytes), /neither countries nor AS numbers/);
    assert.equal((await GeoDatabase.open("test", bytes, "", true)).contents.hasCountries, true);
  });
});

describe("an AS is found in", () => {
  const number = 15_169;
  const owner = { isp: "Example ISP", organization: "Example Owner" };
  const flavours: Record<string, [MmdbValue, string]> = {
    "GeoLite2 and DB-IP": [{ autonomous_system_number: number, autonomous_system_organization: "GOOGLE" }, "GOOGLE"],
    "GeoIP2 ISP": [{ autonomous_system_number: number, autonomous_system_organization: "GOOGLE", ...owner }, "GOOGLE"],
    "GeoIP2 ISP, if the AS has no name": [{ autonomous_system_number: number, ...owner }, ""],
    "GeoIP2 Enterprise": [
      {
        country: { confidence: 99, iso_code: "US" },
        traits: {
          autonomous_system_number: number,
          autonomous_system_organization: "GOOGLE",
          connection_type: "Corporate",
          user_type: "business",
          ...owner,
        },
      },
      "GOOGLE",
    ],
    "GeoIP2 Enterprise, if the AS has no name": [{ traits: { autonomous_system_number: number, ...owner } }, ""],
    "a record that has a name of something else": [{ autonomous_system_number: number, name: "Delft" }, ""],
    "IPinfo Company": [{ name: "Example Owner", asn: "AS15169", as_name: "Google LLC" }, "Google LLC"],
    "IPinfo ASN": [{ asn: "AS15169", name: "Google LLC", domain: "google.com" }, "Google LLC"],
    "IPinfo Lite": [{ asn: "AS15169", as_name: "Google LLC", country_code: "US" }, "Google LLC"],
    "a flat number": [{ asn: number }, ""],
  };
  for (const [flavour, [record, name]] of Object.entries(flavours)) {
    test(flavour, async () => assert.deepEqual(await systemOf(record), { number, name }));
  }

  test("nothing that only looks like one", async () => {
    const records: MmdbValue[] = [
      {},
      { asn: "" },
      { asn: "ASX" },
      { asn: 0 },
      { autonomous_system_organization: "A" },
      { traits: { organization: "A" } },
      { traits: "AS7" },
    ];
    for (const record of records) {
      assert.equal(await systemOf(record), undefined, JSON.stringify(record));
    }
  });

  test("a record whose name is too long for a label, which is cut between characters", async () => {
    const name = `${"a".repeat(99)}\u{1F600}`;
    assert.deepEqual(await systemOf({ asn: 7, name }), { number: 7, name: `${"a".repeat(99)}\ufffd` });
  });
});

test("a database tells its type, its date and what it holds", async () => {
  const records = { "192.0.2.0/24": NL, "198.51.100.0/24": { asn: 7 } };
  const options = { type: "Example-City", buildEpoch: 1_600_000_000 };
  const { name, type, buildEpoch, contents } = await GeoDatabase.open("/a.mmdb", mmdb(records, options));
  assert.deepEqual(
    { name, type, buildEpoch, contents },
    { name: "/a.mmdb", ...options, contents: { hasCountries: true, hasSystems: true } },
  );
});

test("a file that doesn't name its type has none, whatever stands there instead", async () => {
  const untyped = JSON.parse(
    '[7, true, ["a"], {"en": "a"}, {"toString": 1}, {"toString": "a", "valueOf": 1}]',
  ) as MmdbValue[];
  for (const type of [undefined, ...untyped]) {
    const bytes = mmdb({ "192.0.2.0/24": NL }, { metadata: { database_type: type } });
    assert.equal((await GeoDatabase.open("a", bytes)).type, "", JSON.stringify(type));
  }
  const bytes = mmdb({}, { metadata: { database_type: undefined } });
  assert.equal(await refusal(bytes), "it has neither countries nor AS numbers; its type is not named");
});

test("a type that is too long for a label is cut", async () => {
  const { type } = await GeoDatabase.open("a", mmdb({ "192.0.2.0/24": NL }, { type: "x".repeat(7000) }));
  assert.equal(type, "x".repeat(100));
});

test("keys that objects of JavaScript have are keys like any other", async () => {
  for (const key of ["__proto__", "constructor", "hasOwnProperty", "toString"]) {
    const inherited = { [key]: { country_code: "US", iso_code: "US", asn: 1, code: "NA" } };
    assert.equal(await countryOf(inherited), undefined, key);
    assert.equal(await countryOf({ country: inherited }), undefined, key);
    assert.equal(await systemOf(inherited), undefined, key);
    assert.deepEqual(await countryOf({ ...inherited, ...NL }), { code: "NL", continent: "EU" }, key);
  }
  const bytes = mmdb(
    { "192.0.2.0/24": NL },
    { metadata: { record_size: undefined, ["__proto__"]: { record_size: 24 } } },
  );
  assert.match(await refusal(bytes), /record_size is missing$/);
});

async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await GeoDatabase.open("/a.mmdb", bytes);
  } catch (error) {
    assert.ok(error instanceof PromtapError);
    assert.match(error.message, /^couldn't use \/a\.mmdb: [^\n]+$/);
    return error.message.slice("couldn't use /a.mmdb: ".length);
  }
  return "";
}

/** A small database with all that there is to damage: pointers, nested maps, IPv4 and IPv6. */
function sample(): Uint8Array {
  const bonn = { ...NL, subdivisions: [{ iso_code: "NW" }], location: { accuracy_radius: 20 }, is_anycast: true };
  return mmdb({ "192.0.2.0/24": NL, "198.51.100.0/25": bonn, "2001:db8::/48": { country_code: "US" } });
}

describe("a file is refused", () => {
  test("that is empty, or something else", async () => {
    const others = ["", "\0".repeat(100_000), "<html>404 Not Found</html>", "\x1f\x8b\b\0\0\0\0\0"];
    for (const text of others) assert.match(await refusal(Buffer.from(text, "latin1")), /^it is no MaxMind DB file/);
  });

  test("at whatever byte it is cut short, and wherever it begins too late", async () => {
    const bytes = sample();
    for (let length = 0; length < bytes.length; length++) {
      assert.notEqual(await refusal(bytes.subarray(0, length)), "", `${length} of ${bytes.length} bytes`);
    }
    for (let start = 1; start < bytes.length; start++) {
      assert.notEqual(await refusal(bytes.subarray(start)), "", `from byte ${start}`);
    }
  });

  test("that holds neither countries nor AS numbers", async () => {
    const cities = mmdb({ "192.0.2.0/24": { city: { names: { en: "Delft" } } } }, { type: "Cities" });
    assert.equal(await refusal(cities), "it has neither countries nor AS numbers; its type is Cities");
    assert.equal(await refusal(mmdb({})), "it has neither countries nor AS numbers; its type is Test");
  });

  test("whose format is another", async () => {
    const patched = (from: string, to: string): Uint8Array => {
      const text = Buffer.from(sample()).toString("latin1");
      assert.ok(text.includes(from));
      return Buffer.from(text.replace(from, to), "latin1");
    };
    const major = "binary_format_major_version\xc4\0\0\0";
    assert.match(await refusal(patched(`${major}\x02`, `${major}\x03`)), /binary_format_major_version is 3$/);
    assert.match(
      await refusal(patched("record_size\xc4\0\0\0\x18", "record_size\xc4\0\0\0\x10")),
      /record_size is 16$/,
    );
    assert.match(await refusal(patched("ip_version\xc4\0\0\0\x06", "ip_version\xc4\0\0\0\x05")), /ip_version is 5$/);
    assert.match(await refusal(patched("node_count\xc4\0", "node_count\xc4\x7f")), /tree is longer than the file$/);
    // a date that JavaScript has no words for
    const late = patched("build_epoch\xc4", "build_epoch\x08\x02\0\x1f\xff\xff");
    assert.match(await refusal(late), /build_epoch is 90071\d+$/);
    assert.match(await refusal(patched("node_count", "node_cound")), /node_count is missing$/);
  });

  /** A database with one record, which is these bytes, at the very beginning of the data. */
  const withData = (...data: readonly number[]): Uint8Array => {
    const bytes = mmdb({ "192.0.2.0/24": { zz: "x".repeat(500) } });
    bytes.set(data, Buffer.from(bytes).indexOf(Buffer.from("\xe1\x42zz", "latin1")));
    return bytes;
  };
  const pointer = (to: number): number[] => [0x20 | (to >> 8), to & 0xff];
  const MAP_OF_A = [0xe1, 0x41, 0x41];

  test("whose data are no map, point outside, go round in circles or are of no type", async () => {
    assert.match(await refusal(withData(0x42)), /is no map, at byte \d+$/);
    assert.match(await refusal(withData(...MAP_OF_A, 0x3f, 0xff, 0xff)), /leads out of the data, at byte \d+$/);
    assert.match(await refusal(withData(...MAP_OF_A, ...pointer(0))), /nested more than 32 deep, at byte \d+$/);
    assert.match(await refusal(withData(...MAP_OF_A, ...pointer(3))), /a pointer leads to a pointer, at byte \d+$/);
    assert.match(await refusal(withData(...MAP_OF_A, 0x00, 0x00)), /type that there is not, at byte \d+$/);
    assert.match(await refusal(withData(...MAP_OF_A, 0x01, 0x05)), /type or size that there is not, at byte \d+$/);
    assert.match(await refusal(withData(...MAP_OF_A, 0xc5)), /type or size that there is not, at byte \d+$/);
    assert.match(await refusal(withData(...MAP_OF_A, 0x5f, 0xff, 0xff, 0xff)), /cut short, at byte \d+$/);
    assert.match(await refusal(withData(0xe1, 0xa1, 0x07)), /a key is no text, at byte \d+$/);
    assert.match(await refusal(withData(0xff, 0xff, 0xff, 0xff)), /, at byte \d+$/);
  });

  test("whose few bytes stand for billions of values", async () => {
    const data = [...MAP_OF_A, 0, 0, 0x41, 0x61];
    let inner = 5;
    for (let level = 0; level < 10; level++) {
      const at = data.length;
      data.push(0x08, 0x04, ...Array.from({ length: 8 }, () => pointer(inner)).flat());
      inner = at;
    }
    data.splice(3, 2, ...pointer(inner));
    assert.match(await refusal(withData(...data)), /more than 65536 values in one, at byte \d+$/);
  });
});

test("whatever byte is another one, the file is refused, or look-ups give something and throw nothing", () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = sample();
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      let database;
      try {
        database = await GeoDatabase.open("test", bytes);
      } catch (error) {
        assert.ok(error instanceof PromtapError);
        return;
      }
      for (const address of ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "::1", "ffff::"]) {
        const pointer = database.tree.find(words(address));
        database.countryAt(pointer);
        database.systemAt(pointer);
      }
    }),
    { numRuns: 2000 },
  ));
