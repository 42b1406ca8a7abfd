import { constants, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { reasonOf } from "./bounded-file.ts";

/** For the owner alone: it may tell who talks to whom. */
const MODE = 0o600;

/**
 * Puts a file with these bytes in the place of the one there is, in one step: who reads it finds all of the one or all of
 * the other, even if the power was cut meanwhile. Throws an Error with the reason alone.
 */
export async function replaceFile(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const draft = `${path}.tmp`;
  try {
    await writeNew(draft, pieces);
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    // A disk that is full has better use for the room; what couldn't be made can't be removed either.
    await rm(draft, { force: true }).catch(() => {});
    throw new Error(reasonOf(error), { cause: error });
  }
}

/** What a run before left behind is not written to: it may be a link, or a FIFO. */
async function writeNew(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  await rm(path, { force: true });
  await using file = await open(path, "wx", MODE);
  for (const piece of pieces) await file.writeFile(piece);
  await file.sync();
}

/** The new name is on the disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await folder.sync();
}
