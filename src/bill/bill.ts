import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { grown } from "../grown-array.ts";
import { usageError } from "../config/flag.ts";
import { parseLabels } from "../page/labels.ts";
import { leftOut } from "./highest.ts";
import { INTERVAL_MS, intervalAt } from "./intervals.ts";
import type { Month } from "./month.ts";
import { type Rates, RowSamples } from "./row-samples.ts";
import { readSamples, type SampleRecord } from "./samples/sample-file.ts";
import { dayOf, type SampleFile, sampleFiles } from "./samples/sample-folder.ts";

/** Rows whose highest samples are in memory at once: 300 MB in a month of 31 days. Of more, files are read again. */
const ROWS_PER_PASS = 16_384;
/** Of what was written since the first pass. */
const NO_ROW = -1;

/** What one customer, or several with the same labels, had in a month. */
export interface BillRow extends Rates {
  readonly labels: readonly string[];
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Intervals without a sample, from the start of the first to the end of the last, in milliseconds since 1970. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Bill {
  readonly month: Month;
  readonly labelNames: readonly string[];
  /** In the order of their labels. */
  readonly rows: readonly BillRow[];
  /** Intervals of the month that are over. */
  readonly intervals: number;
  readonly samples: number;
  /** Time of the month that nobody counted in, so far. */
  readonly uncountedMs: number;
  readonly gaps: readonly Gap[];
  /** What is wrong with files, a line each. */
  readonly faults: readonly string[];
}

/** What is asked for. */
export interface BillRequest {
  readonly folder: string;
  readonly month: Month;
  /** Labels that rows are told apart by; null: by all that there are. */
  readonly by: readonly string[] | null;
  /** In milliseconds since 1970. */
  readonly nowMs: number;
}

/** Makes the bill of a month of all samples that are kept. Throws PromtapError. */
export async function makeBill({ folder, month, by, nowMs }: BillRequest, rowsPerPass = ROWS_PER_PASS): Promise<Bill> {
  const [first, end] = [Math.ceil(month.fromMs / INTERVAL_MS), Math.ceil(month.toMs / INTERVAL_MS)];
  const over = Math.max(first, Math.min(end, intervalAt(nowMs)));
  try {
    const files = await filesOf(folder, first, end);
    const reading = new MonthReading(by, first, end, rowsPerPass);
    do await reading.read(files);
    while (reading.hasMore);
    return { month, ...reading.result(over) };
  } catch (error) {
    if (error instanceof PromtapError) throw error;
    const reason = messageOf(error);
    throw new PromtapError(ErrorCode.HOST, `couldn't read samples in ${folder}: ${reason}`, { cause: error });
  }
}

/** Throws PromtapError if there are none. */
async function filesOf(folder: string, first: number, end: number): Promise<SampleFile[]> {
  const all = await sampleFiles(folder);
  const files = all.filter(({ day }) => day >= dayOf(first) && day <= dayOf(end - 1));
  if (files.length > 0) return files;
  const days = all.length === 0 ? "" : `; those there are begin with ${all[0]!.day} and end with ${all.at(-1)!.day}`;
  const hint = all.length === 0 ? "; promtap keeps them with --bill-days" : days;
  throw new PromtapError(ErrorCode.HOST, `couldn't make the bill: ${folder} has no samples of that month${hint}`);
}

/** A reading of all files, for the samples of so many rows from `from` on. */
interface Pass {
  readonly from: number;
  readonly samples: RowSamples;
  /** Those that have a sample so far. */
  readonly intervals: Set<number>;
}

/** Reads the files of a month, again if there are too many rows for once. */
class MonthReading {
  readonly #by: readonly string[] | null;
  readonly #first: number;
  readonly #end: number;
  readonly #rowsPerPass: number;
  readonly #highest: number;
  /** Labels as in files → row. */
  readonly #rows = new Map<string, number>();
  /** Labels of rows, joined → row. */
  readonly #rowsByLabels = new Map<string, number>();
  readonly #labels: (readonly [string, string][])[] = [];
  readonly #names = new Set<string>();
  #totals = new Float64Array(0);
  /** What rows have in the interval that is being read. */
  #now = new Float64Array(0);
  readonly #covered = new Map<number, number>();
  readonly #faults: string[] = [];
  /** Rows whose rates are known, of all passes before. */
  readonly #rates: Rates[] = [];
  #passes = 0;

  constructor(by: readonly string[] | null, first: number, end: number, rowsPerPass: number) {
    this.#by = by;
    this.#first = first;
    this.#end = end;
    this.#rowsPerPass = rowsPerPass;
    this.#highest = leftOut(end - first) + 1;
  }

  /** Whether there are rows whose samples were not read yet. */
  get hasMore(): boolean {
    return this.#rates.length < this.#labels.length;
  }

  async read(files: readonly SampleFile[]): Promise<void> {
    const samples = new RowSamples(this.#rowsPerPass, this.#highest);
    const pass: Pass = { from: this.#rates.length, samples, intervals: new Set() };
    for (const { path } of files) {
      const damagedAt = await this.#readFile(path, pass);
      const isNews = damagedAt !== undefined && this.#passes === 0;
      if (isNews) this.#faults.push(`${path} ${faultOf(damagedAt)}`);
    }
    this.#passes++;
    const to = Math.min(pass.from + this.#rowsPerPass, this.#labels.length);
    for (let row = pass.from; row < to; row++) {
      this.#rates.push(samples.rates(row - pass.from, this.#covered.size));
    }
  }

  async #readFile(path: string, pass: Pass): Promise<number | undefined> {
    const rows: number[] = [];
    const records = readSamples(path);
    for (;;) {
      const { done, value } = await records.next();
      if (done === true) return value;
      for (const labels of value.newLabels) rows.push(this.#rowOf(labels));
      if (value.number < this.#first || value.number >= this.#end) continue;
      // What was written since the first pass is not on this bill.
      if (this.#passes > 0 && !this.#covered.has(value.number)) continue;
      const isSample = !value.isRepeated && !pass.intervals.has(value.number);
      if (isSample) pass.intervals.add(value.number);
      this.#take(value, rows, pass, isSample);
    }
  }

  result(over: number): Omit<Bill, "month"> {
    const labelNames = this.#by ?? [...this.#names].toSorted();
    this.#judgeNames(labelNames);
    const rows = this.#labels.flatMap((labels, row): BillRow[] => {
      const [bytesIn, bytesOut] = [this.#totals[2 * row] ?? 0, this.#totals[2 * row + 1] ?? 0];
      // One that had nothing in this month is in a file that has days of another one too.
      if (bytesIn === 0 && bytesOut === 0) return [];
      const values = new Map(labels);
      return [{ labels: labelNames.map((name) => values.get(name) ?? ""), bytesIn, bytesOut, ...this.#rates[row]! }];
    });
    const last = Math.max(over, ...[...this.#covered.keys()].map((number) => number + 1));
    const coveredMs = [...this.#covered.values()].reduce((sum, each) => sum + each, 0);
    return {
      labelNames,
      rows: rows.toSorted((a, b) => (a.labels.join("\0") < b.labels.join("\0") ? -1 : 1)),
      intervals: last - this.#first,
      samples: this.#covered.size,
      uncountedMs: Math.max(0, (last - this.#first) * INTERVAL_MS - coveredMs),
      gaps: gapsIn(this.#covered, this.#first, last),
      faults: this.#faults,
    };
  }

  /** Throws a usage error if nothing has a label that rows are to be told apart by. */
  #judgeNames(labelNames: readonly string[]): void {
    const missing = labelNames.find((name) => !this.#names.has(name));
    if (missing === undefined || this.#names.size === 0) return;
    const there = [...this.#names].toSorted().join(", ");
    throw usageError(`invalid --by ${JSON.stringify(missing)}; samples of that month have the labels ${there}`);
  }

  #rowOf(text: string): number {
    const known = this.#rows.get(text);
    if (known !== undefined) return known;
    if (this.#passes > 0) return NO_ROW;
    const all = parseLabels(text);
    for (const [name] of all) this.#names.add(name);
    // One without a value is the same as none.
    const labels = all
      .filter(([name, value]) => value !== "" && this.#by?.includes(name) !== false)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify(labels);
    const row = this.#rowsByLabels.get(key) ?? this.#labels.length;
    if (row === this.#labels.length) {
      this.#rowsByLabels.set(key, row);
      this.#labels.push(labels);
    }
    this.#rows.set(text, row);
    return row;
  }

  #take(record: SampleRecord, rows: readonly number[], { from, samples }: Pass, isSample: boolean): void {
    const { count, customers, bytesIn, bytesOut } = record.sums;
    const touched: number[] = [];
    if (this.#now.length < 2 * this.#labels.length) {
      this.#now = grown(this.#now, 2 * this.#labels.length);
      this.#totals = grown(this.#totals, 2 * this.#labels.length);
    }
    for (let at = 0; at < count; at++) {
      const row = rows[customers[at]!]!;
      // Totals are those of the first pass.
      if (this.#passes > 0 && (row < from || row >= from + this.#rowsPerPass)) continue;
      if (this.#now[2 * row] === 0 && this.#now[2 * row + 1] === 0) touched.push(row);
      this.#now[2 * row]! += bytesIn[at]!;
      this.#now[2 * row + 1]! += bytesOut[at]!;
    }
    if (isSample) this.#covered.set(record.number, record.coveredMs);
    for (const row of touched) {
      const [inNow, outNow] = [this.#now[2 * row]!, this.#now[2 * row + 1]!];
      this.#now.fill(0, 2 * row, 2 * row + 2);
      if (this.#passes === 0) {
        this.#totals[2 * row]! += inNow;
        this.#totals[2 * row + 1]! += outNow;
      }
      if (!isSample || row < from || row >= from + this.#rowsPerPass) continue;
      samples.take(row - from, inNow, outNow);
    }
    if (isSample) samples.end();
  }
}

function faultOf(damagedAt: number): string {
  return damagedAt === 0 ? "has no samples that this promtap reads" : `is damaged from byte ${damagedAt} on`;
}

/** What has no sample, of all from `first` on. */
function gapsIn(covered: ReadonlyMap<number, number>, first: number, end: number): Gap[] {
  const gaps: Gap[] = [];
  let from = first;
  for (let number = first; number <= end; number++) {
    if (number < end && !covered.has(number)) continue;
    if (from < number) gaps.push({ fromMs: from * INTERVAL_MS, toMs: number * INTERVAL_MS });
    from = number + 1;
  }
  return gaps;
}
