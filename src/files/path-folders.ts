import { lstat, readlink } from "node:fs/promises";
import { join, resolve } from "node:path";

/** As many as the kernel follows: see path_resolution(7). */
const MAX_LINKS = 40;

/**
 * The folders in which a change can have a path lead to another file: its own, that of each link on its way, and the last
 * one that there is if the way ends early.
 */
export async function foldersOf(path: string): Promise<Set<string>> {
  const folders = new Set<string>();
  let way: string | undefined = resolve(path);
  for (let links = 0; way !== undefined && links <= MAX_LINKS; links++) way = await followLink(way, folders);
  return folders;
}

/** Adds the folder in which the way ends, or has its first link; returns the way that this link gives. */
async function followLink(way: string, folders: Set<string>): Promise<string | undefined> {
  const names = way.split("/").filter((name) => name !== "");
  let folder = "/";
  for (const [index, name] of names.entries()) {
    const at = join(folder, name);
    const kind = await kindOf(at);
    if (kind !== "folder") {
      folders.add(folder);
      return kind?.link === undefined ? undefined : resolve(folder, kind.link, ...names.slice(index + 1));
    }
    folder = at;
  }
  folders.add(folder);
  return undefined;
}

/** What stands at a path: undefined if it leads no further. */
async function kindOf(path: string): Promise<"folder" | { readonly link: string } | undefined> {
  try {
    const status = await lstat(path);
    if (status.isDirectory()) return "folder";
    return status.isSymbolicLink() ? { link: await readlink(path) } : undefined;
  } catch {
    return undefined;
  }
}
