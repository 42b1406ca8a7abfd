import { copyFile, realpath, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { KeptWriter } from "../collectors/feature.ts";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { markOf, readBounded } from "../files/bounded-file.ts";
import { removeDrafts, replaceFile } from "../files/replaced-file.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { decodeState, encodeState, lengthOf, MAX_STATE_BYTES, type State } from "./state-file.ts";

/** Where it is told what becomes of the file. */
export interface StateLog {
  info(message: string, fields: Readonly<Record<string, string>>): void;
  warn(message: string, fields: Readonly<Record<string, string>>): void;
  error(message: string, fields: Readonly<Record<string, string>>): void;
}

/** When the others began, see `begunAt`. */
const BEGUN_SECTION = "begun";

/** What there is at a path. */
type Found = { readonly state: State; readonly sizeBytes: number } | { readonly fault: string } | undefined;

/**
 * Keeps what others count in a file: reads it at the start, and writes it again and again, and at the end. Sections that
 * nobody here knows are written as they were read. What can't be used is set aside, and what can't be written is tried
 * again; neither ends the program.
 */
export class StateKeeper implements AsyncDisposable {
  readonly path: string;
  /** When the file was last written, in seconds since 1970; 0: there is none. */
  writtenAt = 0;
  sizeBytes = 0;
  failures = 0;
  readonly #log: StateLog;
  /** Sections as they were read. */
  #stored = new Map<string, Uint8Array>();
  readonly #writers = new Map<string, KeptWriter>();
  /** Section → when what is in it began to be counted, in seconds since 1970, as far as that is known. */
  #begun = new Map<string, number>();
  /** Likewise, of what is resumed, or begins, but is not kept yet. */
  readonly #begins = new Map<string, number | undefined>();
  /** Of the file that may be replaced; "" if there is none. */
  #mark = "";
  /** Why the file that is there must not be replaced. */
  #refusal: string | undefined;
  #error: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, log: StateLog) {
    this.path = path;
    this.#log = log;
  }

  /** Reads the file if there is one. Throws PromtapError if it is none that could ever be written. */
  static async open(path: string, log: StateLog): Promise<StateKeeper> {
    const keeper = new StateKeeper(await realpath(path).catch(() => path), log);
    await keeper.#load();
    await removeDrafts(keeper.path);
    return keeper;
  }

  /** What was kept under a name, if anything was. */
  stored(name: string): Uint8Array | undefined {
    return this.#stored.get(name);
  }

  /**
   * What `read` makes of what was kept under a name; undefined if nothing was, or if it throws: then it is told, and a
   * copy of the file stays.
   */
  async resume<T>(name: string, read: (reader: ByteReader) => T): Promise<T | undefined> {
    this.#begins.set(name, Date.now() / 1000);
    const stored = this.#stored.get(name);
    if (stored === undefined) return undefined;
    try {
      const reader = new ByteReader(stored);
      const value = read(reader);
      if (reader.hasMore) throw new Error("it has more than there is to it");
      this.#begins.set(name, this.#begun.get(name));
      return value;
    } catch (error) {
      await this.#refuse(name, messageOf(error));
      return undefined;
    }
  }

  /** Writes a section under this name from now on, in the place of what was stored. */
  keep(name: string, writer: KeptWriter): void {
    this.#stored.delete(name);
    if (this.#writers.get(name) === writer) return;
    this.#writers.set(name, writer);
    const begun = this.#begins.get(name);
    if (begun === undefined) this.#begun.delete(name);
    else this.#begun.set(name, begun);
  }

  /** When what is kept under a name began to be counted, in seconds since 1970; undefined if that is not known. */
  begunAt(name: string): number | undefined {
    return this.#begun.get(name);
  }

  /** Writes the file now, and then again whenever so much time has gone by. */
  begin(intervalMs: number): void {
    const write = async (): Promise<void> => {
      const startedAtMs = performance.now();
      await this.write();
      const pauseMs = Math.max(0, startedAtMs + intervalMs - performance.now());
      if (this.#timer !== undefined) this.#timer = setTimeout(() => void write(), pauseMs).unref();
    };
    this.#timer = setTimeout(() => void write(), 0).unref();
  }

  /** Writes the file, once it is written that is being written; what fails is told. */
  write(): Promise<void> {
    this.#writing = this.#writeAfter(this.#writing);
    return this.#writing;
  }

  async #writeAfter(earlier: Promise<void>): Promise<void> {
    await earlier;
    try {
      await this.#write();
      this.#tell(undefined);
    } catch (error) {
      this.failures++;
      this.#tell(messageOf(error));
    }
  }

  /** Forgets a section that nothing can be done with; the file as it was read stays under another name. */
  async #refuse(section: string, reason: string): Promise<void> {
    const name = asideName(this.path);
    this.#stored.delete(section);
    const message = "couldn't use a part of the state; its counts begin at 0";
    try {
      await copyFile(this.path, name);
      this.#log.error(message, { file: this.path, part: section, error: reason, "set-aside": name });
    } catch (error) {
      this.#log.error(message, { file: this.path, part: section, error: reason });
      this.#log.error("couldn't set aside the state", { file: this.path, error: messageOf(error) });
    }
  }

  /** Gives the file that was read another name, because nothing can be done with it. */
  async #setAside(reason: string): Promise<void> {
    const name = asideName(this.path);
    this.#stored.clear();
    try {
      await rename(this.path, name);
      this.#mark = "";
      this.#log.error("couldn't use the state; counts begin at 0", {
        file: this.path,
        error: reason,
        "set-aside": name,
      });
    } catch (error) {
      this.#refusal = `couldn't set aside what is there: ${messageOf(error)}`;
      this.#log.error("couldn't use the state; counts begin at 0", { file: this.path, error: reason });
    }
  }

  /** Writes the file for the last time, if it was begun with. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    const hasBegun = this.#timer !== undefined;
    this.#timer = undefined;
    if (hasBegun) await this.write();
  }

  async #load(): Promise<void> {
    this.#mark = await markOf(this.path);
    const found = await findState(this.path, (reason) => (this.#refusal = reason));
    if (found === undefined) return;
    if ("fault" in found) {
      if (this.#refusal === undefined) await this.#setAside(found.fault);
      else this.#log.error("couldn't read the state; counts begin at 0", { file: this.path, error: found.fault });
      return;
    }
    this.#stored = new Map(found.state.sections);
    this.#begun = timesIn(this.#stored.get(BEGUN_SECTION));
    this.#stored.delete(BEGUN_SECTION);
    this.writtenAt = found.state.writtenAt;
    this.sizeBytes = found.sizeBytes;
    this.#log.info("goes on from the state", { file: this.path, written: timeText(this.writtenAt) });
  }

  async #write(): Promise<void> {
    if (this.#refusal !== undefined) throw new Error(this.#refusal);
    const sections = new Map<string, readonly Uint8Array[]>([...this.#stored].map(([name, bytes]) => [name, [bytes]]));
    const writtenAt = Date.now() / 1000;
    for (const [name, writer] of this.#writers) sections.set(name, await writer(nextTurn));
    sections.set(BEGUN_SECTION, [bytesOf(new Map([...this.#begun].filter(([name]) => sections.has(name))))]);
    const pieces = await encodeState(writtenAt, sections, nextTurn);
    const mark = await markOf(this.path);
    if (mark !== "" && mark !== this.#mark) {
      throw new Error("another program has written it meanwhile; give each its own");
    }
    await replaceFile(this.path, pieces, (mark) => (this.#mark = mark));
    this.writtenAt = writtenAt;
    this.sizeBytes = lengthOf(pieces);
  }

  #tell(error: string | undefined): void {
    if (error === this.#error) return;
    this.#error = error;
    if (error === undefined) this.#log.info("writes the state again", { file: this.path });
    else this.#log.error("couldn't write the state; what is counted is lost at a restart", { file: this.path, error });
  }
}

/** Times of sections by their names; none if it is damaged: they are for information alone. */
function timesIn(bytes: Uint8Array | undefined): Map<string, number> {
  const times = new Map<string, number>();
  if (bytes === undefined) return times;
  try {
    for (const reader = new ByteReader(bytes); reader.hasMore;) times.set(reader.text(), reader.count());
    return times;
  } catch {
    return new Map();
  }
}

function bytesOf(times: ReadonlyMap<string, number>): Uint8Array {
  const writer = new ByteWriter();
  for (const [name, seconds] of times) {
    writer.text(name);
    writer.number(seconds);
  }
  return writer.filled;
}

/** Says what would be done with a file, in a line. Throws PromtapError if it is none that could ever be written. */
export async function describeState(path: string): Promise<string> {
  const found = await findState(path, () => {});
  if (found === undefined) return `state: would begin ${path}`;
  if ("fault" in found) return `state: would begin at 0, because of ${path}: ${found.fault}`;
  return `state: would go on from ${path}, written at ${timeText(found.state.writtenAt)}`;
}

/** The file that a flag means: a name alone is in the folder that systemd made for the unit, if there is one. */
export function statePath(path: string, env: NodeJS.ProcessEnv = process.env): string {
  const [folder = ""] = (env["STATE_DIRECTORY"] ?? "").split(":");
  return path.includes("/") || folder === "" ? path : join(folder, path);
}

/** `onUnreadable` is told of what is there, but can't be read, and so not be judged. Throws PromtapError. */
async function findState(path: string, onUnreadable: (reason: string) => void): Promise<Found> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") onUnreadable(`couldn't read what is there: ${error.message}`);
    return error.code === "ENOENT" ? undefined : error;
  });
  if (status === undefined) return undefined;
  if (status instanceof Error) return { fault: status.message };
  if (!status.isFile()) {
    throw new PromtapError(
      ErrorCode.HOST,
      `couldn't use --state ${path}: it is not a regular file; name one, or none yet`,
    );
  }
  if (status.size > MAX_STATE_BYTES) return { fault: `it is larger than ${MAX_STATE_BYTES / 2 ** 20} MiB` };
  let bytes: Buffer;
  try {
    ({ bytes } = await readBounded(path, MAX_STATE_BYTES));
  } catch (error) {
    onUnreadable(`couldn't read what is there: ${messageOf(error)}`);
    return { fault: messageOf(error) };
  }
  try {
    return { state: decodeState(bytes), sizeBytes: bytes.length };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

function asideName(path: string): string {
  return `${path}.damaged-${new Date().toISOString().replaceAll(/[-:]/g, "")}`;
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
