import type { BigIntStats } from "node:fs";
import { constants, type FileHandle, open, stat } from "node:fs/promises";
import { messageOf } from "../errors.ts";

const PIECE_BYTES = 2 ** 18;

/** A file as it was read. */
export interface FileContents {
  readonly bytes: Buffer;
  /** Changes whenever the file does, or another takes its place. */
  readonly mark: string;
}

/**
 * Reads a regular file of at most so many bytes. Anything else is refused before it is opened: a FIFO without a writer,
 * or a device that never ends, would hold a thread, and with it the end of the process, for good. Throws an Error with
 * the reason alone.
 */
export async function readBounded(path: string, maxBytes: number): Promise<FileContents> {
  try {
    await using opened = regular(await openRegular(path));
    const { file, status } = opened;
    return { bytes: await readAll(file, Number(status.size), maxBytes), mark: markOfStatus(status) };
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}

/** Reads such a file in pieces, which are lent until the next; returns its mark in the end. Throws like `readBounded`. */
export async function* readPieces(path: string, maxBytes: number): AsyncGenerator<Buffer, string> {
  try {
    await using opened = regular(await openRegular(path));
    const { file, status } = opened;
    if (Number(status.size) > maxBytes) throw tooLarge(maxBytes);
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let length = 0; ;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) return markOfStatus(status);
      length += bytesRead;
      if (length > maxBytes) throw tooLarge(maxBytes);
      yield piece.subarray(0, bytesRead);
    }
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}

/** A regular file, and what it was when it was opened. */
interface OpenedFile extends AsyncDisposable {
  readonly file: FileHandle;
  readonly status: BigIntStats;
}

/** Opens a file to read it; undefined if it is none that is regular, which is told without waiting. Throws what prevents it. */
export async function openRegular(path: string): Promise<OpenedFile | undefined> {
  if (!(await stat(path, { bigint: true })).isFile()) return undefined;
  // Something else may have taken its place since.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const close = async (): Promise<void> => file.close();
  try {
    const status = await file.stat({ bigint: true });
    if (status.isFile()) return { file, status, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
  await close();
  return undefined;
}

function regular(opened: OpenedFile | undefined): OpenedFile {
  if (opened === undefined) throw new Error("it is not a regular file");
  return opened;
}

/** The mark that a file has now; "" if there is none. */
export async function markOf(path: string): Promise<string> {
  try {
    return markOfStatus(await stat(path, { bigint: true }));
  } catch {
    return "";
  }
}

function markOfStatus({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(" ");
}

/** `sizeBytes` is what the file claims: it may grow meanwhile, and files of /proc claim 0. */
async function readAll(file: FileHandle, sizeBytes: number, maxBytes: number): Promise<Buffer> {
  if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
  // One byte more than expected: only an empty read tells the end.
  let bytes = Buffer.allocUnsafe(sizeBytes + 1);
  for (let length = 0; ;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    if (bytesRead === 0) return bytes.subarray(0, length);
    length += bytesRead;
    if (length > maxBytes) throw tooLarge(maxBytes);
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(length * 2, maxBytes + 1));
  }
}

function tooLarge(maxBytes: number): Error {
  return new Error(`it is larger than ${maxBytes / 2 ** 20} MiB`);
}

/** The reason alone: node:fs says "ENOENT: no such file or directory, open '…'". */
export function reasonOf(error: unknown): string {
  const reason = messageOf(error)
    .replace(/^E[A-Z]+: /, "")
    .replace(/, \w+( '.*')?$/, "");
  const isExhausted = error instanceof Error && "code" in error && error.code === "EMFILE";
  return isExhausted ? `${reason}; raise LimitNOFILE` : reason;
}
