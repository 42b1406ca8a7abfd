import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Highest, leftOut } from "../../src/bill/highest.ts";

test("the 95th percentile of any samples is the one that a plain sort has there", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 500 }), (samples) => {
      const highest = new Highest(leftOut(samples.length) + 1);
      for (const each of samples) highest.take(each);
      const rank = Math.ceil((95 * samples.length) / 100);
      assert.equal(highest.but(leftOut(samples.length)), samples.toSorted((a, b) => a - b)[rank - 1]);
    }),
  );
});

test("any of the highest may be asked for, and more taken then", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(50)), fc.integer({ min: 1, max: 60 }), (first, then, limit) => {
      const highest = new Highest(limit);
      for (const each of first) highest.take(each);
      for (let count = 0; count < limit; count++) highest.but(count);
      for (const each of then) highest.take(each);
      const sorted = [...first, ...then].toSorted((a, b) => b - a);
      for (let count = 0; count < limit; count++) assert.equal(highest.but(count), sorted[count] ?? 0);
    }),
  );
});

test("a month of 31 days leaves 446 samples out", () => {
  assert.equal(leftOut(31 * 24 * 12), 446);
});
