import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { ErrorCode, PromtapError } from "../errors.ts";
import { markOf, reasonOf } from "./bounded-file.ts";
import { foldersOf } from "./path-folders.ts";

/** After a change others follow: a file is written in pieces, and several files are changed together. */
const SETTLE_MS = 500;
/** In a folder that never settles: so many times as long. */
const MAX_SETTLES = 10;

/** Told of files that are watched. */
export interface WatchListener {
  /** Any of them has become another one. */
  changed(): void | Promise<void>;
  /** They can't all be watched any more. */
  failed(error: unknown): void;
}

interface WatchedFolder {
  readonly watcher: FSWatcher;
  /** What had the name of the folder then. */
  readonly inode: bigint;
}

/**
 * Tells when any of the files has become another one, until it is disposed of. The folders on their way are watched:
 * editors, and whoever changes a file in one step, put another one in its place, or have a link lead to another.
 */
export class FileWatch implements Disposable {
  readonly #listener: WatchListener;
  readonly #settleMs: number;
  readonly #folders = new Map<string, WatchedFolder>();
  /** File → its mark when it was last looked at. */
  readonly #marks = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  /** When changes began to come. */
  #changingSince: number | undefined;
  #isOpen = true;

  private constructor(listener: WatchListener, settleMs: number) {
    this.#listener = listener;
    this.#settleMs = settleMs;
  }

  /** Throws PromtapError. */
  static async open(
    paths: readonly string[],
    listener: WatchListener,
    settleMs: number = SETTLE_MS,
  ): Promise<FileWatch> {
    const opened = new FileWatch(listener, settleMs);
    await opened.follow(paths);
    return opened;
  }

  /**
   * Watches these files from now on, and no others. Those that were not watched are taken as they are now, so before they are
   * read. Throws PromtapError.
   */
  async follow(paths: readonly string[]): Promise<void> {
    for (const path of this.#marks.keys()) if (!paths.includes(path)) this.#marks.delete(path);
    for (const path of paths) if (!this.#marks.has(path)) this.#marks.set(path, await markOf(path));
    await this.#watchFolders();
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher.close();
  }

  /** Watches the folders that are on the way now. */
  async #watchFolders(): Promise<void> {
    const ways = await Promise.all([...this.#marks.keys()].map(foldersOf));
    const wanted = await inodesOf(new Set(ways.flatMap((folders) => [...folders])));
    if (!this.#isOpen) return;
    for (const [folder, { watcher, inode }] of this.#folders) {
      if (wanted.get(folder) === inode) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const [folder, inode] of wanted) {
      if (this.#folders.has(folder)) continue;
      this.#folders.set(folder, { watcher: this.#watch(folder), inode });
      // What changed there before it was watched is seen then.
      this.#settle();
    }
  }

  #watch(folder: string): FSWatcher {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#settle());
      // Such as of a folder that is gone: what was read stays in force.
      watcher.on("error", () => {});
      return watcher;
    } catch (error) {
      const hint =
        error instanceof Error && "code" in error && error.code === "ENOSPC"
          ? "; raise fs.inotify.max_user_watches"
          : "";
      throw new PromtapError(ErrorCode.HOST, `couldn't watch ${folder}: ${reasonOf(error)}${hint}`, { cause: error });
    }
  }

  #settle(): void {
    this.#changingSince ??= performance.now();
    if (performance.now() - this.#changingSince > MAX_SETTLES * this.#settleMs) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#changingSince = undefined;
      this.#compare().catch((error: unknown) => this.#listener.failed(error));
    }, this.#settleMs);
  }

  async #compare(): Promise<void> {
    await this.#watchFolders();
    let hasChanged = false;
    for (const [path, before] of this.#marks) {
      const mark = await markOf(path);
      // Meanwhile it may be followed no more.
      if (mark === before || !this.#marks.has(path)) continue;
      this.#marks.set(path, mark);
      hasChanged = true;
    }
    if (this.#isOpen && hasChanged) await this.#listener.changed();
  }
}

/** What has the names of these folders now; without those that are gone. */
async function inodesOf(folders: Iterable<string>): Promise<Map<string, bigint>> {
  const inodes = new Map<string, bigint>();
  for (const folder of folders) {
    const status = await stat(folder, { bigint: true }).catch(() => undefined);
    if (status !== undefined) inodes.set(folder, status.ino);
  }
  return inodes;
}
