import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { cache, nodeBinary, nodePackage, readVersion, root, run } from "./project.ts";
import { seal } from "./seal.ts";

/**
 * Options for Node and V8 that the binary starts with. The whole way of a packet, from the ring to its counter, is to be
 * inlined into one loop, which is more code than V8 allows by default (36 against 26 ns a packet, Node 24.21). And what
 * scrapes leave behind is to be collected before it fills the 64 MB that V8 allows by default: with 20,000 rules of a
 * firewall, 66 MB of anonymous memory instead of 176.
 */
const SPEED: readonly string[] = [
  "--max-inlined-bytecode-size-cumulative=3000",
  "--max-inlined-bytecode-size=2000",
  "--max-semi-space-size=4",
];

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
export function writeBinary(code: string, assets: Readonly<Record<string, string>>, path: string): void {
  const work = join(cache, "binary");
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, "promtap.cjs"), code);
  const settings = {
    main: "promtap.cjs", // relative, because stack traces name it
    output: "promtap.blob",
    assets,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // 14 ms of the start; V8 refuses a cache made under other flags than those that it runs with
    useCodeCache: true,
    execArgv: [...SPEED, ...SEAL],
    // NODE_OPTIONS in the environment is meant for the scripts of its owner, and can end or change any Node
    execArgvExtension: "none",
  };
  writeFileSync(join(work, "sea.json"), JSON.stringify(settings));
  // the blob's layout is private to a version of Node: only the one that it goes into may write it
  run(nodeBinary, [...SPEED, "--experimental-sea-config", "sea.json"], work);

  const unfinished = join(work, "promtap");
  const node = readFileSync(strippedNode());
  seal(node);
  writeFileSync(unfinished, node);
  // as a program, because its library warns on our stderr of section names that strip took
  const postject = join(root, "node_modules/postject/dist/cli.js");
  run(nodeBinary, [postject, unfinished, RESOURCE, join(work, "promtap.blob"), "--sentinel-fuse", FUSE]);
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, path);
}

/** Node without its symbols, 17 MB less; kept for the next build. Strip comes first: it refuses an injected file. */
function strippedNode(): string {
  const stripped = join(cache, `node-${readVersion(nodePackage)}-${process.arch}`);
  if (existsSync(stripped)) return stripped;
  try {
    run("strip", ["-o", `${stripped}.new`, nodeBinary]);
    renameSync(`${stripped}.new`, stripped);
    return stripped;
  } catch (error) {
    rmSync(`${stripped}.new`, { force: true });
    console.warn(`build: the binary keeps Node's symbols (17 MB): ${String(error)}`);
    return nodeBinary;
  }
}
