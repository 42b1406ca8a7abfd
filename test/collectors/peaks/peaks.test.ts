import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { PeaksCollector } from "../../../src/collectors/peaks/peaks.ts";
import type { Customers } from "../../../src/customers/customers.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { parseAddress } from "../../../src/packet/address.ts";
import { Format } from "../../../src/page/negotiation.ts";
import { makePage } from "../../../src/page/page.ts";
import { customersOf, useBook } from "../../customers/customers-of.ts";
import { packetOf } from "../../ledger/model.ts";
import { Page } from "../../support/page.ts";
import { FakeTraffic } from "../fake-traffic.ts";

const GOLDEN = resolve(import.meta.dirname, "../../golden/peaks.txt");
const WINDOW_MS = 10_000;

/** Peaks of eth0, and a clock that goes on as it is told to. */
async function peaksOf(counted: Customers | undefined) {
  let customers = counted;
  const ledger = new Ledger(new RangeTable([]), 1, customers === undefined ? [] : [customers.zoning]);
  const source = new FakeTraffic();
  let nowMs = 5000;
  const collector = new PeaksCollector(
    source,
    ledger,
    () => customers,
    WINDOW_MS,
    () => nowMs,
  );
  ledger.interface("eth0");
  await collector.read();
  const text = async (): Promise<string> => {
    let page = "";
    for await (const chunk of makePage(await collector.collect(), Format.TEXT)) page += Buffer.from(chunk).toString();
    return page;
  };
  return {
    text,
    ledger,
    source,
    have: (later: Customers): void => {
      customers = later;
      ledger.countFurther({ zonings: [later.zoning], accounts: undefined });
    },
    see: (address: string, count: number, lengthBytes = 100): void => {
      const [from, to] = [parseAddress(address)!, parseAddress("8.8.8.8")!];
      const packet = { version: from.version, source: from.value, destination: to.value, protocol: 6, lengthBytes };
      for (let k = 0; k < count; k++) ledger.interface("eth0").sink.record(packetOf(packet));
    },
    wait: async (ms: number): Promise<void> => {
      nowMs += ms;
      await collector.read();
    },
    peak: async (labels = 'interface="eth0"', unit = "packets"): Promise<number | undefined> => {
      const name = labels.includes("direction") ? "customer" : "traffic";
      return new Page(await text()).samples.get(`promtap_${name}_peak_${unit}_per_second{${labels}}`);
    },
  };
}

const ONE = 'interface="eth0",n="1",direction="tx"';
const TWO = 'interface="eth0",n="2",direction="tx"';
const OTHER = 'interface="eth0",n="other",direction="tx"';
const BOOK = { "192.0.2.1": { n: "1" }, "192.0.2.2": { n: "2" } };

test("the page of a little traffic is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const { see, wait, text } = await peaksOf(
    await customersOf({ "192.0.2.0/24": { customer: "acme", environment: "prod" } }),
  );
  see("192.0.2.1", 10, 1000);
  await wait(1000);
  const page = await text();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});

test("any seconds have the highest of the windows that count, by the time that went by", async () => {
  const second = fc.record({ packets: fc.nat(300), ms: fc.integer({ min: 1000, max: 4000 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(second, { minLength: 1, maxLength: 30 }), async (seconds) => {
      const peaks = await peaksOf(await customersOf(BOOK));
      let nowMs = 0;
      const past: { rate: number; atMs: number }[] = [];
      for (const { packets, ms } of seconds) {
        peaks.see("192.0.2.1", packets);
        await peaks.wait(ms);
        nowMs += ms;
        past.push({ rate: Math.round(packets / (ms / 1000)), atMs: nowMs });
        const highest = (sinceMs: number): number =>
          Math.max(0, ...past.filter(({ atMs }) => atMs > nowMs - sinceMs).map(({ rate }) => rate));
        for (const told of [await peaks.peak(), (await peaks.peak(ONE)) ?? 0]) {
          assert.ok(told! >= highest(WINDOW_MS), `${told} of ${JSON.stringify(past)}`);
          // A window ends with the reading that comes after it.
          assert.ok(told! <= highest(2 * WINDOW_MS + 8000), `${told} of ${JSON.stringify(past)}`);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("scrapes don't take a peak from each other, and a full reading between two seconds changes none", async () => {
  const { see, wait, peak, source } = await peaksOf(await customersOf(BOOK));
  see("192.0.2.1", 300);
  await wait(1000);
  see("192.0.2.1", 50);
  source.sync();
  see("192.0.2.1", 50);
  await wait(1000);
  for (let scrape = 0; scrape < 3; scrape++) {
    assert.equal(await peak(), 300);
    assert.equal(await peak(ONE, "bytes"), 30_000);
    await wait(1000);
  }
});

test("a customer that gives way takes its past with it: other has no peak of it", async () => {
  const { see, wait, peak, ledger } = await peaksOf(await customersOf(BOOK, 1));
  see("192.0.2.1", 1000);
  await wait(1000);
  see("192.0.2.2", 3);
  await wait(1000);
  assert.equal(await peak(OTHER), 3);
  for (let look = 0; look < 3; look++) for (const _ of ledger.look());
  see("192.0.2.2", 5);
  await wait(1000);
  assert.equal(await peak(TWO), 5);
  assert.equal(await peak(OTHER), 3);
  assert.equal(await peak(ONE), undefined);
});

test("customers that are counted later have peaks from then on, and interfaces keep theirs", async () => {
  const { see, wait, peak, have } = await peaksOf(undefined);
  see("192.0.2.1", 1000);
  await wait(1000);
  have(await customersOf(BOOK));
  see("192.0.2.1", 7);
  await wait(1000);
  see("192.0.2.1", 5);
  await wait(1000);
  assert.deepEqual([await peak(), await peak(ONE)], [1000, 5]);
});

test("a customer that is gone leaves nothing to the one that has its place", async () => {
  const customers = await customersOf({ "192.0.2.1": { n: "1" } });
  const { see, wait, peak } = await peaksOf(customers);
  see("192.0.2.1", 1000);
  await wait(1000);
  await useBook(customers, { "192.0.2.2": { n: "2" } });
  for (let page = 0; page < 3; page++) customers.slots.beginPage();
  see("192.0.2.2", 7);
  await wait(1000);
  assert.equal(await peak(TWO), 7);
  assert.equal(await peak(), 1000);
});

test("counters that begin again, as of an interface that was forgotten, have no peak of it", async () => {
  const { see, wait, peak, ledger } = await peaksOf(await customersOf(BOOK));
  see("192.0.2.1", 100);
  await wait(1000);
  ledger.forget("eth0");
  await wait(1000);
  assert.equal(await peak(), undefined);
  see("192.0.2.1", 900);
  await wait(1000);
  see("192.0.2.1", 9);
  await wait(1000);
  assert.equal(await peak(), 9);
  assert.equal(await peak(ONE), 9);
});
