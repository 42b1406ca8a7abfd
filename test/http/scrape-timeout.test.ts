import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeTimeoutMs } from "../../src/http/scrape-timeout.ts";

const CASES: [header: string | undefined, timeoutMs: number | undefined][] = [
  ["10", 9_500],
  ["1.5", 1_000],
  ["0.2", 100],
  ["119", 118_500],
  ["600", 120_000],
  [undefined, undefined],
  ["", undefined],
  ["0", undefined],
  ["-5", undefined],
  ["10s", undefined],
  ["1e1", undefined],
  ["0x10", undefined],
  ["NaN", undefined],
  ["Infinity", undefined],
  ["9".repeat(400), 120_000],
  ["10, 20", undefined],
];
for (const [header, timeoutMs] of CASES) {
  test(`a scrape timeout of ${header?.slice(0, 20) ?? "nothing"} s gives the page ${timeoutMs ?? "no particular number of"} ms`, () => {
    assert.equal(scrapeTimeoutMs(header, 120_000), timeoutMs);
  });
}
