import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { cache, root, run } from "../project.ts";
import type { Target } from "../target.ts";

/**
 * Has npm install what the lockfile has for another architecture: Node and koffi's addon, besides the rest. Kept until
 * the lockfile changes.
 */
export function installForeignModules({ architecture, triplet }: Target): void {
  if (triplet === undefined) return;
  const folder = join(cache, architecture);
  const lock = join(root, "package-lock.json");
  const mark = join(folder, "installed-lock.json");
  if (existsSync(mark) && readFileSync(mark).equals(readFileSync(lock))) return;
  mkdirSync(folder, { recursive: true });
  rmSync(mark, { force: true });
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) {
    copyFileSync(join(root, name), join(folder, name));
  }
  const machine = ["--os=linux", `--cpu=${architecture}`, "--libc=glibc"];
  run(
    "npm",
    ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...machine],
    folder,
  );
  writeFileSync(mark, readFileSync(lock));
}
