import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { grown } from "../grown-array.ts";
import { ByteReader } from "../state/byte-reader.ts";
import { ByteWriter } from "../state/byte-writer.ts";
import { type Interval, INTERVAL_MS } from "./intervals.ts";

const MAGIC = Buffer.from("promtap bill 1\n\0");
/** Length of a record, and its checksum. */
const HEAD_BYTES = 8;
/** A million customers that are all new take 80 MB. */
const MAX_RECORD_BYTES = 256 * 2 ** 20;
/** More than what a record begins with has: its interval, how long somebody counted, whether it is repeated. */
const INTERVAL_BYTES = 30;
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;
/** Stands for the number of a customer whose labels follow. */
const NEW = 0;
const INITIAL_SUMS = 1024;

/*
 * A file of samples, which only grows. Numbers and texts are those of ByteWriter; words have four bytes, the lowest first.
 *
 *     | "promtap bill 1\n\0" | record ... |
 *
 *     record    | length of the body: word | CRC-32 of the body: word | body |
 *     body      | interval | covered ms | 1 if it is repeated, else 0 | sum ... |
 *     sum       | customer | bytes in | bytes out |
 *     customer  | NEW | labels: text |, or | 1 + its number, as a distance from that of the sum before |
 *     distance  | twice as much; if it is less, twice as much less 1 |
 *
 * Customers are numbered from 0 on, through the whole file, in the order in which they are new.
 */

/** What a customer had in an interval, one after the other; arrays are lent, and may be longer than `count`. */
export interface Sums {
  readonly count: number;
  readonly customers: Uint32Array;
  readonly bytesIn: Float64Array;
  readonly bytesOut: Float64Array;
}

export interface SampleRecord extends Interval {
  /** Whether the clock had this interval before: it is no sample, and its bytes count all the same. */
  readonly isRepeated: boolean;
  /** The customers that are new in the file with it. */
  readonly newLabels: readonly string[];
  readonly sums: Sums;
}

/** Makes the bytes of a record. */
export class RecordWriter {
  readonly #body = new ByteWriter();
  /** Of the sum before. */
  #customer = 0;

  constructor({ number, coveredMs }: Interval, isRepeated: boolean) {
    this.#body.numbers([number, Math.round(coveredMs), isRepeated ? 1 : 0]);
  }

  /** `labels`: of a customer that is new in the file, whose number is the next one. */
  sum(customer: number, bytesIn: number, bytesOut: number, labels?: string): void {
    const distance = customer - this.#customer;
    this.#customer = customer;
    this.#body.number(labels !== undefined ? NEW : 1 + (distance < 0 ? -2 * distance - 1 : 2 * distance));
    if (labels !== undefined) this.#body.text(labels);
    this.#body.number(bytesIn);
    this.#body.number(bytesOut);
  }

  end(): Uint8Array[] {
    const body = this.#body.filled;
    const head = new ByteWriter();
    head.word(body.length);
    head.word(crc32(body));
    return [head.filled, body];
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
  await using file = await open(path);
  const reader = new RecordReader();
  for (let at = await startOf(file); ;) {
    const head = await bytesAt(file, at, HEAD_BYTES);
    if (at > 0 && head.length === 0) return undefined;
    if (head.length < HEAD_BYTES || head.readUInt32LE(0) > MAX_RECORD_BYTES) return at;
    const body = await bytesAt(file, at + HEAD_BYTES, head.readUInt32LE(0));
    if (body.length < head.readUInt32LE(0) || crc32(body) !== head.readUInt32LE(4)) return at;
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

/** The intervals that a file has samples of, without reading more than that. */
export async function readIntervals(path: string): Promise<number[]> {
  await using file = await open(path);
  const numbers: number[] = [];
  for (let at = await startOf(file); at > 0;) {
    const bytes = await bytesAt(file, at, HEAD_BYTES + INTERVAL_BYTES);
    try {
      const { number, isRepeated } = parseInterval(new ByteReader(bytes.subarray(HEAD_BYTES)));
      if (!isRepeated) numbers.push(number);
    } catch {
      // That is its end, or it was not written in full.
      break;
    }
    at += HEAD_BYTES + bytes.readUInt32LE(0);
  }
  return numbers;
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
  #customers = new Uint32Array(INITIAL_SUMS);
  #bytesIn = new Float64Array(INITIAL_SUMS);
  #bytesOut = new Float64Array(INITIAL_SUMS);
  /** Customers that the file had so far. */
  #known = 0;

  /** Throws an Error if it can't be that. */
  read(body: Uint8Array): SampleRecord {
    const reader = new ByteReader(body);
    const interval = parseInterval(reader);
    const newLabels: string[] = [];
    let customer = 0;
    let count = 0;
    for (; reader.hasMore; count++) {
      if (count === this.#customers.length) this.#grow();
      const number = reader.number();
      if (number === NEW) {
        newLabels.push(reader.text());
        customer = this.#known++;
      } else customer += number % 2 === 0 ? -number / 2 : (number - 1) / 2;
      if (!(customer >= 0 && customer < this.#known)) throw new Error("it has a customer that is none");
      this.#customers[count] = customer;
      this.#bytesIn[count] = reader.count();
      this.#bytesOut[count] = reader.count();
    }
    const sums = { count, customers: this.#customers, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
    return { ...interval, newLabels, sums };
  }

  #grow(): void {
    this.#customers = grown(this.#customers);
    this.#bytesIn = grown(this.#bytesIn);
    this.#bytesOut = grown(this.#bytesOut);
  }
}
