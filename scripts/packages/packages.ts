import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { gatherIngredients, makeBinary } from "../product.ts";
import { dist, version } from "../project.ts";
import { tarballName, writeTarball } from "../release.ts";
import { writeSums } from "../sums.ts";
import { type Architecture, type Target, targetOf } from "../target.ts";
import { debianName, writeDebianPackage } from "./debian.ts";
import { installForeignModules } from "./foreign-modules.ts";
import { rpmName, writeRpm } from "./rpm.ts";

/*
 * All that is given away, for both architectures, in dist/packages; an argument names one alone. Nothing
 * is left out: what is missing ends it.
 */

const ARCHITECTURES: readonly Architecture[] = ["x64", "arm64"];

const asked = process.argv.slice(2);
const wanted = ARCHITECTURES.filter((name) => asked.length === 0 || asked.includes(name));
if (wanted.length < asked.length) throw new Error(`packages: there are ${ARCHITECTURES.join(" and ")}`);

const folder = join(dist, "packages");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const made: string[] = [];
for (const architecture of wanted) made.push(...(await makeAll(targetOf(architecture))));
writeSums(join(folder, "sha256sums.txt"), made);

/** Returns the paths of what it made. */
async function makeAll(target: Target): Promise<string[]> {
  installForeignModules(target);
  const ingredients = await gatherIngredients(target);
  if (ingredients.missing !== undefined) throw new Error(`packages: no engine pcap: ${ingredients.missing}`);
  const name = `promtap-${version}-linux-${target.architecture}`;
  const binary = join(folder, name);
  makeBinary(ingredients, binary);
  const bill = join(folder, `${name}.cdx.json`);
  writeFileSync(bill, ingredients.bill);
  const makers = [
    [tarballName(target), writeTarball],
    [debianName(ingredients), writeDebianPackage],
    [rpmName(ingredients), writeRpm],
  ] as const;
  const packed = makers.map(([file, write]) => {
    const path = join(folder, file);
    write(ingredients, binary, path);
    console.log(`packages: ${file}`);
    return path;
  });
  return [binary, bill, ...packed];
}
