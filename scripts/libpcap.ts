import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { HARDENING } from "./hardening.ts";
import { run } from "./project.ts";
import { type Target, toolOf } from "./target.ts";

export interface Libpcap {
  readonly include: string;
  readonly library: string;
  readonly version: string;
  /** Debian's version of the source. */
  readonly revision: string;
  readonly licence: string;
}

/** Only AF_PACKET is wanted: everything that would make the addon need another shared library is off. */
const CONFIGURE = [
  "--disable-shared",
  "--disable-bluetooth",
  "--disable-dbus",
  "--disable-rdma",
  "--disable-remote",
  "--disable-usb",
  "--without-dag",
  "--without-dpdk",
  "--without-libnl",
  "--without-septel",
  "--without-snf",
  "--without-turbocap",
  // in place of configure's own -g -O2
  `CFLAGS=${["-O2", "-fPIC", ...HARDENING].join(" ")}`,
];

/** What the addon includes. `pcap-int.h` is not public, but tells how to compile a filter as for an interface without one. */
const HEADERS = ["pcap", "pcap-int.h", "fmtutils.h", "portability.h", "varattrs.h"];
/** What is kept besides, and where Debian tells what it changed. */
const OTHERS = ["libpcap.a", "VERSION", "LICENSE", "debian/changelog"];

/**
 * Builds libpcap as a static, position-independent library from Debian's source package (Debian's own libpcap.a is
 * not position-independent); takes about 15 s the first time and nothing after that. Throws if it can't be built.
 */
export function buildLibpcap(target: Target): Libpcap {
  const { cache, triplet } = target;
  const cross = triplet === undefined ? [] : [`--host=${triplet}`, `CC=${toolOf(target, "gcc")}`];
  // what was built with other options, or keeps other files, has another name
  const key = createHash("sha256")
    .update([...CONFIGURE, ...cross, ...HEADERS, ...OTHERS].join())
    .digest("hex")
    .slice(0, 8);
  const folder = join(cache, `libpcap-${key}`);
  if (!existsSync(folder)) {
    const work = join(cache, "libpcap.work");
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const source = fetchSource(work, toolOf(target, "gcc"));
    run("./configure", [...CONFIGURE, ...cross], source);
    run("make", ["-j2", "libpcap.a"], source);
    keep(source, join(work, "kept"));
    renameSync(join(work, "kept"), folder);
    rmSync(work, { recursive: true, force: true });
  }
  return {
    include: join(folder, "include"),
    library: join(folder, "libpcap.a"),
    version: readFileSync(join(folder, "VERSION"), "utf8").trim(),
    revision: revisionOf(readFileSync(join(folder, "debian/changelog"), "utf8")),
    licence: readFileSync(join(folder, "LICENSE"), "utf8"),
  };
}

/** A changelog begins with the newest version, in brackets: deb-changelog(5). */
function revisionOf(changelog: string): string {
  const [, revision] = /^libpcap \(([^)]+)\)/.exec(changelog) ?? [];
  if (revision === undefined) throw new Error("Debian's libpcap doesn't tell its version");
  return revision;
}

function keep(source: string, folder: string): void {
  mkdirSync(join(folder, "include"), { recursive: true });
  for (const name of HEADERS) cpSync(join(source, name), join(folder, "include", name), { recursive: true });
  for (const name of OTHERS) cpSync(join(source, name), join(folder, name));
}

/** Downloads and unpacks the source package; returns its folder. apt checks the signatures. */
function fetchSource(work: string, compiler: string): string {
  for (const tool of ["apt-get", "dpkg-source", "flex", "bison", "make", compiler]) {
    try {
      run("sh", ["-c", `command -v ${tool}`]);
    } catch {
      throw new Error(`${tool} is not installed`);
    }
  }
  writeFileSync(join(work, "sources.list"), sourceList());
  mkdirSync(join(work, "lists", "partial"), { recursive: true });
  // A state of its own: the machine's package lists stay as they are, and nobody needs to be root.
  const options = [
    `Dir::Etc::sourcelist=${join(work, "sources.list")}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${join(work, "lists")}`,
    `Dir::Cache=${join(work, "cache")}`,
    "APT::Sandbox::User=root",
    "APT::Get::List-Cleanup=false",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  run("apt-get", [...options, "-qq", "update"], work);
  run("apt-get", [...options, "-qq", "source", "libpcap"], work);
  const unpacked = readdirSync(work).find((name) => /^libpcap-\d[^/]*[^z]$/.test(name));
  if (unpacked === undefined) throw new Error("apt-get source libpcap left no source");
  return join(work, unpacked);
}

/** The Debian archives that the machine's own sources name, in either syntax of sources.list(5), as deb-src lines. */
function sourceList(): string {
  const format = "$(ORIGIN)|$(SITE)|$(RELEASE)|$(COMPONENT)";
  const targets = run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  const lines = new Set<string>();
  for (const target of targets.split("\n")) {
    const [origin, site, release, component] = target.split("|");
    if (origin === "Debian" && component === "main") lines.add(`deb-src ${signedBy}${site} ${release} main`);
  }
  if (lines.size === 0) throw new Error("apt knows no Debian archive (run apt-get update)");
  return [...lines].join("\n") + "\n";
}
