import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { openRegular } from "../../files/bounded-file.ts";
import { ByteReader } from "../../state/byte-reader.ts";
import { ByteWriter } from "../../state/byte-writer.ts";
import { type Interval, INTERVAL_MS } from "../intervals.ts";
import { SumPacker, SumUnpacker, type Sums } from "./packed-sums.ts";

const MAGIC = Buffer.from("promtap bill 1\n\0");
/** Length of a record, and its checksum. */
const HEAD_BYTES = 8;
/** A million customers that are all new take 10 MB. */
const MAX_RECORD_BYTES = 256 * 2 ** 20;
/** More than what a record begins with has: its interval, how long somebody counted, whether it is repeated. */
const INTERVAL_BYTES = 30;
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;

/*
 * A file of samples, which only grows. Numbers and texts are those of ByteWriter; words have four bytes, the lowest first.
 *
 *     | "promtap bill 1\n\0" | record ... |
 *
 *     record    | length of the body: word | CRC-32 of the body: word | body |
 *     body      | interval | covered ms | 1 if it is repeated, else 0 | sums |, the sums as packed-sums.ts has them
 *
 * Customers are numbered from 0 on, through the whole file, in the order in which they are new.
 */

export interface SampleRecord extends Interval {
  /** Whether the clock had this interval before: it is no sample, and its bytes count all the same. */
  readonly isRepeated: boolean;
  /** The customers that are new in the file with it. */
  readonly newLabels: readonly string[];
  readonly sums: Sums;
}

/** Makes the bytes of a record. */
export class RecordWriter {
  readonly #head = new ByteWriter();
  readonly #sums = new SumPacker();

  constructor({ number, coveredMs }: Interval, isRepeated: boolean) {
    this.#head.numbers([number, Math.round(coveredMs), isRepeated ? 1 : 0]);
  }

  /** `labels`: of a customer that is new in the file, whose number is the next one. */
  sum(customer: number, bytesIn: number, bytesOut: number, labels?: string): void {
    this.#sums.add(customer, bytesIn, bytesOut, labels);
  }

  async end(): Promise<Uint8Array> {
    const body = Buffer.concat([this.#head.filled, ...(await this.#sums.end())]);
    const head = new ByteWriter();
    head.word(body.length);
    head.word(crc32(body));
    return Buffer.concat([head.filled, body]);
  }
}

/** Begins a file, which must not be there yet. */
export async function createSamples(path: string): Promise<FileHandle> {
  const file = await open(path, "ax", 0o600);
  try {
    await file.writeFile(MAGIC);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The records of a file, lent one by one; returns where it is damaged, if it is: there is nothing more then. */
export async function* readSamples(path: string): AsyncGenerator<SampleRecord, number | undefined> {
  await using opened = await openRegular(path);
  if (opened === undefined) return 0;
  const { file } = opened;
  const reader = new RecordReader();
  for (let at = await startOf(file); ;) {
    const head = await bytesAt(file, at, HEAD_BYTES);
    if (at > 0 && head.length === 0) return undefined;
    const body = await bodyAt(file, at, head);
    if (body === undefined) return at;
    let record: SampleRecord;
    try {
      record = reader.read(body);
    } catch {
      return at;
    }
    yield record;
    at += HEAD_BYTES + body.length;
  }
}

/**
 * The intervals that a file has samples of, without reading more than that: a crash damages no record but the last, which
 * is no sample then.
 */
export async function readIntervals(path: string): Promise<number[]> {
  await using opened = await openRegular(path);
  if (opened === undefined) return [];
  const { file, status } = opened;
  const size = Number(status.size);
  const numbers: number[] = [];
  for (let at = await startOf(file); at > 0;) {
    const bytes = await bytesAt(file, at, HEAD_BYTES + INTERVAL_BYTES);
    if (bytes.length < HEAD_BYTES) break;
    const next = at + HEAD_BYTES + bytes.readUInt32LE(0);
    if (next >= size && (await bodyAt(file, at, bytes)) === undefined) break;
    try {
      const { number, isRepeated } = parseInterval(new ByteReader(bytes.subarray(HEAD_BYTES)));
      if (!isRepeated) numbers.push(number);
    } catch {
      break;
    }
    at = next;
  }
  return numbers;
}

/** The body of the record at a place, given its head; undefined if it is damaged, or not there in full. */
async function bodyAt(file: FileHandle, at: number, head: Buffer): Promise<Buffer | undefined> {
  if (head.length < HEAD_BYTES || head.readUInt32LE(0) > MAX_RECORD_BYTES) return undefined;
  const body = await bytesAt(file, at + HEAD_BYTES, head.readUInt32LE(0));
  const isWhole = body.length === head.readUInt32LE(0) && crc32(body) === head.readUInt32LE(4);
  return isWhole ? body : undefined;
}

/** Where the first record is; 0 if it is no file of samples. */
async function startOf(file: FileHandle): Promise<number> {
  return (await bytesAt(file, 0, MAGIC.length)).equals(MAGIC) ? MAGIC.length : 0;
}

/** Fewer if the file ends before. */
async function bytesAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function parseInterval(reader: ByteReader): Interval & { readonly isRepeated: boolean } {
  const number = reader.whole(MAX_NUMBER / INTERVAL_MS);
  const coveredMs = reader.whole(INTERVAL_MS);
  return { number, coveredMs, isRepeated: reader.whole(1) === 1 };
}

/** Reads the records of one file, in their order. */
class RecordReader {
  readonly #sums = new SumUnpacker();

  /** Throws an Error if it can't be that. */
  read(body: Uint8Array): SampleRecord {
    const reader = new ByteReader(body);
    return { ...parseInterval(reader), ...this.#sums.read(reader) };
  }
}
