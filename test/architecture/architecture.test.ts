import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, test } from "node:test";
import { findCycle, importsOf, readSources, root } from "./source-tree.ts";

/**
 * What may import what: a folder or a file of src/, and what it may import besides its own folder. A name that ends in
 * a slash is a folder; "node:" is all that comes with Node; "*" is everything.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "grown-array.ts": [],
  "columns.ts": [],
  "version.ts": [],
  "log.ts": ["config/", "errors.ts", "consola", "node:"],
  "packet/": [],
  "ledger/": ["packet/", "grown-array.ts"],
  "flows/": ["packet/"],
  "files/": ["errors.ts", "node:"],
  "native/": ["errors.ts", "node:", "koffi", "cap"],
  "page/": ["errors.ts", "grown-array.ts", "node:", "prom-client"],
  "http/": ["errors.ts", "node:"],
  "kafka/": ["files/", "errors.ts", "node:", "@platformatic/kafka"],
  "geo/": ["packet/", "files/", "errors.ts", "node:", "mmdb-lib"],
  "capture/": ["packet/", "ledger/", "native/", "errors.ts", "node:"],
  "collectors/": [
    "config/",
    "capture/",
    "flows/",
    "ledger/",
    "geo/",
    "files/",
    "page/",
    "native/",
    "packet/",
    "errors.ts",
    "grown-array.ts",
    "kafka/",
    "version.ts",
    "state/byte-reader.ts",
    "state/byte-writer.ts",
    "node:",
  ],
  "config/": [
    "http/",
    "ledger/",
    "packet/",
    "files/",
    "capture/interface-patterns.ts",
    "native/thread.ts",
    "errors.ts",
    "node:",
    "yaml",
  ],
  "customers/": [
    "config/",
    "packet/",
    "ledger/",
    "page/",
    "files/",
    "native/thread.ts",
    "errors.ts",
    "grown-array.ts",
    "node:",
    "csv-parse",
  ],
  "web/": ["http/", "config/", "files/", "native/thread.ts", "errors.ts", "node:", "bcryptjs"],
  "state/": ["config/", "collectors/", "packet/", "ledger/", "files/", "errors.ts", "grown-array.ts", "node:"],
  "bill/": [
    "config/",
    "collectors/",
    "customers/",
    "ledger/",
    "page/",
    "files/",
    "state/",
    "columns.ts",
    "errors.ts",
    "grown-array.ts",
    "node:",
  ],
  "daemon/": ["*"],
  "dashboards/": ["@grafana/schema"],
  "status/": [
    "ledger/",
    "capture/capture.ts",
    "collectors/collector.ts",
    "collectors/self.ts",
    "collectors/status.ts",
    "grown-array.ts",
    "node:",
  ],
  "top/": ["status/", "config/flag.ts", "files/", "columns.ts", "errors.ts", "node:"],
  "install/": ["config/flag.ts", "http/", "files/", "native/", "errors.ts", "node:"],
  "personalities/": ["config/", "http/", "page/", "node:"],
  "cli/": [
    "bill/",
    "config/",
    "daemon/",
    "dashboards/",
    "top/",
    "install/",
    "files/",
    "personalities/",
    "native/",
    "errors.ts",
    "log.ts",
    "version.ts",
    "citty",
    "node:",
  ],
  "main.ts": ["cli/"],
};

const FORBIDDEN_NAMES = ["utils", "helpers", "common", "types", "index"];
const MAX_LINES = 400;
const MAX_FILES = 14;

const sources = readSources();

/** The row of the table that a path belongs to. */
function rowOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/") + 1) : path;
}

function isAllowed(path: string, imported: string): boolean {
  const allowed = MAY_IMPORT[rowOf(path)] ?? [];
  if (allowed.includes("*") || (path.includes("/") && imported.startsWith(rowOf(path)))) return true;
  return allowed.some((name) => imported === name || imported.startsWith(/[/:]$/.test(name) ? name : `${name}/`));
}

describe("the sources", () => {
  test("import only what the table allows", () => {
    const offences = sources.flatMap(({ path, imports }) =>
      imports.filter((imported) => !isAllowed(path, imported)).map((imported) => `${path} imports ${imported}`),
    );
    assert.deepEqual(offences, []);
  });

  test("all have a row in the table", () => {
    assert.deepEqual(
      sources.map(({ path }) => path).filter((path) => !Object.hasOwn(MAY_IMPORT, rowOf(path))),
      [],
    );
  });

  test("import in one direction, without a cycle", () => {
    assert.equal(findCycle(sources), undefined);
  });

  test(`have at most ${MAX_LINES} lines each`, () => {
    const long = sources.filter(({ text }) => text.split("\n").length - 1 > MAX_LINES);
    assert.deepEqual(
      long.map(({ path }) => path),
      [],
    );
  });

  test(`are at most ${MAX_FILES} to a folder`, () => {
    const folders = Map.groupBy(
      sources.filter(({ path }) => path.includes("/")),
      ({ path }) => dirname(path),
    );
    assert.deepEqual(
      [...folders].filter(([, files]) => files.length > MAX_FILES).map(([folder]) => folder),
      [],
    );
  });

  test("are named by what they are, in kebab-case", () => {
    const named = sources.map(({ path }) => basename(path).replace(/(\.d)?\.ts$/, ""));
    assert.deepEqual(
      named.filter((name) => FORBIDDEN_NAMES.includes(name) || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)),
      [],
    );
  });

  test("have the numbers of headers in one place", () => {
    const home = "packet/headers.ts";
    const defined = (text: string): string[] =>
      [...text.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*) = [-0-9]/gm)].map((match) => match[1]!);
    const numbers = new Set(defined(sources.find(({ path }) => path === home)!.text));
    assert.ok(numbers.has("IPPROTO_TCP"));
    const offences = sources
      .filter(({ path }) => path !== home)
      .flatMap(({ path, text }) => defined(text).flatMap((name) => (numbers.has(name) ? [`${path} has ${name}`] : [])));
    assert.deepEqual(offences, []);
  });

  test("export nothing by default", () => {
    assert.deepEqual(
      sources.filter(({ text }) => /^export default\b/m.test(text)).map(({ path }) => path),
      [],
    );
  });
});

describe("the checks above", () => {
  test("see every form of import", () => {
    const text = [
      'import type { A } from "../packet/a.ts";',
      "import {",
      "  b,",
      '} from "./b.ts";',
      'import "node:fs";',
      'export { c } from "koffi";',
      'const d = await import("citty");',
    ].join("\n");
    assert.deepEqual(importsOf("ledger/x.ts", text), ["packet/a.ts", "ledger/b.ts", "node:fs", "koffi", "citty"]);
  });

  test("find a cycle and name its way", () => {
    const tree = [
      { path: "a.ts", imports: ["b.ts"] },
      { path: "b.ts", imports: ["c.ts", "node:fs"] },
      { path: "c.ts", imports: ["b.ts"] },
    ];
    assert.deepEqual(findCycle(tree), ["b.ts", "c.ts", "b.ts"]);
  });

  test("read the sources there are", () => {
    assert.ok(sources.some(({ path, imports }) => path === "main.ts" && imports.includes("cli/cli.ts")));
  });
});

describe("what is committed", () => {
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" });
  const files = listed.split("\0").filter((path) => path !== "");

  test("names no path of the checkout it was written in", () => {
    const offences = files.filter((path) => readFileSync(join(root, path)).includes(`${root}/`));
    assert.deepEqual(offences, []);
  });

  test("leaves out what is built or installed", () => {
    assert.deepEqual(
      files.filter((path) => /^(node_modules|dist|\.cache)\//.test(path)),
      [],
    );
    assert.ok(readdirSync(root).includes("package.json"));
  });

  test("locks no registry's host", () => {
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    assert.doesNotMatch(lock, /"resolved"/);
  });
});
