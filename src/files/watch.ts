import { watch } from "node:fs";
import { dirname } from "node:path";
import { markOf } from "./bounded-file.ts";

/** After a change others follow: a file is written in pieces, and several files are changed together. */
const SETTLE_MS = 500;

/**
 * Calls `onChange` when any of the files has become another one, until it is disposed of. Their folders are watched:
 * editors, and whoever changes a file in one step, put another one in its place. Throws Error if a folder can't be
 * watched.
 */
export class FileWatch implements Disposable {
  readonly #onChange: () => void | Promise<void>;
  readonly #watchers = new Map<string, ReturnType<typeof watch>>();
  #marks = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #isOpen = true;

  private constructor(onChange: () => void | Promise<void>) {
    this.#onChange = onChange;
  }

  static async open(paths: readonly string[], onChange: () => void | Promise<void>): Promise<FileWatch> {
    const opened = new FileWatch(onChange);
    await opened.follow(paths);
    return opened;
  }

  /** Watches these files from now on, as they are now, and no others. */
  async follow(paths: readonly string[]): Promise<void> {
    const folders = new Set(paths.map((path) => dirname(path)));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watchers.set(folder, this.#watch(folder));
    this.#marks = new Map(await Promise.all(paths.map(async (path) => [path, await markOf(path)] as const)));
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #watch(folder: string): ReturnType<typeof watch> {
    const watcher = watch(folder, { persistent: false }, () => this.#settle());
    // Such as of a folder that is gone: what was read stays in force.
    watcher.on("error", () => {});
    return watcher;
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#compare(), SETTLE_MS);
  }

  async #compare(): Promise<void> {
    const changes = await Promise.all([...this.#marks].map(async ([path, mark]) => (await markOf(path)) !== mark));
    if (this.#isOpen && changes.includes(true)) await this.#onChange();
  }
}
