import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type Bill, makeBill } from "../../src/bill/bill.ts";
import { billText } from "../../src/bill/bill-text.ts";
import { BillCollector } from "../../src/bill/collector.ts";
import type { CustomerSum } from "../../src/bill/customer-bytes.ts";
import { NONE } from "../../src/bill/customer-bytes.ts";
import { monthOf } from "../../src/bill/month.ts";
import { billOptionsOf } from "../../src/bill/options.ts";
import { SampleFolder } from "../../src/bill/samples/sample-folder.ts";
import { PromtapError } from "../../src/errors.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const GOLDEN = resolve(import.meta.dirname, "../golden/bill.txt");
const INTERVAL_MS = 300_000;
const FIRST = Date.UTC(2026, 10, 1) / INTERVAL_MS;
const LATER_MS = Date.UTC(2027, 0, 1);

interface Row {
  readonly customer: string;
  readonly zone: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A folder of samples, of one interval after the other from the first of November on. */
class Samples implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly path = join(this.#folder.path, "bill");

  async write(samples: readonly (readonly Row[])[], first = FIRST): Promise<void> {
    // Several runs of a program.
    for (let at = 0; at < samples.length; at += 50) {
      await using folder = new SampleFolder(this.path, 4000, () => LATER_MS + first * 1000 + at);
      for (const [index, rows] of samples.slice(at, at + 50).entries()) {
        await folder.append({ number: first + at + index, coveredMs: INTERVAL_MS }, rows.map(sumOf));
      }
    }
  }

  bill(by: readonly string[] | null = null, rowsPerPass = 1000, month = "2026-11", timeZone = "UTC"): Promise<Bill> {
    return makeBill({ folder: this.path, month: monthOf(month, timeZone), by, nowMs: LATER_MS }, rowsPerPass);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function sumOf({ customer, zone, bytesIn, bytesOut }: Row): CustomerSum {
  return { slot: NONE, bytesIn, bytesOut, labels: () => `customer="${customer}",zone="${zone}"` };
}

/** The 95th percentile of a month of 30 days' samples, by a plain sort, in bits a second. */
function percentile(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.ceil(0.95 * sorted.length) - 1]! * 8) / 300);
}

/** The rows of a bill by plain sums and sorts. */
function expectedRows(samples: readonly (readonly Row[])[], by: readonly ("customer" | "zone")[]): object[] {
  const keys = [...new Set(samples.flat().map((row) => JSON.stringify(by.map((name) => row[name]))))];
  const rows = keys.map((key) => {
    const own = samples.map((rows) => rows.filter((row) => JSON.stringify(by.map((name) => row[name])) === key));
    const into = own.map((rows) => rows.reduce((sum, { bytesIn }) => sum + bytesIn, 0));
    const out = own.map((rows) => rows.reduce((sum, { bytesOut }) => sum + bytesOut, 0));
    const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    return {
      labels: JSON.parse(key) as string[],
      bytesIn: total(into),
      bytesOut: total(out),
      in: percentile(into),
      out: percentile(out),
      larger: percentile(into.map((each, at) => Math.max(each, out[at]!))),
      sum: percentile(into.map((each, at) => each + out[at]!)),
    };
  });
  const told = rows.filter(({ bytesIn, bytesOut }) => bytesIn + bytesOut > 0);
  return told.toSorted((a, b) => (a.labels.join("\0") < b.labels.join("\0") ? -1 : 1));
}

test("any samples give the sums and percentiles of a plain sort, by any labels, however few rows are held at once", async () => {
  const row = fc.record({
    customer: fc.constantFrom("a", "b", "c", "d"),
    zone: fc.constantFrom("x", "y"),
    bytesIn: fc.nat(10_000),
    bytesOut: fc.nat(10_000),
  });
  const samples = fc.array(fc.array(row, { maxLength: 6 }), { minLength: 1, maxLength: 120 });
  await fc.assert(
    fc.asyncProperty(samples, fc.integer({ min: 1, max: 9 }), async (given, rowsPerPass) => {
      using folder = new Samples();
      await folder.write(given);
      for (const by of [["customer"], ["zone", "customer"], ["zone"]] as const) {
        if (given.flat().length === 0) continue;
        const bill = await folder.bill(by, rowsPerPass);
        assert.deepEqual(bill.rows, expectedRows(given, by), by.join());
        assert.equal(bill.samples, given.length);
        assert.equal(bill.gaps.length, given.length === 30 * 288 ? 0 : 1);
      }
    }),
    { numRuns: 15 },
  );
});

const ONE: Row = { customer: "one", zone: "x", bytesIn: 3000, bytesOut: 300 };

test("borders of a month are those of the time zone", async () => {
  using folder = new Samples();
  await folder.write(
    Array.from({ length: 24 }, () => [ONE]),
    FIRST - 24,
  );
  assert.equal((await folder.bill(null, 9, "2026-11", "Europe/Berlin")).samples, 12);
  assert.equal((await folder.bill(null, 9, "2026-10", "Europe/Berlin")).samples, 12);
  assert.equal((await folder.bill(null, 9, "2026-10", "UTC")).samples, 24);
});

test("a spreadsheet calculates no label", async () => {
  using folder = new Samples();
  await folder.write([["=1+1", "@a", "-b", "+c", "d=1"].map((customer) => ({ ...ONE, customer }))]);
  const [, ...lines] = billText(await folder.bill(["customer"]), "csv")
    .text.trimEnd()
    .split("\r\n");
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf(","))),
    ["'+c", "'-b", "'=1+1", "'@a", "d=1"],
  );
});

test("a label without a value is the same as none", async () => {
  using folder = new Samples();
  await folder.write([[ONE]]);
  await using later = new SampleFolder(folder.path, 4000, () => LATER_MS);
  const sums = ['customer="two"', 'customer="two",zone=""'].map((labels) => {
    return { slot: NONE, bytesIn: 1, bytesOut: 2, labels: () => labels };
  });
  await later.append({ number: FIRST + 1, coveredMs: INTERVAL_MS }, sums);
  const told = async (by: readonly string[] | null) => {
    return (await folder.bill(by)).rows.map(({ labels, bytesOut }) => [...labels, bytesOut]);
  };
  assert.deepEqual(await told(null), [
    ["one", "x", 300],
    ["two", "", 4],
  ]);
  assert.deepEqual(await told(["zone"]), [
    ["", 4],
    ["x", 300],
  ]);
});

test("what is damaged ends there, and is told; what stands beside it does no harm", { timeout: 60_000 }, async () => {
  using folder = new Samples();
  await folder.write(Array.from({ length: 60 }, () => [ONE]));
  const [first = ""] = readdirSync(folder.path);
  const bytes = readFileSync(join(folder.path, first));
  writeFileSync(join(folder.path, first), bytes.subarray(0, -1));
  writeFileSync(join(folder.path, "2026-11-01_notes.txt"), "no samples");
  writeFileSync(join(folder.path, "2026-11-02_foreign.samples"), "no samples");
  appendFileSync(join(folder.path, "2026-10-01_of-another-month.samples"), "no samples");
  mkdirSync(join(folder.path, "2026-11-01_folder.samples"));
  // Nobody writes to it: who opened it would wait for ever.
  execFileSync("mkfifo", [join(folder.path, "2026-11-01_pipe.samples")]);
  await folder.write([[ONE]], FIRST + 60);
  const { samples, faults } = await folder.bill();
  assert.equal(samples, 60);
  assert.equal(faults.length, 3);
  assert.match(faults[0]!, /2026-11-01_.*\.samples is damaged from byte \d+ on$/);
  assert.match(faults[1]!, /2026-11-01_pipe\.samples has no samples that this promtap reads$/);
  assert.match(faults[2]!, /2026-11-02_foreign\.samples has no samples that this promtap reads$/);
});

test("a bill of no samples, or by what they don't have, is refused in a line", async () => {
  using folder = new Samples();
  await assert.rejects(
    folder.bill(),
    /^PromtapError: couldn't make the bill: .*bill has no samples of that month; promtap keeps them with --bill-days$/,
  );
  await folder.write([[ONE]]);
  await assert.rejects(
    folder.bill(null, 9, "2026-12"),
    /those there are begin with 2026-11-01 and end with 2026-11-01$/,
  );
  await assert.rejects(
    folder.bill(["color"]),
    /^PromtapError: invalid --by "color"; samples of that month have the labels customer, zone$/,
  );
});

test("a file that is older than asked for is removed, when another day begins", async () => {
  using folder = new Samples();
  await folder.write([[ONE]], FIRST - 288 * 40);
  await using kept = new SampleFolder(folder.path, 35, () => FIRST * INTERVAL_MS);
  await folder.write([[ONE]], FIRST - 288 * 30);
  await kept.append({ number: FIRST, coveredMs: INTERVAL_MS }, [sumOf(ONE)]);
  const days = readdirSync(folder.path).map((name) => name.slice(0, 10));
  assert.deepEqual(days, ["2026-10-02", "2026-11-01"]);
});

test("it is printed as a table, as CSV and as JSON", async () => {
  using folder = new Samples();
  const hostile: Row = { customer: 'b, \\"c\\" \u001b[31m', zone: "x", bytesIn: 0, bytesOut: 4_500_000 };
  await folder.write([[ONE, hostile], [ONE]]);
  const bill = await folder.bill();
  const { text: csv, notes } = billText(bill, "csv");
  assert.equal(
    csv,
    "customer,zone,bytes_in,bytes_out,p95_in_bits_per_second,p95_out_bits_per_second,p95_larger_bits_per_second," +
      'p95_sum_bits_per_second\r\n"b, ""c"" \u001b[31m",x,0,4500000,0,120000,120000,120000\r\none,x,6000,600,80,8,80,88\r\n',
  );
  assert.match(
    notes.join("\n"),
    /: 2 samples of 8640 intervals .*\nnothing was counted for 43190 minutes of it\nno samples: from 2026-11-01T00:10Z to 2026-12-01T00:00Z, 43190 minutes$/,
  );
  const { text: table } = billText(bill, "table");
  assert.match(table, /^customer +zone +in +out +95 % in +95 % out +95 % larger +95 % sum\n/);
  assert.match(
    table,
    /^b, "c" \ufffd\[31m +x +0 B +4\.50 MB +0 bit\/s +120\.0 kbit\/s +120\.0 kbit\/s +120\.0 kbit\/s\n/m,
  );
  const json = JSON.parse(billText(bill, "json").text) as { rows: object[]; uncounted_seconds: number };
  assert.equal(json.uncounted_seconds, 43_190 * 60);
  assert.deepEqual(json.rows[1], {
    labels: { customer: "one", zone: "x" },
    bytes_in: 6000,
    bytes_out: 600,
    p95_bits_per_second: { in: 80, out: 8, larger: 80, sum: 88 },
  });
});

test("wide and combining characters leave the columns of the table where they are", async () => {
  using folder = new Samples();
  await folder.write([["サーバー名", "e\u0301te", "plain"].map((customer) => ({ ...ONE, customer }))]);
  const { text } = billText(await folder.bill(["customer"]), "table");
  const lines = text.split("\n").slice(1, 4);
  // As a terminal has the names: in 3, 5 and 10 columns.
  for (const [at, start] of [`e\u0301te${" ".repeat(9)}`, `plain${" ".repeat(7)}`, "サーバー名  "].entries()) {
    assert.equal(lines[at]!.slice(0, start.length + 1), `${start}3`);
  }
});

test("a table may have rows by the hundred thousand", () => {
  const row = { bytesIn: 1, bytesOut: 1, in: 1, out: 1, larger: 1, sum: 1 };
  const rows = Array.from({ length: 200_000 }, (_, at) => ({ ...row, labels: [String(at)] }));
  const rest = { intervals: 1, samples: 1, uncountedMs: 0, gaps: [], faults: [] };
  const { text } = billText({ month: monthOf("2026-11", "UTC"), labelNames: ["customer"], rows, ...rest }, "table");
  assert.equal(text.match(/\n/g)?.length, 200_001);
});

const REFUSED: readonly (readonly [words: string[], message: RegExp])[] = [
  [[], /^bill needs --month, such as --month 2026-11$/],
  [["2026-11"], /^unexpected argument "2026-11": bill takes --month, --by, --format, --state, --timezone$/],
  [["--month"], /^--month needs a value$/],
  [["--month=2026-11", "--month=2026-10"], /^--month is given more than once$/],
  [["--month", "2026-11", "--format", "xml"], /^invalid --format "xml"; legal is table, csv, json$/],
  [["--month", "2026-11", "--by", "customer,"], /^invalid --by ""; legal are names of labels/],
  [["--month", "2026-11", "--timezone", "Middle/Earth"], /^invalid --timezone "Middle\/Earth"; legal is a name/],
];
for (const [words, message] of REFUSED) {
  test(`"bill ${words.join(" ")}" is refused`, () => {
    assert.throws(
      () => billOptionsOf(words),
      (error) => error instanceof PromtapError && error.exitStatus === 2 && message.test(error.message),
    );
  });
}

test("words say what is asked for", () => {
  const options = billOptionsOf(["--month=2026-11", "--by", "customer,zone,customer", "--state", "/a/b.state"]);
  assert.deepEqual([options.folder, options.by, options.format], ["/a/b.state.bill", ["customer", "zone"], "table"]);
});

test("the page is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const facts = { keptUntil: 0, failures: 0 };
  const collector = new BillCollector(facts);
  Object.assign(facts, { keptUntil: 1_700_000_100, failures: 2 });
  let page = "";
  for await (const chunk of makePage(await collector.collect(), Format.TEXT)) page += Buffer.from(chunk).toString();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});
