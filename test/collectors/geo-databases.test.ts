import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { databaseFamilies } from "../../src/collectors/geo-databases.ts";
import { GeoDatabases } from "../../src/geo/databases.ts";
import { mmdb } from "../support/mmdb-writer.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

test("a database that doesn't name its type has no type on the page", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "untyped.mmdb");
  writeFileSync(path, mmdb({ "192.0.2.0/24": { country_code: "NL" } }, { metadata: { database_type: undefined } }));
  const databases = await GeoDatabases.open([path], () => undefined, assert.fail);
  const info = databaseFamilies(databases).find(({ name }) => name === "promtap_geoip_database_info");
  assert.ok(info !== undefined && "samples" in info);
  assert.deepEqual(info.samples, [{ labels: { database: path, type: "", attribution: "" }, value: 1 }]);
});
