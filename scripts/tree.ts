import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { committed } from "./project.ts";

/** A file of a package. */
export interface Entry {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Of its mode; nothing but the program is one. */
  readonly isExecutable?: boolean;
}

/** Writes files into an empty folder, which gets the same modes and times whoever writes it, and whenever. */
export function writeTree(folder: string, entries: readonly Entry[]): void {
  rmSync(folder, { recursive: true, force: true });
  const folders = new Set([folder]);
  for (const { path, content, isExecutable = false } of entries) {
    const file = join(folder, path);
    for (let above = dirname(file); above.length > folder.length; above = dirname(above)) folders.add(above);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, isExecutable ? 0o755 : 0o644);
    utimesSync(file, committed, committed);
  }
  for (const made of folders) {
    chmodSync(made, 0o755);
    utimesSync(made, committed, committed);
  }
}
