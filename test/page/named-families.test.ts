import assert from "node:assert/strict";
import { test } from "node:test";
import { PromtapError } from "../../src/errors.ts";
import type { Family, MetricType } from "../../src/page/family.ts";
import { namedFamilies } from "../../src/page/named-families.ts";

const family = (name: string, type: MetricType): Family => ({ name, type, help: "It.", samples: [] });
const FAMILIES = [
  family("a_total", "counter"),
  family("a", "gauge"),
  family("b", "histogram"),
  family("c", "summary"),
  { ...family("d", "gauge"), samples: [], *write() {} },
];

function named(names: string[], areAll = true): string[] {
  return namedFamilies(FAMILIES, names, areAll).map(({ name }) => name);
}

test("without a name all families are there", () => {
  assert.deepEqual(named([]), ["a_total", "a", "b", "c", "d"]);
});

test("a family is named by its own name or one of its samples', in either format, and comes in its own order", () => {
  assert.deepEqual(named(["d", "b", "d"]), ["b", "d"]);
  assert.deepEqual(named(["a_total"]), ["a_total"]);
  assert.deepEqual(named(["a"]), ["a_total", "a"]);
  for (const suffix of ["_bucket", "_sum", "_count"]) assert.deepEqual(named([`b${suffix}`]), ["b"]);
  assert.deepEqual(named(["c_sum", "c_count"]), ["c"]);
});

test("a name that no family has is an error of the request, unless its collector may have failed", () => {
  for (const name of ["", "x", "c_bucket", "d_sum", "constructor"]) {
    const error = new PromtapError("REQUEST", "name[] names a family that is not on this page");
    assert.throws(() => named(["d", name]), error);
    assert.deepEqual(named(["d", name], false), ["d"]);
  }
});

test("a family that was there before has no samples now; its name is legal", () => {
  const before = [{ name: "e_total", type: "counter" as const }];
  for (const name of ["e_total", "e"]) {
    assert.deepEqual(namedFamilies(FAMILIES, [name], true, before), []);
    assert.deepEqual(namedFamilies(FAMILIES, [name, "d"], true, before), [FAMILIES.at(-1)]);
  }
  assert.throws(() => namedFamilies(FAMILIES, ["f"], true, before), PromtapError);
});
