import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FileWatch } from "../../src/files/watch.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const SETTLE_MS = 50;

/** A watch that counts how often a file has changed. */
async function watched(path: string): Promise<{ watch: FileWatch; count: () => number }> {
  let count = 0;
  const watch = await FileWatch.open([path], { changed: () => void count++, failed: assert.fail }, SETTLE_MS);
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

test("what links lead to is watched where it is, and so are links on the way", async () => {
  using folder = new TemporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  for (const name of ["etc", "v1", "v2"]) mkdirSync(at(name));
  for (const version of ["v1", "v2"]) writeFileSync(at(version, "list.csv"), version);
  symlinkSync(at("v1"), at("lists"));
  symlinkSync("../lists/list.csv", at("etc", "list.csv"));
  const { watch, count } = await watched(at("etc", "list.csv"));
  using _ = watch;
  for (const [index, change] of [
    () => writeFileSync(at("v1", "list.csv"), "in its own folder"),
    () => {
      symlinkSync(at("v2"), at("next"));
      renameSync(at("next"), at("lists"));
    },
    () => writeFileSync(at("v2", "list.csv"), "in its new folder"),
  ].entries()) {
    change();
    await until("the change is seen", () => count() === index + 1);
  }
});

test("a folder that is not there yet, or becomes another one, is followed", async () => {
  using folder = new TemporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  const { watch, count } = await watched(at("a", "b", "list.csv"));
  using _ = watch;
  const write = (name: string): void => {
    mkdirSync(at(name, "b"), { recursive: true });
    writeFileSync(at(name, "b", "list.csv"), name);
  };
  for (const [index, change] of [
    () => write("a"),
    () => rmSync(at("a"), { recursive: true }),
    () => write("a"),
    () => {
      renameSync(at("a", "b"), at("a", "c"));
      write("a");
    },
    () => writeFileSync(at("a", "b", "list.csv"), "changed"),
  ].entries()) {
    change();
    await until("the change is seen", () => count() === index + 1);
  }
});

test("a file is followed that changed while it was read, by what it was before", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "list.csv");
  writeFileSync(path, "a");
  const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
  let count = 0;
  using watch = await FileWatch.open(
    [path],
    {
      async changed() {
        if (++count > 1) return;
        await isRead;
        await watch.follow([path]);
      },
      failed: assert.fail,
    },
    SETTLE_MS,
  );
  writeFileSync(path, "ab");
  await until("it is being read", () => count === 1);
  writeFileSync(path, "abc");
  read();
  await until("the second change is seen", () => count === 2);
});

test("files in a folder that never settles are looked at nevertheless", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "list.csv");
  const { watch, count } = await watched(path);
  using _ = watch;
  writeFileSync(path, "a");
  let others = 0;
  await until("the change is seen", () => {
    writeFileSync(join(folder.path, `other${others++ % 10}`), `${others}`);
    return count() === 1;
  });
});
