import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeTimeoutMs } from "../../src/http/scrape-timeout.ts";

const CASES: [header: string | undefined, timeoutMs: number][] = [
  ["10", 9_500],
  ["1.5", 1_000],
  ["0.2", 100],
  ["119", 118_500],
  ["600", 120_000],
  [undefined, 120_000],
  ["", 120_000],
  ["0", 120_000],
  ["-5", 120_000],
  ["10s", 120_000],
  ["1e1", 120_000],
  ["0x10", 120_000],
  ["NaN", 120_000],
  ["Infinity", 120_000],
  ["9".repeat(400), 120_000],
  ["10, 20", 120_000],
];
for (const [header, timeoutMs] of CASES) {
  test(`a scrape timeout of ${header?.slice(0, 20) ?? "nothing"} s gives the page ${timeoutMs} ms`, () => {
    assert.equal(scrapeTimeoutMs(header, 120_000), timeoutMs);
  });
}
