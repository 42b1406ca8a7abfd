import { readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

import { completionText, manPageText } from "../src/cli/commands.ts";
import { manualPaths } from "../src/cli/manuals.ts";
import { DASHBOARD_NAMES, dashboardText } from "../src/dashboards/dashboards.ts";
import { DROP_IN_NAMES, dropInText } from "../src/install/drop-ins.ts";
import { socketText } from "../src/install/units.ts";
import type { Ingredients } from "./product.ts";
import { committed, root, run, version } from "./project.ts";
import type { Target } from "./target.ts";
import { type Entry, writeTree } from "./tree.ts";

export function tarballName(target: Target): string {
  return `${folderName(target)}.tar.gz`;
}

function folderName({ architecture }: Target): string {
  return `promtap-${version}-linux-${architecture}`;
}

/**
 * Writes the tarball, the way Prometheus lays out its own. The addons that the binary carries are there besides, for
 * machines where it has no place to load them from. Throws if tar or gzip is missing; then there is none, and none of
 * another binary.
 */
export function writeTarball(ingredients: Ingredients, binary: string, path: string): void {
  rmSync(path, { force: true });
  const { target } = ingredients;
  const work = join(target.cache, "release");
  const name = folderName(target);
  rmSync(work, { recursive: true, force: true });
  writeTree(join(work, name), [
    { path: "promtap", content: readFileSync(binary), isExecutable: true },
    ...addonEntries(ingredients),
    { path: "promtap.service", content: readText("src/assets/promtap.service") },
    ...unitEntries(),
    { path: "LICENSE", content: readText("LICENSE") },
    ...commandLineEntries("promtap.8", "completions/promtap.bash", "completions/_promtap", "completions/promtap.fish"),
    ...documentEntries(ingredients),
  ]);
  const owner = ["--owner=0", "--group=0", "--numeric-owner"];
  const order = ["--sort=name", `--mtime=@${committed}`, "--format=gnu"];
  const unfinished = join(work, basename(path));
  run("tar", [...order, ...owner, "-I", "gzip -n -6", "-cf", unfinished, "-C", work, name]);
  renameSync(unfinished, path);
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function addonEntries({ addons }: Ingredients): Entry[] {
  return addons.map((path) => ({ path: basename(path), content: readFileSync(path) }));
}

/** The manual page and completions, at those paths. */
export function commandLineEntries(page: string, bash: string, zsh: string, fish: string): Entry[] {
  return [
    { path: page, content: manPageText(version) },
    { path: bash, content: completionText("bash") },
    { path: zsh, content: completionText("zsh") },
    { path: fish, content: completionText("fish") },
  ];
}

/** The unit's drop-ins, and its socket. */
export function unitEntries(): Entry[] {
  return [
    { path: "promtap.socket", content: socketText("promtap", ["9112"]) },
    ...DROP_IN_NAMES.map((name) => ({ path: `drop-ins/${name}.conf`, content: dropInText(name) })),
  ];
}

/** What is to be read, or to be given to other programs. */
export function documentEntries({ licences, bill }: Ingredients): Entry[] {
  const examples = ["promtap.example.yml", "promtap.rules.yml"];
  return [
    ...examples.map((name) => ({ path: name, content: readText(join("src/assets", name)) })),
    // where they stand in the sources, so that their links lead somewhere
    ...manualPaths.map((path) => ({ path, content: readText(path) })),
    ...DASHBOARD_NAMES.map((name) => ({ path: join("dashboards", `${name}.json`), content: dashboardText(name) })),
    { path: "THIRD-PARTY-LICENSES.txt", content: licences },
    { path: "promtap.cdx.json", content: bill },
  ];
}
