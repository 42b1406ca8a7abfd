import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type Bill, makeBill } from "../../src/bill/bill.ts";
import { readInterval } from "../../src/bill/kept-interval.ts";
import { monthOf } from "../../src/bill/month.ts";
import { Sampler } from "../../src/bill/sampler.ts";
import type { Customers } from "../../src/customers/customers.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { ByteReader } from "../../src/state/byte-reader.ts";
import { FakeTraffic } from "../collectors/fake-traffic.ts";
import { customersOf, useBook } from "../customers/customers-of.ts";
import { packetOf } from "../ledger/model.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const INTERVAL_MS = 300_000;
const BOOK = { "192.0.2.1": { customer: "one" }, "192.0.2.2": { customer: "two" } };
const START_MS = Date.UTC(2026, 10, 29, 23, 41);
const MONTHS = ["2026-11", "2026-12"];

async function noTurn(): Promise<void> {}

/** A promtap that makes samples, with clocks that go as they are told to, and can be killed. */
class World implements AsyncDisposable {
  readonly folder = new TemporaryFolder();
  readonly customers: Customers;
  readonly lines: string[] = [];
  wallMs = START_MS;
  steadyMs = 1000;
  ledger!: Ledger;
  sampler!: Sampler;
  #hasStarted = false;
  /** The section in the state file. */
  #state: Buffer | undefined;

  private constructor(customers: Customers) {
    this.customers = customers;
  }

  static async start(book: Parameters<typeof customersOf>[0] = BOOK, limit = 100): Promise<World> {
    const world = new World(await customersOf(book, limit));
    await world.restart();
    return world;
  }

  /** As after a kill: what is not in the state file or in files of samples is gone. */
  async restart(): Promise<void> {
    if (this.#hasStarted) await this.sampler[Symbol.asyncDispose]();
    this.#hasStarted = true;
    this.ledger = new Ledger(new RangeTable([]), 1, [this.customers.zoning]);
    const take = (message: string, fields: object = {}): void =>
      void this.lines.push(`${message} ${Object.values(fields).join(" ")}`);
    const keeping = { folder: join(this.folder.path, "bill"), days: 40 };
    const log = { info: take, warn: take, error: take };
    const clocks = { wall: () => this.wallMs, steady: () => this.steadyMs };
    this.sampler = new Sampler(new FakeTraffic(), this.ledger, this.customers, keeping, log, clocks);
    if (this.#state !== undefined) await this.sampler.resume(readInterval(new ByteReader(this.#state)));
    await this.sampler.look();
  }

  async writeState(): Promise<void> {
    this.#state = Buffer.concat(await this.sampler.write(noTurn));
  }

  see(source: string, destination: string, lengthBytes: number): void {
    const [from, to] = [parseAddress(source)!, parseAddress(destination)!];
    const packet = { version: from.version, source: from.value, destination: to.value, protocol: 6, lengthBytes };
    this.ledger.interface("eth0").sink.record(packetOf(packet));
  }

  /** Time goes by; with `stepMs`, the clock is set as well. */
  async wait(ms: number, stepMs = 0): Promise<void> {
    this.wallMs += ms + stepMs;
    this.steadyMs += ms;
    await this.sampler.look();
  }

  bill(text: string, by: readonly string[] | null = null): Promise<Bill> {
    const month = monthOf(text, "UTC");
    return makeBill({ folder: join(this.folder.path, "bill"), month, by, nowMs: this.wallMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sampler[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** Bytes that a customer has received and sent. */
type Sums = Map<string, [number, number]>;

/** What must be kept, by a plain count. */
class Model {
  now: Sums = new Map();
  number = Math.floor(START_MS / INTERVAL_MS);
  saved: { number: number; sums: Sums } | undefined;
  readonly samples = new Map<number, Sums>();
  /** Of intervals that the clock had twice. */
  readonly further: { number: number; sums: Sums }[] = [];

  see(customer: string, bytesIn: number, bytesOut: number): void {
    const [beforeIn, beforeOut] = this.now.get(customer) ?? [0, 0];
    this.now.set(customer, [beforeIn + bytesIn, beforeOut + bytesOut]);
  }

  save(): void {
    this.saved = { number: this.number, sums: new Map(this.now) };
  }

  clockIs(wallMs: number): void {
    const number = Math.floor(wallMs / INTERVAL_MS);
    const isJitter = wallMs >= this.number * INTERVAL_MS - 10_000 && wallMs < this.number * INTERVAL_MS;
    if (number === this.number || isJitter) return;
    this.#keep(this.number, this.now);
    this.now = new Map();
    this.number = number;
  }

  kill(wallMs: number): void {
    const { saved } = this;
    this.number = Math.floor(wallMs / INTERVAL_MS);
    this.now = new Map();
    if (saved === undefined || this.samples.has(saved.number)) return;
    if (saved.number === this.number) this.now = new Map(saved.sums);
    else this.#keep(saved.number, saved.sums);
  }

  #keep(number: number, sums: Sums): void {
    if (this.samples.has(number)) this.further.push({ number, sums });
    else this.samples.set(number, sums);
  }

  /** The rows of a month: sums, and the percentiles of a plain sort. */
  rows(month: string): object[] {
    const isInMonth = (number: number): boolean => new Date(number * INTERVAL_MS).toISOString().startsWith(month);
    const samples = [...this.samples].filter(([number]) => isInMonth(number)).map(([, sums]) => sums);
    const all = [...samples, ...this.further.filter(({ number }) => isInMonth(number)).map(({ sums }) => sums)];
    return ["one", "two"].flatMap((customer) => {
      const total = (list: readonly Sums[], end: 0 | 1): number[] => list.map((sums) => sums.get(customer)?.[end] ?? 0);
      const [into, out] = [total(samples, 0), total(samples, 1)];
      const percentile = (values: readonly number[]): number =>
        Math.round((values.toSorted((a, b) => a - b)[Math.ceil(0.95 * values.length) - 1]! * 8) / 300);
      const bytesIn = total(all, 0).reduce((a, b) => a + b, 0);
      const bytesOut = total(all, 1).reduce((a, b) => a + b, 0);
      if (bytesIn + bytesOut === 0) return [];
      return [
        {
          labels: [customer],
          bytesIn,
          bytesOut,
          in: percentile(into),
          out: percentile(out),
          larger: percentile(into.map((each, at) => Math.max(each, out[at]!))),
          sum: percentile(into.map((each, at) => each + out[at]!)),
        },
      ];
    });
  }
}

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("see" as const), bytes: fc.integer({ min: 60, max: 65_000 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 900_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -2e6, max: 2e6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -9000, max: -1 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "save" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "kill" as const }) },
);

test("whatever becomes of the clock and the program, a month has what a plain count of it has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 60 }), async (operations) => {
      await using world = await World.start();
      const model = new Model();
      for (const each of operations) {
        if (each.kind === "see") {
          world.see("192.0.2.1", "8.8.8.8", each.bytes);
          model.see("one", 0, each.bytes);
          world.see("192.0.2.1", "192.0.2.2", 60);
          model.see("one", 0, 60);
          model.see("two", 60, 0);
        } else if (each.kind === "save") {
          await world.writeState();
          model.save();
        } else if (each.kind === "kill") {
          await world.restart();
          model.kill(world.wallMs);
        } else {
          await world.wait(each.kind === "wait" ? each.ms : 0, each.kind === "set" ? each.ms : 0);
          model.clockIs(world.wallMs);
        }
      }
      await world.wait(0, 3 * 3_600_000);
      model.clockIs(world.wallMs);
      for (const month of MONTHS) {
        const rows = await world.bill(month).then(
          (bill) => bill.rows,
          () => [],
        );
        assert.deepEqual(rows, model.rows(month), month);
      }
    }),
    { numRuns: 25 },
  );
});

test("a bill says for how long nobody counted, and when", async () => {
  await using world = await World.start();
  world.see("192.0.2.1", "8.8.8.8", 100);
  await world.wait(5 * 60_000);
  await world.writeState();
  world.wallMs += 19 * 60_000;
  await world.restart();
  world.see("192.0.2.1", "8.8.8.8", 200);
  await world.wait(5 * 60_000);
  const { samples, gaps, uncountedMs, rows, intervals } = await world.bill("2026-11");
  // From 23:41 to 23:46, and from 00:05 to 00:10.
  assert.equal(samples, 3);
  assert.equal(rows[0]!.bytesOut, 300);
  assert.deepEqual(gaps.at(-1), { fromMs: Date.UTC(2026, 10, 29, 23, 50), toMs: Date.UTC(2026, 10, 30, 0, 5) });
  assert.equal(intervals * INTERVAL_MS - uncountedMs, 10 * 60_000);
});

test("a clock that is set back gives no interval twice, and what is counted meanwhile is in the sums", async () => {
  await using world = await World.start();
  world.see("192.0.2.1", "8.8.8.8", 1000);
  await world.wait(INTERVAL_MS);
  world.see("192.0.2.1", "8.8.8.8", 2000);
  await world.wait(60_000, -INTERVAL_MS);
  world.see("192.0.2.1", "8.8.8.8", 40_000);
  await world.wait(2 * INTERVAL_MS);
  const { samples, rows } = await world.bill("2026-11");
  assert.equal(samples, 2);
  assert.equal(rows[0]!.bytesOut, 43_000);
  assert.equal(rows[0]!.out, Math.round((2000 * 8) / 300));
  assert.match(world.lines[0]!, /^the clock was set, or stood still; samples for bills 2026-11-29T23:45Z /);
});

test("a customer that gives way, or leaves the list and comes back, keeps what it had", async () => {
  await using world = await World.start(BOOK, 1);
  world.see("192.0.2.1", "8.8.8.8", 1000);
  for (let look = 0; look < 3; look++) for (const _ of world.ledger.look());
  world.see("192.0.2.2", "8.8.8.8", 500);
  await useBook(world.customers, { "192.0.2.9": { customer: "one" } });
  for (let page = 0; page < 4; page++) world.customers.slots.beginPage();
  for (let look = 0; look < 3; look++) for (const _ of world.ledger.look());
  world.see("192.0.2.9", "8.8.8.8", 70);
  await world.wait(INTERVAL_MS);
  const { rows } = await world.bill("2026-11");
  assert.deepEqual(
    rows.map(({ labels, bytesOut }) => [labels[0], bytesOut]),
    [
      ["one", 1070],
      ["two", 500],
    ],
  );
});

test("what can't be written is told, and tried again with the next", async () => {
  await using world = await World.start();
  writeFileSync(join(world.folder.path, "bill"), "no folder");
  world.see("192.0.2.1", "8.8.8.8", 1000);
  await world.wait(INTERVAL_MS);
  await world.wait(INTERVAL_MS);
  assert.equal(world.sampler.failures, 2);
  assert.equal(world.lines.length, 1);
  assert.match(world.lines[0]!, /^couldn't keep a sample for bills .*ENOTDIR/);
});
