import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FileWatch } from "../../src/files/watch.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

/** A watch that follows a file again each time that it has changed. */
async function watched(path: string): Promise<{ watch: FileWatch; count: () => number }> {
  let count = 0;
  const watch = await FileWatch.open([path], () => void watch.follow([path]).then(() => count++));
  return { watch, count: () => count };
}

test("a file that is written, replaced, gone or there again is a change; others in its folder are none", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.yml");
  writeFileSync(path, "a");
  const { watch, count } = await watched(path);
  using _ = watch;
  for (const [index, change] of [
    () => writeFileSync(path, "ab"),
    () => {
      writeFileSync(join(folder.path, "next"), "abc");
      renameSync(join(folder.path, "next"), path);
    },
    () => renameSync(path, join(folder.path, "away")),
    () => writeFileSync(path, "abcd"),
  ].entries()) {
    writeFileSync(join(folder.path, `other${index}`), "");
    change();
    await until("the change is seen", () => count() === index + 1);
  }
});

test("what a symbolic link leads to may change with the link, as mounted volumes do", async () => {
  using folder = new TemporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  for (const version of ["v1", "v2"]) {
    mkdirSync(at(version));
    writeFileSync(at(version, "promtap.yml"), version);
  }
  symlinkSync("v1", at("data"));
  symlinkSync("data/promtap.yml", at("promtap.yml"));
  const { watch, count } = await watched(at("promtap.yml"));
  using _ = watch;
  symlinkSync("v2", at("next"));
  renameSync(at("next"), at("data"));
  await until("the change is seen", () => count() === 1);
});

test("a folder that is not there can't be watched", async () => {
  using folder = new TemporaryFolder();
  await assert.rejects(FileWatch.open([join(folder.path, "none", "promtap.yml")], () => {}));
});
