import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { acceptsGzip, scrapeTimeoutMs } from "../../src/http/request.ts";

const CODINGS: [header: string | undefined, isAccepted: boolean][] = [
  [undefined, false],
  ["", false],
  ["gzip", true],
  ["GZIP", true],
  ["x-gzip", true],
  ["deflate, gzip, br", true],
  ["deflate, br", false],
  ["identity", false],
  ["gzip;q=0", false],
  ["gzip; q=0.000", false],
  ["gzip;q=0.001", true],
  ["gzip ; q = 1", true],
  ["*", true],
  ["*;q=0", false],
  ["*;q=0, gzip", true],
  ["gzip;q=0, *", false],
  ["gzip;q=high", false],
  ["gzip;q=2", false],
  ["gzipped", false],
  [",;q=1,,", false],
];
for (const [header, isAccepted] of CODINGS) {
  test(`Accept-Encoding ${header ?? "missing"}: ${isAccepted ? "gzip" : "as it is"}`, () => {
    assert.equal(acceptsGzip(header), isAccepted);
  });
}

test("a random header without gzip and star is a no", () => {
  const header = fc.string().map((text) => text.replaceAll(/[*z]/gi, ""));
  fc.assert(fc.property(header, (text) => !acceptsGzip(text)));
});

const WAITS: [header: string | undefined, timeoutMs: number | undefined][] = [
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
for (const [header, timeoutMs] of WAITS) {
  test(`a scrape timeout of ${header?.slice(0, 20) ?? "nothing"} s gives the page ${timeoutMs ?? "no particular number of"} ms`, () => {
    assert.equal(scrapeTimeoutMs(header, 120_000), timeoutMs);
  });
}
