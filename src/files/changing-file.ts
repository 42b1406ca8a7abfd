import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { type FileContents, markOf, readBounded } from "./bounded-file.ts";

/** What is made of a file. */
export interface FileKind<T> {
  readonly maxBytes: number;
  /** Throws if the bytes, which are lent for good, are no sound file of the kind. `before`: what is in use. */
  parse(path: string, bytes: Buffer, before: T | undefined): Promise<T>;
}

/** Told when a file was read again, or could not be: `error` says why what it held before stays in use. */
export type FileListener = (error: string | undefined) => void;

/** Between attempts to read a file that changed and can't be read, as when no descriptors are left. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

/** A file that others may replace or rewrite at any time, and its last sound content. */
export class ChangingFile<T> {
  readonly path: string;
  readonly #kind: FileKind<T>;
  readonly #listener: FileListener;
  #value: T;
  /** Of the file as last read, sound or not: what was refused once is not read over and over. */
  #mark: string;
  /** Of the file when it last couldn't be read, until when it is left alone, and for how long the next time. */
  #failedMark: string | undefined;
  #pauseEnd = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #error: string | undefined;

  private constructor(path: string, kind: FileKind<T>, listener: FileListener, value: T, mark: string) {
    this.path = path;
    this.#kind = kind;
    this.#listener = listener;
    this.#value = value;
    this.#mark = mark;
  }

  /** Throws PromtapError if there is no sound file. */
  static async open<T>(path: string, kind: FileKind<T>, listener: FileListener): Promise<ChangingFile<T>> {
    try {
      const { bytes, mark } = await readBounded(path, kind.maxBytes);
      return new ChangingFile(path, kind, listener, await kind.parse(path, bytes, undefined), mark);
    } catch (error) {
      if (error instanceof PromtapError) throw error;
      throw new PromtapError(ErrorCode.HOST, `couldn't use ${path}: ${messageOf(error)}`, { cause: error });
    }
  }

  get value(): T {
    return this.#value;
  }

  /** Whether the value in use is what the file holds now. */
  get isCurrent(): boolean {
    return this.#error === undefined;
  }

  /** Reads the file again if it has changed; returns whether the value is another one now. Throws nothing. */
  async refresh(): Promise<boolean> {
    const mark = await markOf(this.path);
    if (mark === this.#mark || (mark === this.#failedMark && performance.now() < this.#pauseEnd)) return false;
    const contents = await this.#read(mark);
    if (contents === undefined) return false;
    this.#mark = contents.mark;
    try {
      this.#value = await this.#kind.parse(this.path, contents.bytes, this.#value);
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#error = undefined;
    this.#listener(undefined);
    return true;
  }

  /** Undefined if that can't be done now, and is to be tried again. */
  async #read(mark: string): Promise<FileContents | undefined> {
    try {
      const contents = await readBounded(this.path, this.#kind.maxBytes);
      this.#failedMark = undefined;
      this.#pauseMs = FIRST_PAUSE_MS;
      return contents;
    } catch (error) {
      this.#fail(error);
      this.#mark = "";
      this.#failedMark = mark;
      this.#pauseEnd = performance.now() + this.#pauseMs;
      this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    const reason = messageOf(error);
    if (reason !== this.#error) this.#listener(reason);
    this.#error = reason;
  }
}
