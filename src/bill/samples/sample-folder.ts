import { type FileHandle, mkdir, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CustomerSum } from "../customer-bytes.ts";
import { NONE } from "../customer-bytes.ts";
import { type Interval, INTERVAL_MS } from "../intervals.ts";
import { createSamples, readIntervals, RecordWriter } from "./sample-file.ts";

const DAY_MS = 86_400_000;
const SUFFIX = ".samples";
const NAME = /^(\d{4}-\d{2}-\d{2})_.*\.samples$/;
const SUMS_PER_TURN = 1024;

/** The folder of the samples that are kept with a state. */
export function samplesPath(state: string): string {
  return `${state}.bill`;
}

/** A file of samples, and the day of its intervals. */
export interface SampleFile {
  readonly path: string;
  readonly day: string;
}

/** The files in a folder, in the order in which they were begun; none if there is no folder. Throws what prevents it. */
export async function sampleFiles(folder: string): Promise<SampleFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .flatMap((name) => {
      const [, day] = NAME.exec(name) ?? [];
      return day === undefined ? [] : [{ path: join(folder, name), day }];
    });
}

/** The day of UTC that an interval is in. */
export function dayOf(interval: number): string {
  return new Date(interval * INTERVAL_MS).toISOString().slice(0, 10);
}

/** The file that is written to. */
interface Current {
  readonly file: FileHandle;
  readonly day: string;
  /** Labels → number of the customer. */
  readonly numbers: Map<string, number>;
  /** Slot → number of the customer + 1; 0 if that has to be looked up. */
  readonly ofSlots: number[];
}

/**
 * Keeps samples in files, one for each day and run of the program: what was written is never written again, so that a
 * crash can cost no more than the record that was being written, at the end of its file.
 */
export class SampleFolder implements AsyncDisposable {
  readonly #path: string;
  readonly #days: number;
  readonly #now: () => number;
  #current: Current | undefined;
  /** The intervals of a day that have a sample. */
  #recorded: { readonly day: string; readonly intervals: Set<number> } | undefined;

  /** `now`: the time of day, in milliseconds since 1970. */
  constructor(path: string, days: number, now = () => Date.now()) {
    this.#path = path;
    this.#days = days;
    this.#now = now;
  }

  /** Whether there is a sample of an interval. */
  async has(interval: number): Promise<boolean> {
    const day = dayOf(interval);
    if (this.#recorded?.day !== day) {
      const files = (await sampleFiles(this.#path)).filter((file) => file.day === day);
      const numbers = await Promise.all(files.map(({ path }) => readIntervals(path)));
      this.#recorded = { day, intervals: new Set(numbers.flat()) };
    }
    return this.#recorded.intervals.has(interval);
  }

  /** A slot is another customer's from now on. */
  forget(slot: number): void {
    if (this.#current !== undefined) this.#current.ofSlots[slot] = 0;
  }

  /** Writes what customers had in an interval; when it returns, it is on the disk. Throws what prevents it. */
  async append(interval: Interval, sums: Iterable<CustomerSum | undefined>): Promise<void> {
    const isRepeated = await this.has(interval.number);
    try {
      const current = await this.#fileOf(dayOf(interval.number));
      const writer = new RecordWriter(interval, isRepeated);
      let count = 0;
      for (const sum of sums) {
        if (sum !== undefined) write(writer, current, sum);
        if (sum === undefined || ++count % SUMS_PER_TURN === 0) await nextTurn();
      }
      await current.file.writeFile(await writer.end());
      await current.file.sync();
    } catch (error) {
      // What is in the file now is not known: another one is begun the next time.
      await this.#close();
      throw error;
    }
    this.#recorded!.intervals.add(interval.number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #fileOf(day: string): Promise<Current> {
    if (this.#current?.day === day) return this.#current;
    await this.#close();
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    await this.#removeOld();
    const begun = new Date(this.#now()).toISOString().replaceAll(/[-:]/g, "");
    const file = await createSamples(join(this.#path, `${day}_${begun}${SUFFIX}`));
    this.#current = { file, day, numbers: new Map(), ofSlots: [] };
    await using folder = await open(this.#path);
    await folder.sync();
    return this.#current;
  }

  async #removeOld(): Promise<void> {
    const firstDay = dayOf((this.#now() - this.#days * DAY_MS) / INTERVAL_MS);
    for (const { path, day } of await sampleFiles(this.#path)) if (day < firstDay) await unlink(path);
  }

  async #close(): Promise<void> {
    const file = this.#current?.file;
    this.#current = undefined;
    await file?.close();
  }
}

function write(writer: RecordWriter, { numbers, ofSlots }: Current, sum: CustomerSum): void {
  const { slot, bytesIn, bytesOut } = sum;
  const known = slot === NONE ? 0 : (ofSlots[slot] ?? 0);
  if (known > 0) {
    writer.sum(known - 1, bytesIn, bytesOut);
    return;
  }
  const labels = sum.labels();
  const number = numbers.get(labels);
  writer.sum(number ?? numbers.size, bytesIn, bytesOut, number === undefined ? labels : undefined);
  if (number === undefined) numbers.set(labels, numbers.size);
  if (slot !== NONE) ofSlots[slot] = numbers.get(labels)! + 1;
}
