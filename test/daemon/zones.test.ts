import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { SharedDatabases } from "../../src/daemon/zones.ts";
import { mmdb } from "../support/mmdb-writer.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const DATABASE = mmdb({ "8.8.8.0/24": { country_code: "US" } });

test("databases may be others until they are opened; what can't be opened is tried again", async () => {
  using folder = new TemporaryFolder();
  const configOf = (name: string) => ({ paths: [join(folder.path, name)], takesRegistered: false });
  const databases = new SharedDatabases(configOf("a"));
  const namesOf = async () => (await databases.open()).states().map(({ database }) => basename(database.name));
  await assert.rejects(namesOf(), /\/a: no such file/);
  writeFileSync(join(folder.path, "a"), DATABASE);
  writeFileSync(join(folder.path, "b"), DATABASE);
  const undo = databases.use(configOf("b"));
  assert.equal(databases.opened, undefined);
  assert.deepEqual(await namesOf(), ["b"]);
  undo();
  assert.equal(databases.opened, undefined);
  const opened = await databases.open();
  assert.deepEqual(await namesOf(), ["a"]);
  databases.use(configOf("b"));
  assert.equal(await databases.open(), opened);
});
