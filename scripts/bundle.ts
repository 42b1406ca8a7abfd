import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild";

import { revision, root, version } from "./project.ts";

export interface Bundle {
  readonly code: string;
  /** Assets with the code that is only loaded when it is needed, by name. */
  readonly parts: Readonly<Record<string, string>>;
  /** Folders in node_modules of the packages that code came from. */
  readonly packages: readonly string[];
}

/**
 * prom-client loads whatever it has whether or not it is used: its client of the Pushgateway, and with it TLS and all of
 * node:crypto (12 of 67 ms of CPU time from exec to the end of --version, Node 24.21), all default metrics, and tracing.
 */
const promClient: Plugin = {
  name: "prom-client",
  setup(builder) {
    const unused = /\/prom-client\/lib\/(pushgateway|defaultMetrics|cluster|worker)\.js$/;
    builder.onLoad({ filter: unused }, () => ({ contents: "" }));
    // nothing is traced here
    builder.onLoad({ filter: /\/@opentelemetry\/api\/dist\/index\.cjs$/ }, () => ({
      contents: "exports.context = { active() {} }; exports.trace = { getSpan() {} };",
    }));
  },
};

/**
 * The client of Kafka brings along a judge of options, of which none is given here, registries of schemas, and a logger
 * that looks for colours.
 */
const kafka: Plugin = {
  name: "kafka",
  setup(builder) {
    const stubs: Readonly<Record<string, string>> = {
      "ajv/dist/2020.js": "exports.Ajv2020 = class { addKeyword() {} compile() { return () => true; } };",
      debug: "module.exports = () => () => {};",
    };
    builder.onResolve({ filter: /^(ajv\/dist\/2020\.js|debug)$/ }, ({ path }) => ({ path, namespace: kafka.name }));
    builder.onLoad({ filter: /./, namespace: kafka.name }, ({ path }) => ({ contents: stubs[path]! }));
    // holds its WebAssembly as a string instead of looking for a file
    builder.onResolve({ filter: /^@platformatic\/wasm-utils$/ }, ({ path, kind, resolveDir }) =>
      builder.resolve(`${path}/bundled`, { kind, resolveDir }),
    );
    // does not say in its package.json that its modules only declare, so that those without use can be left out
    builder.onResolve(
      { filter: /^(@platformatic\/kafka$|\.)/ },
      async ({ path, kind, importer, resolveDir, pluginData }) => {
        const isClient = path.startsWith("@") || importer.includes("/node_modules/@platformatic/kafka/");
        if (!isClient || pluginData === kafka.name) return undefined;
        const found = await builder.resolve(path, { kind, importer, resolveDir, pluginData: kafka.name });
        return { ...found, sideEffects: false };
      },
    );
  },
};

/** Modules that parts take from the program: what they throw must be known to what catches it. */
const SHARED: readonly string[] = ["src/errors.ts", "src/files/bounded-file.ts"];

/**
 * What a feature loads by import() is a part of its own, which the binary carries as an asset: code that is there but
 * not used would cost the start of every run 5 ms a megabyte, Node 24.21. `found` is told of each: asset → path. The
 * features themselves share too much with the program; they stay in it, and run when they are asked for.
 */
function apart(found: Map<string, string>): Plugin {
  return {
    name: "apart",
    setup(builder) {
      builder.onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
        const file = join(resolveDir, path);
        if (kind !== "dynamic-import" || file.startsWith(join(root, "src/daemon/"))) return undefined;
        const name = assetName(file);
        found.set(name, file);
        return { path: name, namespace: "apart" };
      });
      builder.onLoad({ filter: /./, namespace: "apart" }, ({ path: name }) => ({
        contents: `const { readAsset } = require("./src/native/asset.ts");
          const shared = { ${SHARED.map((path) => `"${path}": require("./${path}")`).join(", ")} };
          const builtin = require("node:module").createRequire("/");
          require("node:vm").compileFunction(
            Buffer.from(readAsset("${name}")).toString(),
            ["module", "exports", "require"],
            { filename: "/${name}" },
          )(module, module.exports, (name) => shared[name] ?? builtin(name));`,
        resolveDir: root,
      }));
    },
  };
}

function assetName(file: string): string {
  return relative(join(root, "src"), file).replaceAll("/", "-").replace(/\.ts$/, ".cjs");
}

/** Leaves what parts share with the program to it. */
const shared: Plugin = {
  name: "shared",
  setup(builder) {
    builder.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const module = relative(root, join(resolveDir, path));
      return SHARED.includes(module) ? { path: module, external: true } : undefined;
    });
  },
};

/** What runs in threads of its own: src/native/thread.ts has it run. Nothing is shared with the program. */
const WORKERS = ["src/config/file/worker.ts", "src/customers/reading/worker.ts", "src/web/password-worker.ts"];

/** Bundles the program into CommonJS files, the only format that Node 24 runs from a binary. */
export async function bundle(): Promise<Bundle> {
  const found = new Map<string, string>();
  const main = await bundleOne({
    entryPoints: ["src/main.ts"],
    plugins: [promClient, kafka, apart(found)],
  });
  assertConstant(main.code);
  const packages = new Set(packagesOf(main.metafile));
  const parts: Record<string, string> = {};
  for (const [name, path] of found) {
    const part = await bundleOne({ entryPoints: [path], plugins: [shared, kafka] });
    assertApart(name, main.metafile, part.metafile);
    for (const folder of packagesOf(part.metafile)) packages.add(folder);
    parts[name] = part.code;
  }
  for (const path of WORKERS) {
    const worker = await bundleOne({ entryPoints: [path] });
    for (const folder of packagesOf(worker.metafile)) packages.add(folder);
    parts[assetName(join(root, path))] = worker.code;
  }
  return { code: main.code, parts, packages: [...packages].sort() };
}

async function bundleOne(options: BuildOptions): Promise<{ code: string; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    ...options,
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    write: false,
    metafile: true,
    define: {
      __PROMTAP_VERSION__: JSON.stringify(version),
      __PROMTAP_REVISION__: JSON.stringify(revision),
    },
    // src/native/asset.ts and the client of Kafka read import.meta only outside the binary
    logOverride: { "empty-import-meta": "silent" },
    logLevel: "warning",
  });
  const [file] = outputFiles ?? [];
  if (file === undefined || metafile === undefined) throw new Error("esbuild wrote no bundle");
  assertSelfContained(metafile);
  return { code: withConstants(file.text), metafile };
}

/**
 * esbuild makes each `const` of a module a variable of the bundle, which V8 would load and check for every use: a fifth
 * of the time of a packet (Node 24.21). What is written like a constant is one again.
 */
function withConstants(code: string): string {
  return code.replaceAll(/^var (?=[A-Z][A-Z0-9_]* = )/gm, "const ");
}

/**
 * A module that something loads by import() or require() is made a function, and what it declares becomes variables
 * outside of it; so do all modules that it imports. Those that every packet goes through must not be among them.
 */
function assertConstant(code: string): void {
  const [, module] = /^ {2}"(src\/(?:capture|ledger|packet)\/.*)"\(\) \{$/m.exec(code) ?? [];
  if (module !== undefined) throw new Error(`${module} is loaded by what runs: it has no constants`);
}

/** A module that is in the program twice would have two states, and classes that are not the same. */
function assertApart(name: string, main: Metafile, part: Metafile): void {
  const twice = filesOf(part).find((path) => path.startsWith("src/") && filesOf(main).includes(path));
  if (twice !== undefined) throw new Error(`${twice} would be in the program and in ${name}`);
}

/** The files that code was taken from; an input may have been looked at for nothing. */
function filesOf({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
}

function assertSelfContained(metafile: Metafile): void {
  for (const { imports } of Object.values(metafile.outputs)) {
    for (const { path, external } of imports) {
      const isThere = external !== true || isBuiltin(path) || SHARED.includes(path);
      if (!isThere) throw new Error(`the bundle would look for ${path} at run time`);
    }
  }
}

function packagesOf(metafile: Metafile): string[] {
  const folders = new Set<string>();
  for (const input of filesOf(metafile)) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].sort();
}
