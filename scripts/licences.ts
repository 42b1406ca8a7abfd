import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { nodePackage, readVersion, root } from "./project.ts";
import type { Libpcap } from "./libpcap.ts";

/**
 * The licences of everything inside the binary, as one text: those packages (folders, relative to the root), Node,
 * and libpcap if the binary has it. Throws when a package has no licence file, since then it can't be passed on.
 */
export function thirdPartyLicences(packages: readonly string[], libpcap: Libpcap | undefined): string {
  const parts = packages.map((folder) => part(nameOf(folder), readVersion(join(root, folder)), licenceOf(folder)));
  parts.push(part("Node.js", readVersion(nodePackage), readFileSync(join(nodePackage, "LICENSE"), "utf8")));
  if (libpcap !== undefined) parts.push(part("libpcap", libpcap.version, libpcap.licence));
  return parts.join("\n");
}

function part(name: string, version: string, text: string): string {
  const rule = "=".repeat(80);
  return `${rule}\n${name} ${version}\n${rule}\n\n${text.trim()}\n`;
}

/** The name under which a package was published, which is not always that of its folder. */
function nameOf(folder: string): string {
  const { name } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as { name?: string };
  return name ?? basename(folder);
}

/** Packages of data may tell only in their README where they come from and what for, or have a file for each source. */
function licenceOf(folder: string): string {
  const read = (name: string): string => readFileSync(join(root, folder, name), "utf8");
  const files = readdirSync(join(root, folder)).sort();
  const licences = files.filter((name) => /^(\w+[-_])?licen[cs]e(\.\w+)?$|^modifications$/i.test(name));
  if (licences.length > 0) return licences.map((name) => read(name).trim()).join("\n\n");
  const sections = read("README.md").split(/^## /m);
  const telling = sections.filter((section) => /^(Referenced Database|License)\n/.test(section));
  if (!telling.some((section) => section.startsWith("License\n"))) throw new Error(`${folder} has no licence file`);
  return telling.map((section) => section.replaceAll(/\n{2,}/g, "\n\n")).join("\n");
}
