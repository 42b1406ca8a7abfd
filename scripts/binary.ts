import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { writeBlob } from "./blob.ts";
import { readVersion, root, run } from "./project.ts";
import { seal } from "./seal.ts";
import { native, type Target, toolOf } from "./target.ts";

/**
 * Options for Node and V8 that the binary starts with. What scrapes leave behind is to be collected before it fills the
 * 64 MB that V8 allows by default: with 20,000 rules of a firewall, 66 MB of anonymous memory instead of 176. What else is
 * asked of V8 comes later (inlineDeeply in src/native/process.ts).
 */
const SPEED: readonly string[] = ["--max-semi-space-size=4"];

/**
 * SIGUSR1 would have Node open a port for debuggers. With this it stays blocked from before the first line of code, in
 * every thread. What Node warns of is logged by cli.ts. Behind "--", Node looks for no options of its own; seal.ts takes
 * the rest.
 */
const SEAL: readonly string[] = ["--disable-sigusr1", "--no-warnings", "--"];

/** Name of the resource and mark in the executable that Node looks for (its manual on single executables). */
const RESOURCE = "NODE_SEA_BLOB";
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** Makes one executable out of Node, a CommonJS file and assets (name in the binary → path here). */
export function writeBinary(
  target: Target,
  code: string,
  assets: Readonly<Record<string, string>>,
  path: string,
): void {
  const blob = writeBlob(target, code, assets, SPEED, SEAL);
  const unfinished = join(dirname(blob), "promtap");
  const node = readFileSync(strippedNode(target));
  seal(node);
  writeFileSync(unfinished, node);
  // as a program, because its library warns on our stderr of section names that strip took
  const postject = join(root, "node_modules/postject/dist/cli.js");
  run(native.nodeBinary, [postject, unfinished, RESOURCE, blob, "--sentinel-fuse", FUSE]);
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, path);
}

/** Node without its symbols, 17 MB less; kept for the next build. Strip comes first: it refuses an injected file. */
function strippedNode(target: Target): string {
  const { nodeBinary, nodePackage, architecture } = target;
  const stripped = join(target.cache, `node-${readVersion(nodePackage)}-${architecture}`);
  if (existsSync(stripped)) return stripped;
  try {
    run(toolOf(target, "strip"), ["-o", `${stripped}.new`, nodeBinary]);
    renameSync(`${stripped}.new`, stripped);
    return stripped;
  } catch (error) {
    rmSync(`${stripped}.new`, { force: true });
    console.warn(`build: the binary keeps Node's symbols (17 MB): ${String(error)}`);
    return nodeBinary;
  }
}
