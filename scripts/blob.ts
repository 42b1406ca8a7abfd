import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { runOn, type Target } from "./target.ts";

/** V8's SerializedCodeData: its magic number and version come first, and of the flags it was made under there is a hash. */
const ORIGIN_BYTES = 8;
const FLAG_HASH_OFFSET = 12;

/** Prints the header of any code cache, as a run of the program would write it. */
const PRINT_HEADER = 'process.stdout.write(new (require("vm").Script)("").createCachedData().toString("hex"))';

/**
 * Writes the blob of a single executable as Node's manual on those tells, with V8's code cache, which saves 14 ms of the
 * start. V8 hashes names by a random number, and the cache is full of the hashes: here the number is a given one, so
 * that the same inputs give the same bytes. But V8 refuses a cache that was made under other flags than those that it
 * runs with; so that the flag which gives the number is not seen, the hash of flags becomes that of a run without it.
 */
export function writeBlob(
  target: Target,
  code: string,
  assets: Readonly<Record<string, string>>,
  speed: readonly string[],
  sealed: readonly string[],
): string {
  const work = join(target.cache, "binary");
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, "promtap.cjs"), code);
  const settings = {
    main: "promtap.cjs", // relative, because stack traces name it
    output: "promtap.blob",
    assets,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: true,
    execArgv: [...speed, ...sealed],
    // NODE_OPTIONS in the environment is meant for the scripts of its owner, and can end or change any Node
    execArgvExtension: "none",
  };
  writeFileSync(join(work, "sea.json"), JSON.stringify(settings));
  // the blob's layout is private to a version of Node: only the one that it goes into may write it
  const { nodeBinary } = target;
  runOn(target, nodeBinary, [...speed, "--hash-seed=1", "--experimental-sea-config", "sea.json"], work);
  const header = headerUnder(target, speed);
  // Node carries its own modules compiled without flags, and would compile them again at every start.
  if (!header.equals(headerUnder(target, []))) throw new Error(`${speed.join(" ")} have V8 refuse what Node carries`);
  const path = join(work, "promtap.blob");
  const blob = readFileSync(path);
  hideSeed(blob, header);
  writeFileSync(path, blob);
  return path;
}

/** Of a code cache made under these flags, up to what depends on the code. */
function headerUnder(target: Target, flags: readonly string[]): Buffer {
  const cache = Buffer.from(runOn(target, target.nodeBinary, [...flags, "-e", PRINT_HEADER]), "hex");
  return cache.subarray(0, FLAG_HASH_OFFSET + 4);
}

/** Gives the one code cache in a blob, in place, the hash of flags that another header has. */
export function hideSeed(blob: Buffer, header: Buffer): void {
  const origin = header.subarray(0, ORIGIN_BYTES);
  const at = blob.indexOf(origin);
  if (at === -1 || blob.indexOf(origin, at + 1) !== -1) throw new Error("the blob has not one code cache");
  header.copy(blob, at + FLAG_HASH_OFFSET, FLAG_HASH_OFFSET, FLAG_HASH_OFFSET + 4);
}
