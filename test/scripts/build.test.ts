import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const root = resolve(import.meta.dirname, "../..");
/** What a build reads of a checkout. */
const INPUTS = ["scripts", "src", "package.json", "package-lock.json", "LICENSE", "README.md", "test/bench/README.md"];

test("if nothing but Node is installed, the build says what it leaves out, and the binary runs", () => {
  using folder = new TemporaryFolder();
  for (const name of INPUTS) cpSync(join(root, name), join(folder.path, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"));
  mkdirSync(join(folder.path, "empty"));
  const options = {
    cwd: folder.path,
    env: { PATH: join(folder.path, "empty") },
    encoding: "utf8",
    timeout: 60_000,
    killSignal: "SIGKILL",
  } as const;
  const { status, stderr } = spawnSync(process.execPath, ["scripts/build.ts"], options);
  assert.equal(status, 0, stderr);
  const warnings = stderr.trim().split("\n");
  assert.equal(warnings.length, 3, stderr);
  assert.match(warnings[0]!, /^build: without the engine pcap: /);
  assert.match(warnings[1]!, /^build: the binary keeps Node's symbols \(17 MB\): .*strip/);
  assert.match(warnings[2]!, /^build: without the tarball: .*tar/);
  assert.deepEqual(readdirSync(join(folder.path, "dist")), ["promtap", "sha256sums.txt"]);
  const version = spawnSync(join(folder.path, "dist/promtap"), ["--version"], options);
  assert.match(version.stdout, /^promtap, version /);
});
