import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { manualPaths } from "../src/cli/manuals.ts";
import { DASHBOARD_NAMES, dashboardText } from "../src/dashboards/dashboards.ts";
import { cache, dist, root, run, version } from "./project.ts";

const NAME = `promtap-${version}-linux-${process.arch}`;
/** The time of every file in the tarball, so that the same binary gives the same tarball. */
const MODIFIED = "@1";

export const tarball = join(dist, `${NAME}.tar.gz`);
export const checksums = join(dist, "sha256sums.txt");

/**
 * Writes dist/promtap-VERSION-linux-ARCH.tar.gz, the way Prometheus lays out its own, and its checksum beside it. The
 * addons that the binary carries are there besides, for machines where it has no place to load them from.
 * Throws if tar or gzip is missing; then there is neither, and none of another binary.
 */
export function writeRelease(binary: string, addons: readonly string[], licences: string): void {
  for (const product of [tarball, checksums]) rmSync(product, { force: true });
  const folder = join(cache, "release", NAME);
  rmSync(join(cache, "release"), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const texts = [
    "src/assets/promtap.service",
    "src/assets/promtap.example.yml",
    "src/assets/promtap.rules.yml",
    "LICENSE",
  ].map((name) => join(root, name));
  for (const file of [binary, ...addons, ...texts]) copyFileSync(file, join(folder, basename(file)));
  // where they stand in the sources, so that their links lead somewhere
  for (const path of manualPaths) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    copyFileSync(join(root, path), join(folder, path));
  }
  mkdirSync(join(folder, "dashboards"));
  for (const name of DASHBOARD_NAMES) writeFileSync(join(folder, "dashboards", `${name}.json`), dashboardText(name));
  writeFileSync(join(folder, "THIRD-PARTY-LICENSES.txt"), licences);

  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
  const order = ["--sort=name", `--mtime=${MODIFIED}`, "--format=gnu"];
  const unfinished = join(cache, "release", basename(tarball));
  // what npm unpacked may be executable
  for (const addon of addons) chmodSync(join(folder, basename(addon)), 0o644);
  run("tar", [...order, ...owner, "-I", "gzip -n -6", "-cf", unfinished, "-C", join(cache, "release"), NAME]);
  renameSync(unfinished, tarball);
  const sum = createHash("sha256").update(readFileSync(tarball)).digest("hex");
  writeFileSync(checksums, `${sum}  ${basename(tarball)}\n`);
}
