import { closeSync, constants, fstatSync, openSync, read, type Stats } from "node:fs";
import { Socket } from "node:net";
import { addAbortSignal } from "node:stream";
import { isatty } from "node:tty";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";

/** Where the bytes of a file come from, in order and once. */
export interface ByteInput extends AsyncDisposable {
  /** Whether the bytes come as they are written, and are gone for others once they are read here. */
  readonly isPipe: boolean;
  /**
   * Puts at least one byte at the front of `into`, which has room for MIN_ROOM_BYTES, and returns how many; 0 at the
   * end. Rejects when it is aborted.
   */
  read(into: Uint8Array): Promise<number>;
}

export const STDIN_PATH = "-";
const STDIN_FD = 0;

/** What a pipe holds, unless its owner has changed it (pipe(7)). */
const MIN_ROOM_BYTES = 65_536;

/** Opens a file or a FIFO; `-` is standard input. Throws PromtapError. */
export function openInput(path: string, signal: AbortSignal | undefined): ByteInput {
  const fd = path === STDIN_PATH ? STDIN_FD : openPath(path);
  const stats = fstatSync(fd);
  if (stats.isFIFO() || stats.isSocket()) return new PipeInput(fd, path, signal);
  const refusal = refusalOf(fd, stats);
  if (refusal === undefined) return new FileInput(fd, path, signal);
  close(fd);
  throw new PromtapError(ErrorCode.HOST, `couldn't read ${printablePath(path)}: ${refusal}`);
}

/** A path as it may stand in a message of one line. */
export function printablePath(path: string): string {
  return path === STDIN_PATH ? "standard input" : path.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?");
}

/** Without O_NONBLOCK, opening a FIFO blocks a thread for good if nobody ever writes to it (fifo(7)). */
function openPath(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new PromtapError(ErrorCode.HOST, `couldn't open ${printablePath(path)}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function readError(path: string, error: unknown): PromtapError {
  return new PromtapError(ErrorCode.HOST, `couldn't read ${printablePath(path)}: ${reasonOf(error)}`, { cause: error });
}

function refusalOf(fd: number, stats: Stats): string | undefined {
  if (stats.isDirectory()) return "is a directory; name a pcap or pcapng file";
  if (isatty(fd)) return "is a terminal; pipe a pcap or pcapng file into it";
  return undefined;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return "no such file";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EIO":
      return "input/output error";
    default:
      return messageOf(error).replaceAll(/\s+/g, " ");
  }
}

/** Standard input stays open: a descriptor opened later would take its number. */
function close(fd: number): void {
  if (fd !== STDIN_FD) closeSync(fd);
}

/** A regular file: read straight into the caller's memory. */
class FileInput implements ByteInput {
  readonly isPipe = false;
  readonly #fd: number;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;

  constructor(fd: number, path: string, signal: AbortSignal | undefined) {
    this.#fd = fd;
    this.#path = path;
    this.#signal = signal;
  }

  read(into: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#signal?.throwIfAborted();
      read(this.#fd, into, 0, into.length, null, (error, count) => {
        if (error === null) resolve(count);
        else reject(readError(this.#path, error));
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    close(this.#fd);
  }
}

/**
 * A pipe: waited for by the event loop, not by a thread. A thread that is stuck in read(2) would keep the process from
 * exiting until the writer goes away.
 */
class PipeInput implements ByteInput {
  readonly isPipe = true;
  readonly #path: string;
  readonly #socket: Socket;
  /** Filled by the socket, one chunk at a time: streams of chunks allocate 64 KiB for each. */
  readonly #chunk = new Uint8Array(MIN_ROOM_BYTES);
  /** Bytes of the chunk, until the caller has had them. */
  #chunkBytes = 0;
  #isOver = false;
  #failure: Error | undefined;
  #wake = (): void => {};

  constructor(fd: number, path: string, signal: AbortSignal | undefined) {
    this.#path = path;
    const onread = { buffer: this.#chunk, callback: (count: number): boolean => this.#take(count) };
    this.#socket = new Socket({ fd, readable: true, writable: false, onread });
    this.#socket.on("error", (error) => (this.#failure = error));
    this.#socket.on("end", () => this.#end());
    this.#socket.on("close", () => this.#end());
    if (signal !== undefined) addAbortSignal(signal, this.#socket);
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunkBytes === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.resume();
      });
    }
    if (this.#failure !== undefined) throw readError(this.#path, this.#failure);
    const count = this.#chunkBytes;
    into.set(this.#chunk.subarray(0, count));
    this.#chunkBytes = 0;
    return count;
  }

  /** False: the socket is to wait until the chunk has been read. */
  #take(count: number): boolean {
    this.#chunkBytes = count;
    this.#wake();
    return false;
  }

  #end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }
}
