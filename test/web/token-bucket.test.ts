import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBucket } from "../../src/web/token-bucket.ts";

test("a bucket gives its burst, then one an interval, and never more than its burst", () => {
  let now = 0;
  const bucket = new TokenBucket(1_000, 2, () => now);
  const takeAt = (at: number): boolean => {
    now = at;
    return bucket.take();
  };
  assert.deepEqual([0, 0, 0, 999, 1_000, 1_001].map(takeAt), [true, true, false, false, true, false]);
  assert.deepEqual([9_000, 9_000, 9_000].map(takeAt), [true, true, false]);
});

test("a bucket without a burst gives nothing", () => {
  let now = 0;
  const bucket = new TokenBucket(1, 0, () => now++);
  assert.deepEqual([bucket.take(), bucket.take()], [false, false]);
});
