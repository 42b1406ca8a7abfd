import assert from "node:assert/strict";
import { test } from "node:test";
import { Looks } from "../../src/collectors/looks.ts";

test("what is silent is looked for in the background, and again after some seconds", async () => {
  let looks = 0;
  let nowMs = 0;
  const ledger = {
    *look() {
      looks++;
      yield;
    },
  };
  const finder = new Looks(ledger, () => nowMs);
  for (const [atMs, expected] of [
    [0, 1],
    [4999, 1],
    [5000, 2],
    [5001, 2],
    [60_000, 3],
  ] as const) {
    nowMs = atMs;
    await finder.start();
    assert.equal(looks, expected, `at ${atMs} ms`);
  }
});
