import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cache, root } from "../../scripts/project.ts";

/** Names of architectures, or 1 for all; it takes minutes for each. */
const wanted = process.env["REPRODUCE"] ?? "";
const architectures = wanted === "1" ? [] : wanted.split(" ");

/** Builds all packages of the last commit in a folder of that name, as somebody else; returns their sums. */
function build(parent: string, name: string, umask: string, timeZone: string): string {
  const folder = join(parent, name);
  execFileSync("git", ["clone", "--quiet", root, folder], { stdio: "pipe" });
  mkdirSync(join(folder, ".cache"));
  // hard links, as packages are the same for everybody who has the lockfile
  execFileSync("cp", ["-al", join(root, "node_modules"), folder]);
  const script = `umask ${umask}; exec node scripts/packages/packages.ts ${architectures.join(" ")}`;
  const environment = { ...process.env, TZ: timeZone, LC_ALL: "C", HOME: folder };
  execFileSync("sh", ["-c", script], { cwd: folder, env: environment, stdio: "pipe" });
  const sums = readFileSync(join(folder, "dist/packages/sha256sums.txt"), "utf8");
  rmSync(folder, { recursive: true });
  return sums;
}

test("two clones give the same bytes", { skip: wanted === "" && "takes minutes, set REPRODUCE" }, () => {
  mkdirSync(cache, { recursive: true });
  // where hard links reach
  const parent = mkdtempSync(join(cache, "clones-"));
  try {
    const one = build(parent, "one", "022", "UTC");
    assert.ok(one.split("\n").length > 4);
    assert.equal(build(parent, "another-of-a-longer-name", "077", "Asia/Tokyo"), one);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
