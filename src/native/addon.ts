import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isSea } from "node:sea";

import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { isOurFile, isOurFolder, isServedByProcess, isSharedUser } from "./addon-trust.ts";
import { readAsset } from "./asset.ts";

/** open(2): an unnamed file. node:fs lacks it; __O_TMPFILE has this value on every Linux architecture Node runs on. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Where packages and administrators put the addons. */
const INSTALLED = "/usr/lib/promtap";

/** Where to look for an addon, and where to put one that is not there. */
export interface AddonPlaces {
  readonly installed: readonly string[];
  readonly writable: readonly string[];
}

/**
 * Loads a native addon that the binary carries, and leaves no file behind. Throws PromtapError when it is missing or
 * refused.
 */
export function loadAddon(name: string): unknown {
  const bytes = readAsset(name);
  if (bytes === undefined) {
    throw new PromtapError(ErrorCode.HOST, `couldn't load ${name}: this build of promtap does not carry it`);
  }
  const installed = isSea() ? [dirname(process.execPath), INSTALLED] : [];
  return loadAddonFrom(name, bytes, { installed, writable: writableFolders() });
}

/**
 * Loads the addon as it is installed, or else from memory, through the first folder that lets a file be mapped
 * executable: /tmp may be mounted noexec, or be read-only. Throws naming the reason of each, or the one reason that is
 * the same everywhere.
 */
export function loadAddonFrom(name: string, bytes: Uint8Array, { installed, writable }: AddonPlaces): unknown {
  const refusals: string[] = [];
  const ways = [
    ...installed.map((folder) => ({ folder, load: loadInstalled })),
    ...writable.flatMap((folder) => [loadUnnamed, loadNamed].map((load) => ({ folder, load }))),
  ];
  for (const { folder, load } of ways) {
    try {
      return load(folder, name, bytes);
    } catch (error) {
      refuseElsewhere(name, error);
      // A file without a name needs more of a folder than one with a name, whose error is the one to tell.
      const isTold = load === loadInstalled ? !hasCode(error, "ENOENT") : load === loadNamed;
      if (isTold) refusals.push(`${folder}: ${reasonOf(error)}`);
    }
  }
  throw new PromtapError(
    ErrorCode.HOST,
    `couldn't load ${name}: no folder is both writable and executable (${refusals.join("; ")}); ` +
      `install it in ${INSTALLED}, or set TMPDIR to a folder that is`,
  );
}

/** A file that holds what the binary carries: then it is of this version, and whole. */
function loadInstalled(folder: string, name: string, bytes: Uint8Array): unknown {
  const path = join(folder, name);
  return keepOpenIfLoaded(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), (descriptor) => {
    if (!isOurFile(descriptor)) throw new Error(`${name} is not root's alone to change`);
    if (!readFileSync(descriptor).equals(bytes)) throw new Error(`${name} is of another promtap`);
  });
}

function loadUnnamed(folder: string, _name: string, bytes: Uint8Array): unknown {
  if (isServedByProcess(folder)) throw new Error("served by a program, which may give other bytes");
  // O_EXCL: the file can never get a name
  const descriptor = openSync(folder, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, 0o700);
  return keepOpenIfLoaded(descriptor, () => writeFileSync(descriptor, bytes));
}

/** By its descriptor, so that what is mapped is what was looked at or written. */
function keepOpenIfLoaded(descriptor: number, prepare: (descriptor: number) => void): unknown {
  try {
    prepare(descriptor);
    // On success the descriptor stays open on purpose: ld.so knows a library by its path, so the next addon must not
    // come from the same number.
    return dlopen(`/proc/self/fd/${descriptor}`);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** If there is no /proc, or a file system knows no unnamed files: the overlay of a container before Linux 6.6. */
function loadNamed(folder: string, name: string, bytes: Uint8Array): unknown {
  if (isSharedUser()) throw new Error("a file there could be exchanged by other programs of this user");
  if (!isOurFolder(folder)) throw new Error("a file there could be exchanged by other users");
  const own = mkdtempSync(join(folder, "promtap-"));
  const path = join(own, name);
  try {
    writeFileSync(path, bytes, { mode: 0o700 });
    return dlopen(path);
  } finally {
    // not recursively: that takes a descriptor, and there may be none left
    rmSync(path, { force: true });
    rmdirSync(own);
  }
}

function dlopen(path: string): unknown {
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (error) {
    const reason = messageOf(error);
    throw OF_PLACE.test(reason) && reason.startsWith(path) ? error : new BadLibrary(reason.replace(`${path}: `, ""));
  }
  return module.exports;
}

/** What ld.so says of a file that it can't open, or may not map executable; anything else it says of what is in it. */
const OF_PLACE = /cannot open shared object file|failed to map segment|cannot restore segment|cannot read file data/;

/** An addon that no folder will help. */
class BadLibrary extends Error {}

/** Throws what would be the same in every folder. */
function refuseElsewhere(name: string, error: unknown): void {
  const advice = adviceOf(error);
  if (advice === undefined) return;
  throw new PromtapError(ErrorCode.HOST, `couldn't load ${name}: ${reasonOf(error)}${advice}`, { cause: error });
}

function adviceOf(error: unknown): string | undefined {
  if (hasCode(error, "EMFILE") || hasCode(error, "ENFILE")) return "; raise LimitNOFILE, or ulimit -n";
  if (!(error instanceof BadLibrary)) return undefined;
  return /version `.*' not found/.test(error.message) ? "; promtap needs glibc 2.28 and the libstdc++ of GCC 8" : "";
}

/** systemd.exec(5): RUNTIME_DIRECTORY and STATE_DIRECTORY may list several paths. */
function writableFolders(): string[] {
  const { TMPDIR, RUNTIME_DIRECTORY = "", STATE_DIRECTORY = "", XDG_RUNTIME_DIR = "", HOME = "" } = process.env;
  const given = [...RUNTIME_DIRECTORY.split(":"), ...STATE_DIRECTORY.split(":"), XDG_RUNTIME_DIR];
  const all = [TMPDIR || "/tmp", "/dev/shm", ...given, "/var/tmp", "/run", HOME];
  return [...new Set(all.filter((folder) => folder.startsWith("/")))];
}

/** node:fs says "EROFS: read-only file system, mkdtemp '…'", ld.so "/path: failed to map segment". */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^E[A-Z]+: /, "")
    .replace(/, \w+( '.*')?$/, "")
    .replace(/^\S*\/\S*: /, "");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
