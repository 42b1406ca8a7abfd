import { closeSync, constants, mkdtempSync, openSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { readAsset } from "./asset.ts";

/** open(2): an unnamed file. node:fs lacks it; __O_TMPFILE has this value on every Linux architecture Node runs on. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Loads a native addon that the binary carries, and leaves no file behind. Throws when it is missing or refused. */
export function loadAddon(name: string): unknown {
  const bytes = readAsset(name);
  if (bytes === undefined) {
    throw new PromtapError(ErrorCode.HOST, `couldn't load ${name}: this build of promtap does not carry it`);
  }
  return loadAddonFrom(name, bytes, directories());
}

/**
 * Loads a native addon from memory, through the first of the directories that lets a file be mapped executable: /tmp
 * may be mounted noexec, or be read-only. Throws naming each directory and its reason.
 */
export function loadAddonFrom(name: string, bytes: Uint8Array, candidates: readonly string[]): unknown {
  const refusals: string[] = [];
  for (const directory of candidates) {
    try {
      return loadUnnamed(bytes, directory);
    } catch {
      // O_TMPFILE needs the file system's support, and its path needs /proc: a named file needs neither, and its
      // error is the one to tell.
    }
    try {
      return loadNamed(name, bytes, directory);
    } catch (error) {
      refusals.push(`${directory}: ${reasonOf(error)}`);
    }
  }
  throw new PromtapError(
    ErrorCode.HOST,
    `couldn't load ${name}: a library can't be written and mapped in any directory (${refusals.join("; ")}); ` +
      "set TMPDIR to a writable directory that is not mounted noexec",
  );
}

function loadUnnamed(bytes: Uint8Array, directory: string): unknown {
  // O_EXCL: the file can never be given a name
  const descriptor = openSync(directory, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, 0o700);
  try {
    writeFileSync(descriptor, bytes);
    // On success the descriptor stays open on purpose: ld.so knows a library by its path, so the next addon must not
    // come from the same number.
    return dlopen(`/proc/self/fd/${descriptor}`);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function loadNamed(name: string, bytes: Uint8Array, directory: string): unknown {
  const folder = mkdtempSync(join(directory, "promtap-"));
  const path = join(folder, name);
  try {
    writeFileSync(path, bytes, { mode: 0o700 });
    return dlopen(path);
  } finally {
    // not recursively: that takes a descriptor, and there may be none left
    rmSync(path, { force: true });
    rmdirSync(folder);
  }
}

function dlopen(path: string): unknown {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

/** systemd.exec(5): RUNTIME_DIRECTORY and STATE_DIRECTORY may list several paths. */
function directories(): string[] {
  const { RUNTIME_DIRECTORY = "", STATE_DIRECTORY = "", XDG_RUNTIME_DIR = "", HOME = "" } = process.env;
  const given = [...RUNTIME_DIRECTORY.split(":"), ...STATE_DIRECTORY.split(":"), XDG_RUNTIME_DIR];
  const all = [tmpdir(), "/dev/shm", ...given, "/var/tmp", "/run", dirname(process.execPath), process.cwd(), HOME];
  return [...new Set(all.filter((directory) => directory !== ""))];
}

/** node:fs says "EROFS: read-only file system, mkdtemp '…'", ld.so "/path: failed to map segment". */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/, \w+ '.*'$/, "")
    .replace(/^\S*\/\S*: /, "");
}
