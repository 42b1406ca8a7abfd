import { randomBytes } from "node:crypto";
import { constants, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { markOf, reasonOf } from "./bounded-file.ts";

/** For the owner alone: it may tell who talks to whom. */
const MODE = 0o600;
/** What comes behind the name of a file while it is written; random, so that no other program writes into the same one. */
const DRAFT_SUFFIX = /^\.[0-9a-f]{8}\.tmp$/;

/**
 * Puts a file with these bytes in the place of the one there is, in one step: who reads it finds all of the one or all of
 * the other, even if the power was cut meanwhile. `replaced` is told the mark of the new one. Throws an Error with the
 * reason alone.
 */
export async function replaceFile(
  path: string,
  pieces: Iterable<Uint8Array>,
  replaced: (mark: string) => void = () => {},
): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await writeNew(draft, pieces);
    // When it is closed, since some file systems note the time then; the name is no part of it.
    const mark = await markOf(draft);
    await rename(draft, path);
    replaced(mark);
    await syncFolder(dirname(path));
  } catch (error) {
    // A disk that is full has better use for the room; what couldn't be made can't be removed either.
    await rm(draft, { force: true }).catch(() => {});
    throw new Error(reasonOf(error), { cause: error });
  }
}

/** Removes what runs that were killed left beside a file; what can't be removed stays. */
export async function removeDrafts(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  const names = await readdir(folder).catch(() => []);
  const drafts = names.filter((each) => each.startsWith(name) && DRAFT_SUFFIX.test(each.slice(name.length)));
  await Promise.all(drafts.map((each) => rm(join(folder, each), { force: true }).catch(() => {})));
}

async function writeNew(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  await using file = await open(path, "wx", MODE);
  for (const piece of pieces) await file.writeFile(piece);
  await file.sync();
}

/** The new name is on the disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await folder.sync();
}
