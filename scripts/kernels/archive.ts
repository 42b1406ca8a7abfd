import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "../project.ts";

/** Debian's names of architectures. */
export type DebianArchitecture = "amd64" | "arm64";

/** Of a release of Debian's, for an architecture, in a state that the machine's own apt knows nothing of. */
export class Archive {
  readonly #folder: string;
  readonly #options: readonly string[];
  #isCurrent = false;

  constructor(folder: string, release: string, architecture: DebianArchitecture) {
    this.#folder = folder;
    const settings = [
      `Dir::Etc::sourcelist=${join(folder, "sources.list")}`,
      "Dir::Etc::sourceparts=-",
      `Dir::State::lists=${join(folder, "lists")}`,
      `Dir::State::status=${join(folder, "status")}`,
      `Dir::Cache=${join(folder, "cache")}`,
      `APT::Architecture=${architecture}`,
      `APT::Architectures=${architecture}`,
      "APT::Sandbox::User=root",
      "Acquire::Languages=none",
    ];
    this.#options = settings.flatMap((setting) => ["-o", setting]);
    mkdirSync(join(folder, "lists", "partial"), { recursive: true });
    mkdirSync(join(folder, "cache", "archives", "partial"), { recursive: true });
    writeFileSync(join(folder, "status"), "");
    const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    writeFileSync(join(folder, "sources.list"), `deb [signed-by=${keyring}] ${siteOfDebian()} ${release} main\n`);
  }

  /** The folder with what a package holds; `pattern` is what it is called or, of a package of packages, depends on. */
  unpack(name: string, pattern?: RegExp): string {
    const unpacked = join(this.#folder, name);
    if (existsSync(unpacked)) return unpacked;
    if (!this.#isCurrent) run("apt-get", [...this.#options, "-qq", "update"], this.#folder);
    this.#isCurrent = true;
    const found = pattern === undefined ? name : this.#dependency(name, pattern);
    const work = join(this.#folder, "work");
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    run("apt-get", [...this.#options, "-qq", "download", found], work);
    const [file = ""] = readdirSync(work).filter((each) => each.endsWith(".deb"));
    run("dpkg-deb", ["--extract", join(work, file), join(work, "unpacked")]);
    renameSync(join(work, "unpacked"), unpacked);
    return unpacked;
  }

  #dependency(name: string, pattern: RegExp): string {
    const [found] = pattern.exec(run("apt-cache", [...this.#options, "depends", name], this.#folder)) ?? [];
    if (found === undefined) throw new Error(`${name} depends on nothing like ${pattern.source}`);
    return found;
  }
}

/** Where this machine's own apt has Debian from. */
function siteOfDebian(): string {
  const targets = run("apt-get", ["indextargets", "--format", "$(ORIGIN)|$(SITE)|$(RELEASE)", "Created-By: Packages"]);
  const sites = targets.split("\n").map((target) => target.split("|"));
  const [, site] =
    sites.find(([origin, , release]) => origin === "Debian" && release?.includes("security") === false) ?? [];
  if (site === undefined) throw new Error("apt knows no Debian archive (run apt-get update)");
  return site;
}
