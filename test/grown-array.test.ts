import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { grown, lengthened } from "../src/grown-array.ts";

describe("an array of numbers", () => {
  test("grows to twice its length, with zeros behind what it has", () => {
    assert.deepEqual(grown(Float64Array.of(1.5, -2, 2 ** 53)), Float64Array.of(1.5, -2, 2 ** 53, 0, 0, 0));
    assert.deepEqual(grown(Uint8Array.of(255)), Uint8Array.of(255, 0));
  });

  test("grows to what is needed if that is more", () => {
    assert.deepEqual(grown(Int32Array.of(-1, 2), 5), Int32Array.of(-1, 2, 0, 0, 0));
    assert.deepEqual(grown(Int32Array.of(-1, 2), 3), Int32Array.of(-1, 2, 0, 0));
    assert.deepEqual(grown(new Uint32Array(0), 1), Uint32Array.of(0));
  });

  test("leaves the old one as it was", () => {
    const before = Uint32Array.of(7);
    grown(before)[0] = 8;
    assert.equal(before[0], 7);
  });

  test("is lengthened to just what is asked for", () => {
    assert.deepEqual(lengthened(Uint32Array.of(1, 2), 3), Uint32Array.of(1, 2, 0));
  });
});
