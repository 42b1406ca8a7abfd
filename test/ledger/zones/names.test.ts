import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encoded, Names, NO_NAME } from "../../../src/ledger/zones/names.ts";

function find(names: Names, text: string): number {
  const bytes = encoded(text);
  return names.find(bytes, 0, bytes.length);
}

function add(names: Names, text: string): number {
  const bytes = encoded(text);
  return names.add(bytes, 0, bytes.length);
}

test("the first names are not found by them", () => {
  const names = new Names(["", "unknown", ""]);
  assert.deepEqual(
    [names.count, names.text(1), find(names, "unknown"), find(names, "")],
    [3, "unknown", NO_NAME, NO_NAME],
  );
  assert.deepEqual([add(names, "unknown"), find(names, "unknown")], [3, 3]);
});

test("names stand as a map has them, whatever comes and goes", () => {
  // Few, so that they come again, and long enough that the memory of those that are gone is used again.
  const text = fc.integer({ min: 0, max: 400 }).map((value) => `${"é".repeat(value % 40)}${value}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), text), { maxLength: 1500 }), (steps) => {
      const names = new Names(["unlisted"]);
      const expected = new Map<string, number>();
      for (const [isAdded, name] of steps) {
        const known = expected.get(name);
        assert.equal(find(names, name), known ?? NO_NAME);
        if (isAdded && known === undefined) {
          const number = add(names, name);
          assert.ok(![...expected.values()].includes(number), "the number is another's");
          expected.set(name, number);
        } else if (!isAdded && known !== undefined) {
          names.remove(known);
          expected.delete(name);
          if (known % 8 === 0) names.tidy();
        }
      }
      for (const [name, number] of expected) assert.deepEqual([find(names, name), names.text(number)], [number, name]);
      assert.equal(names.count - names.free, 1 + expected.size);
      assert.equal(names.text(0), "unlisted");
      names.tidy();
      const numbers = new Set([0, ...expected.values()]);
      assert.equal(names.count, Math.max(...numbers) + 1);
      const lowest = Array.from({ length: numbers.size + 1 }, (_, number) => number).find((each) => !numbers.has(each));
      assert.equal(add(names, "another"), lowest);
    }),
    { numRuns: 60 },
  );
});
