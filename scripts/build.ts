import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { gatherIngredients, keyOf, makeBinary } from "./product.ts";
import { cache, dist } from "./project.ts";
import { tarballName, writeTarball } from "./release.ts";
import { writeSums } from "./sums.ts";
import { native } from "./target.ts";

/*
 * npm run build: dist/promtap, and the tarball to give away. Does nothing when what goes in is what went in last time.
 */

const binary = join(dist, "promtap");
const tarball = join(dist, tarballName(native));
const checksums = join(dist, "sha256sums.txt");
const stamp = join(cache, "inputs.sha256");

const started = performance.now();
mkdirSync(dist, { recursive: true });
mkdirSync(cache, { recursive: true });

const ingredients = await gatherIngredients(native);
if (ingredients.missing !== undefined) console.warn(`build: without the engine pcap: ${ingredients.missing}`);
const key = keyOf(ingredients);
if ([binary, tarball, checksums].every(existsSync) && existsSync(stamp) && readFileSync(stamp, "utf8") === key) {
  console.log("build: dist/promtap is up to date");
} else {
  makeBinary(ingredients, binary);
  try {
    writeTarball(ingredients, binary, tarball);
  } catch (error) {
    console.warn(`build: without the tarball: ${String(error)}`);
  }
  writeSums(checksums, [binary, tarball].filter(existsSync));
  writeFileSync(stamp, key);
  console.log(`build: dist/promtap, made in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
