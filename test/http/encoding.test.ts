import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { acceptsGzip } from "../../src/http/encoding.ts";

const CASES: [header: string | undefined, isAccepted: boolean][] = [
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
for (const [header, isAccepted] of CASES) {
  test(`Accept-Encoding ${header ?? "missing"}: ${isAccepted ? "gzip" : "as it is"}`, () => {
    assert.equal(acceptsGzip(header), isAccepted);
  });
}

test("a random header without gzip and star is a no", () => {
  const header = fc.string().map((text) => text.replaceAll(/[*z]/gi, ""));
  fc.assert(fc.property(header, (text) => !acceptsGzip(text)));
});
