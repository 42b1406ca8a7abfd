import { readFile, stat } from "node:fs/promises";
import { zstdDecompressSync } from "node:zlib";
import { ErrorCode, messageOf, PromtapError } from "../../../errors.ts";
import { AsTable } from "./as-table.ts";

/** Told when a file was read anew, or could not be: `error` says why the names before stay in use. */
export type NamesListener = (error: string | undefined) => void;

/** Names of ASes: those that the binary carries, or those of a file, which may be replaced at any time. */
export class AsNames {
  /** Changes with the names. */
  edition = 0;
  readonly #path: string | null;
  readonly #listener: NamesListener;
  #table = AsTable.EMPTY;
  /** Of the file when it was last read, good or not: what was refused once is not read again and again. */
  #mark = "";
  #isCurrent = true;
  #reading: Promise<void> | undefined;

  private constructor(path: string | null, listener: NamesListener) {
    this.#path = path;
    this.#listener = listener;
  }

  /** Opens the names in a file. Throws PromtapError. */
  static async open(path: string, listener: NamesListener): Promise<AsNames> {
    const names = new AsNames(path, listener);
    try {
      names.#mark = await markOf(path);
      names.#table = await AsTable.parse(path, await readFile(path));
      return names;
    } catch (error) {
      if (error instanceof PromtapError) throw error;
      throw new PromtapError(ErrorCode.HOST, `couldn't use ${path}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Takes the compressed list that the binary carries; no names where it carries none. */
  static async carried(asset: Uint8Array | undefined): Promise<AsNames> {
    const names = new AsNames(null, () => {});
    if (asset !== undefined) names.#table = await AsTable.parse("the binary", zstdDecompressSync(asset));
    return names;
  }

  /** How many are known. */
  get count(): number {
    return this.#table.count;
  }

  /** Whether they are what the file holds. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** "" where the AS has none. */
  nameOf(as: number): string {
    return this.#table.nameOf(as);
  }

  /** Begins to read the file anew where it has changed; until that is done, the names are those before. */
  refresh(): void {
    if (this.#path === null || this.#reading !== undefined) return;
    this.#reading = this.#read(this.#path).finally(() => (this.#reading = undefined));
  }

  async #read(path: string): Promise<void> {
    let mark = "";
    try {
      mark = await markOf(path);
      if (mark === this.#mark) return;
      this.#table = await AsTable.parse(path, await readFile(path));
      this.edition++;
      this.#isCurrent = true;
      this.#listener(undefined);
    } catch (error) {
      if (mark === this.#mark && !this.#isCurrent) return;
      this.#isCurrent = false;
      this.#listener(reasonOf(error));
    } finally {
      this.#mark = mark;
    }
  }
}

/** Changes whenever the file does, or another takes its place. */
async function markOf(path: string): Promise<string> {
  const status = await stat(path, { bigint: true });
  // A named pipe would not let itself be opened before somebody writes to it.
  if (!status.isFile()) throw new Error("it is no regular file");
  const { dev, ino, size, mtimeNs } = status;
  return [dev, ino, size, mtimeNs].join(" ");
}

/** node:fs says "ENOENT: no such file or directory, open '…'". */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^E[A-Z]+: /, "")
    .replace(/, \w+ '.*'$/, "");
}
