import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";

import { cache, readVersion, root } from "./project.ts";

/** Lists networks with the number and the name of their AS. */
const asPackage = "node_modules/@ip-location-db/asn";
const LISTS = ["asn-ipv4-num.csv", "asn-ipv6-num.csv"];

const LEVEL = 19;

/**
 * Makes the list of names of ASes that the binary carries, in the form that --flow-as-names takes, compressed: one line
 * for each number, in their order. Returns its path; kept for the next build.
 */
export function buildAsNames(): string {
  const folder = join(cache, "addons");
  const path = join(folder, "as-names.txt.zst");
  const stamp = join(cache, "as-names.version");
  const version = readVersion(join(root, asPackage));
  if (existsSync(path) && existsSync(stamp) && readFileSync(stamp, "utf8") === version) return path;
  const names = new Map<number, string>();
  for (const list of LISTS) readNames(readFileSync(join(root, asPackage, list), "utf8"), names);
  const lines = [...names].sort(([a], [b]) => a - b).map(([number, name]) => `${number} ${name}\n`);
  const options = { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, zstdCompressSync(lines.join(""), options));
  writeFileSync(stamp, version);
  return path;
}

/** Reads lines of START,END,NUMBER,NAME; a name with a comma or a quote stands in quotes, with quotes doubled. */
export function readNames(list: string, names: Map<number, string>): void {
  for (const [, number, quoted, plain] of list.matchAll(/^[^,\n]*,[^,\n]*,(\d+),(?:"((?:[^"]|"")*)"|(.*))$/gm)) {
    const name = (quoted?.replaceAll('""', '"') ?? plain ?? "").replace(/\s+/g, " ").trim();
    if (name !== "") names.set(Number(number), name);
  }
}
