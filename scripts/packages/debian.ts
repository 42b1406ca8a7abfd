import { createHash } from "node:crypto";
import { join } from "node:path";

import type { Ingredients } from "../product.ts";
import { committed, run, version } from "../project.ts";
import { readText } from "../release.ts";
import { type Entry, writeTree } from "../tree.ts";
import { compressed, DEFAULTS, DOCUMENTS, installedEntries } from "./file-system.ts";
import { AUTHOR, DESCRIPTION, SUMMARY } from "./description.ts";
import { POSTINST, POSTRM, PREINST, PRERM } from "./debian-scripts.ts";

/** Debian's names of architectures. */
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" } as const;

/** What every dpkg unpacks. Level 2 takes less than half the time of the usual 6, for 34 MB in place of 30.5. */
const COMPRESSION = ["-Zxz", "-z2"];

export function debianName({ target }: Ingredients): string {
  return `promtap_${version}_${ARCHITECTURES[target.architecture]}.deb`;
}

/**
 * Writes a package for Debian and Ubuntu: deb(5), deb-control(5). Its scripts are what debhelper would write: the
 * service is enabled and started, restarted by an upgrade, kept if it was disabled, and gone with its state by a purge.
 */
export function writeDebianPackage(
  ingredients: Ingredients,
  binary: string,
  path: string,
  compression: readonly string[] = COMPRESSION,
): void {
  const { cache, architecture } = ingredients.target;
  const folder = join(cache, "debian");
  const installed = [...installedEntries(ingredients, binary), ...debianDocuments()];
  writeTree(folder, [...installed, ...controlFiles(ARCHITECTURES[architecture], installed)]);
  const environment = { ...process.env, SOURCE_DATE_EPOCH: String(committed) };
  run("dpkg-deb", ["--root-owner-group", ...compression, "--build", folder, path], cache, environment);
}

/** Policy 12.5 and 12.7, and why lintian need not complain. */
function debianDocuments(): Entry[] {
  const overrides = [
    "# Node is one program, with all of its libraries inside, so that it runs on every Debian",
    "promtap: embedded-library *",
    "promtap: hardening-no-pie *",
  ];
  return [
    { path: join(DOCUMENTS, "copyright"), content: copyright() },
    { path: join(DOCUMENTS, "changelog.gz"), content: compressed(changelog()) },
    { path: "usr/share/lintian/overrides/promtap", content: `${overrides.join("\n")}\n` },
  ];
}

function copyright(): string {
  const licence = readText("LICENSE").trim().split("\n").slice(2);
  const [, holder = AUTHOR] = /^Copyright (?:\(c\) )?(.*)$/m.exec(readText("LICENSE")) ?? [];
  const indented = licence.map((line) => (line.trim() === "" ? " ." : ` ${line}`));
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: promtap
Comment: The licences of what is inside the program are in THIRD-PARTY-LICENSES.txt beside this file, and what it is
 made of in promtap.cdx.json.

Files: *
Copyright: ${holder}
License: Expat
${indented.slice(1).join("\n")}
`;
}

/** In Debian's form, of which only the newest version matters: deb-changelog(5). */
function changelog(): string {
  const date = new Date(committed * 1000).toUTCString().replace("GMT", "+0000");
  return `promtap (${version}) stable; urgency=medium

  * See CHANGELOG.md of the sources.

 -- ${AUTHOR}  ${date}
`;
}

function controlFiles(architecture: string, installed: readonly Entry[]): Entry[] {
  const bytes = installed.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  const control = [
    "Package: promtap",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${AUTHOR}`,
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    "Depends: libc6 (>= 2.28), libgcc-s1 | libgcc1, libstdc++6 (>= 8)",
    "Section: net",
    "Priority: optional",
    `Description: ${SUMMARY}`,
    ...DESCRIPTION.map((line) => (line === "" ? " ." : ` ${line}`)),
  ];
  return [
    { path: "DEBIAN/control", content: `${control.join("\n")}\n` },
    { path: "DEBIAN/conffiles", content: `/${DEFAULTS}\n` },
    { path: "DEBIAN/md5sums", content: md5sums(installed) },
    { path: "DEBIAN/preinst", content: PREINST, isExecutable: true },
    { path: "DEBIAN/postinst", content: POSTINST, isExecutable: true },
    { path: "DEBIAN/prerm", content: PRERM, isExecutable: true },
    { path: "DEBIAN/postrm", content: POSTRM, isExecutable: true },
  ];
}

/** Of the files that are not the administrator's, for dpkg --verify. */
function md5sums(installed: readonly Entry[]): string {
  const lines = installed
    .filter(({ path }) => path !== DEFAULTS)
    .map(({ path, content }) => `${createHash("md5").update(content).digest("hex")}  ${path}\n`);
  return lines.sort().join("");
}
