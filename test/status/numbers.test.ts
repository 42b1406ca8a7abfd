import assert from "node:assert/strict";
import { test } from "node:test";
import { bitRate, bytes, duration, packetRate, whole } from "../../src/status/numbers.ts";

test("numbers have three digits and a unit", () => {
  assert.deepEqual([0, 1, 12.5, 125, 12_500, 1_250_000, 125e9].map(bitRate), [
    "0 bit/s",
    "8 bit/s",
    "100 bit/s",
    "1.00 kbit/s",
    "100 kbit/s",
    "10.0 Mbit/s",
    "1.00 Tbit/s",
  ]);
  assert.deepEqual([0.25, 999, 1000].map(packetRate), ["0.3 p/s", "999 p/s", "1.00 kp/s"]);
  assert.deepEqual([2 ** 53, 1e30].map(bytes), ["9.01 PB", "1000000000000 EB"]);
  assert.deepEqual([0, 999, 1000.4, 131_072, 12_345_678].map(whole), [
    "0",
    "999",
    "1\u202f000",
    "131\u202f072",
    "12\u202f345\u202f678",
  ]);
});

test("what rounds up to a thousand is one of the next unit", () => {
  assert.equal(bytes(999_999), "1.00 MB");
});

test("durations are cut to their largest unit", () => {
  assert.deepEqual([0.0125, 1.9, 119, 120, 7199, 7200, 172_799, 172_800].map(duration), [
    "12.5 ms",
    "1 s",
    "119 s",
    "2 min",
    "119 min",
    "2 h",
    "47 h",
    "2 d",
  ]);
});
