import { neededVersions } from "./elf.ts";

/** The newest versions of symbols that Debian 10, Ubuntu 20.04 and RHEL 8 have: those of glibc 2.28 and GCC 8. */
const NEWEST: Readonly<Record<string, readonly number[]>> = {
  GLIBC: [2, 28],
  GLIBCXX: [3, 4, 25],
  CXXABI: [1, 3, 11],
  GCC: [7, 0, 0],
};

/** Throws if a file that is given away needs a newer system than the manual promises. */
export function assertPortable(name: string, elf: Buffer): void {
  const newer = neededVersions(elf).filter((version) => !isOldEnough(version));
  if (newer.length > 0) throw new Error(`${name} would not run where it has to: it needs ${newer.join(", ")}`);
}

function isOldEnough(version: string): boolean {
  const [library = "", numbers = ""] = version.split("_");
  // a library of another name has no versions that are known
  const newest = NEWEST[library];
  if (newest === undefined) return false;
  const parts = numbers.split(".").map(Number);
  const differing = parts.findIndex((part, index) => part !== (newest[index] ?? 0));
  return differing === -1 || parts[differing]! < (newest[differing] ?? 0);
}
