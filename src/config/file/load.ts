import { messageOf } from "../../errors.ts";
import { readBounded } from "../../files/bounded-file.ts";
import { askThread } from "../../native/thread.ts";
import { type Flag, usageError } from "../flag.ts";
import { faultAt, type FileFlags, readFlags } from "./read-flags.ts";
import type { Fault, MappingNode } from "./tree.ts";

/** A list of prefixes belongs into a file of its own. */
const MAX_BYTES = 4 * 2 ** 20;

/** A configuration file as it was when it was read. */
export interface LoadedFile {
  readonly flags: FileFlags;
  readonly mark: string;
}

/** Reads a configuration file; throws a usage error that begins with FILE:LINE:COLUMN, or with FILE. */
export async function loadFile(path: string, flags: readonly Flag[]): Promise<LoadedFile> {
  const { bytes, mark } = await contentsOf(path);
  const root = await loadTree(bytes.toString());
  if ("why" in root) throw faultAt(path, root.at, root.why);
  return { flags: readFlags(path, root, flags), mark };
}

async function contentsOf(path: string): Promise<{ bytes: Buffer; mark: string }> {
  try {
    return await readBounded(path, MAX_BYTES);
  } catch (error) {
    throw usageError(`couldn't read ${path}: ${messageOf(error)}; give a file in YAML`);
  }
}

/** Parses YAML in a thread of its own: a large file would hold the event loop. */
export async function loadTree(text: string): Promise<MappingNode | Fault> {
  return askThread("config/file/worker.ts", text);
}
