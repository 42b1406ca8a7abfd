import { isBuiltin } from "node:module";
import { build, type Metafile, type Plugin } from "esbuild";

import { revision, root, version } from "./project.ts";

export interface Bundle {
  readonly code: string;
  /** Folders in node_modules of the packages that code came from. */
  readonly packages: readonly string[];
}

/**
 * An addon that the binary can't load fails while modules are being loaded, which is before the program could catch
 * it; its message is for the person at the terminal all the same.
 */
const ENTRY = `
try {
  require("./src/main.ts");
} catch (error) {
  if (error.exitStatus === undefined) throw error;
  process.stderr.write("promtap: " + error.message + "\\n");
  process.exit(error.exitStatus);
}`;

/**
 * koffi looks for its native part in node_modules, in a module that swallows every error. In the binary there is one
 * place, and its error is worth reading.
 */
const koffi: Plugin = {
  name: "koffi",
  setup(builder) {
    // koffi's other entry is a module that needs import.meta, which the bundle's format has not
    builder.onResolve({ filter: /^koffi$/ }, ({ path, importer, resolveDir, pluginData }) => {
      if (pluginData === koffi.name) return undefined;
      return builder.resolve(path, { kind: "require-call", importer, resolveDir, pluginData: koffi.name });
    });
    builder.onLoad({ filter: /\/koffi\/src\/koffi\/src\/static\.cjs$/ }, () => ({
      contents: `const { loadAddon } = require("./src/native/addon.ts");
        exports.loadStatic = () => loadAddon("koffi.node");`,
      resolveDir: root,
    }));
  },
};

/**
 * prom-client loads its client of the Pushgateway whether or not it is used, and with it TLS and all of node:crypto:
 * 12 of 67 ms of CPU time from exec to the end of --version, Node 24.21.
 */
const promClient: Plugin = {
  name: "prom-client",
  setup(builder) {
    builder.onLoad({ filter: /\/prom-client\/lib\/pushgateway\.js$/ }, () => ({ contents: "" }));
  },
};

/** Bundles the program into one CommonJS file, the only format that Node 24 runs from a binary. */
export async function bundle(): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: ENTRY, resolveDir: root, sourcefile: "promtap.cjs" },
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    // writes constants where they are used: a bundle turns each into a variable, which the hot loops would load
    minifySyntax: true,
    write: false,
    metafile: true,
    define: {
      __PROMTAP_VERSION__: JSON.stringify(version),
      __PROMTAP_REVISION__: JSON.stringify(revision),
      // koffi wants an absolute path; in the binary it may be relative, where no /proc tells Node its own
      __filename: '"/promtap.cjs"',
    },
    plugins: [koffi, promClient],
    // src/native/asset.ts reads import.meta only outside the binary
    logOverride: { "empty-import-meta": "silent" },
    logLevel: "warning",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild wrote no bundle");
  assertSelfContained(metafile);
  return { code: file.text, packages: packagesOf(metafile) };
}

function assertSelfContained(metafile: Metafile): void {
  for (const { imports } of Object.values(metafile.outputs)) {
    for (const { path, external } of imports) {
      if (external === true && !isBuiltin(path)) throw new Error(`the bundle would look for ${path} at run time`);
    }
  }
}

function packagesOf(metafile: Metafile): string[] {
  const folders = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].sort();
}
