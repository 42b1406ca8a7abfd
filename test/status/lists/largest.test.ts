import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Largest, SHOWN } from "../../../src/status/lists/largest.ts";

test("the largest of any values are kept in order, those that came first before equal ones", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -2, max: 30 }), { maxLength: 60 }), (values) => {
      const largest = new Largest<string>();
      for (const [index, value] of values.entries()) largest.offer(value, () => `${value} ${index}`);
      const expected = values
        .map((value, index) => ({ value, text: `${value} ${index}` }))
        .filter(({ value }) => value > 0)
        .toSorted((a, b) => b.value - a.value)
        .slice(0, SHOWN);
      assert.deepEqual(
        largest.take(),
        expected.map(({ text }) => text),
      );
    }),
  );
});
