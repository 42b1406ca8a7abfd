import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "../../src/web/duration.ts";

// as time.ParseDuration of Go documents and tests them
for (const [text, milliseconds] of [
  ["0", 0],
  ["1s", 1_000],
  ["+5s", 5_000],
  ["-1.5h", -5_400_000],
  ["1h15m30.918s", 4_530_918],
  [".5m", 30_000],
  ["1.s", 1_000],
  ["10ns", 10 * 1e-6],
  ["11us", 0.011],
  ["12µs", 0.012],
  ["12μs", 0.012],
  ["2000000000", 2_000],
  ["", undefined],
  ["-", undefined],
  ["s", undefined],
  [".", undefined],
  [".s", undefined],
  ["1", 1e-6],
  ["1.5", undefined],
  ["1 s", undefined],
  ["1s ", undefined],
  ["1d", undefined],
  ["9999999999999h", undefined],
] as const) {
  test(`${JSON.stringify(text)} is ${milliseconds ?? "no"} ms`, () => {
    assert.equal(parseDuration(text), milliseconds);
  });
}
