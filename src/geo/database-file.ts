import type { BigIntStats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { GeoDatabase } from "./database.ts";

/** Told when a file was read anew, or could not be: `error` says why the one before stays in use. */
export type ReloadListener = (path: string, error: string | undefined) => void;

/** A database in a file that others may replace or rewrite at any time. */
export class DatabaseFile {
  readonly path: string;
  readonly #onReload: ReloadListener;
  #database: GeoDatabase;
  /** Of the file when it was last looked at, good or not: what was refused once is not read again and again. */
  #mark: string;
  #error: string | undefined;

  private constructor(path: string, onReload: ReloadListener, database: GeoDatabase, mark: string) {
    this.path = path;
    this.#onReload = onReload;
    this.#database = database;
    this.#mark = mark;
  }

  /** Throws PromtapError where there is no sound database. */
  static async open(path: string, onReload: ReloadListener): Promise<DatabaseFile> {
    const { database, mark } = await read(path);
    return new DatabaseFile(path, onReload, database, mark);
  }

  get database(): GeoDatabase {
    return this.#database;
  }

  /** Whether what is in use is what the file holds. */
  get isCurrent(): boolean {
    return this.#error === undefined;
  }

  /** Reads the file again where it changed; returns whether the database is another one now. */
  async refresh(): Promise<boolean> {
    const mark = await markOf(this.path);
    if (mark === this.#mark) return false;
    this.#mark = mark;
    try {
      const { database, mark: markRead } = await read(this.path);
      refuseLess(this.#database, database);
      this.#database = database;
      this.#mark = markRead;
      this.#error = undefined;
      this.#onReload(this.path, undefined);
      return true;
    } catch (error) {
      const message = messageOf(error);
      if (message !== this.#error) this.#onReload(this.path, message);
      this.#error = message;
      return false;
    }
  }
}

async function read(path: string): Promise<{ database: GeoDatabase; mark: string }> {
  try {
    // a named pipe would not let itself be opened before somebody writes to it
    if (!(await stat(path)).isFile()) throw new Error("it is no regular file");
    await using file = await open(path);
    const mark = markOfStatus(await file.stat({ bigint: true }));
    return { database: await GeoDatabase.open(path, await file.readFile()), mark };
  } catch (error) {
    if (error instanceof PromtapError) throw error;
    throw new PromtapError(ErrorCode.HOST, `couldn't use ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What changes when a file does; "" where there is none. */
async function markOf(path: string): Promise<string> {
  try {
    return markOfStatus(await stat(path, { bigint: true }));
  } catch {
    return "";
  }
}

function markOfStatus({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(" ");
}

/** A file that was taken for the other kind by mistake would empty the page without a word. */
function refuseLess(before: GeoDatabase, after: GeoDatabase): void {
  const lost = [
    ...(before.contents.hasCountries && !after.contents.hasCountries ? ["countries"] : []),
    ...(before.contents.hasSystems && !after.contents.hasSystems ? ["AS numbers"] : []),
  ];
  if (lost.length === 0) return;
  const what = `${after.name}: it has no ${lost.join(" and ")}, which it had before; its type is ${after.type}`;
  throw new PromtapError(ErrorCode.HOST, `couldn't use ${what}`);
}

/** node:fs says "ENOENT: no such file or directory, open '…'". */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^E[A-Z]+: /, "")
    .replace(/, \w+ '.*'$/, "");
}
