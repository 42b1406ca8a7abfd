import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BUCKET_BOUNDS, BUCKETS, bucketOf } from "../../src/ledger/histogram.ts";

test("the bounds are those of promacct", () => {
  assert.deepEqual([...BUCKET_BOUNDS], [64, 128, 256, 512, 1024, 2048]);
  assert.equal(BUCKETS, 7);
});

test("a bound belongs to its own bucket, one byte more to the next", () => {
  const expectations = [
    [0, 0],
    [1, 0],
    [63, 0],
    [64, 0],
    [65, 1],
    [128, 1],
    [129, 2],
    [256, 2],
    [257, 3],
    [512, 3],
    [513, 4],
    [1024, 4],
    [1025, 5],
    [2048, 5],
    [2049, 6],
    [65_535, 6],
    [2 ** 31 - 1, 6],
    // A savefile may claim what no link can carry.
    [2 ** 31, 6],
    [2 ** 32 - 1, 6],
  ] as const;
  for (const [lengthBytes, bucket] of expectations) assert.equal(bucketOf(lengthBytes), bucket, `${lengthBytes} bytes`);
});

test("any size goes to the first bucket whose bound it does not exceed", () => {
  const sizes = fc.oneof(fc.nat(4096), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  const property = fc.property(sizes, (lengthBytes) => {
    const bounds = [64, 128, 256, 512, 1024, 2048, Number.POSITIVE_INFINITY];
    assert.equal(
      bucketOf(lengthBytes),
      bounds.findIndex((bound) => lengthBytes <= bound),
    );
  });
  fc.assert(property, { numRuns: 10_000 });
});
