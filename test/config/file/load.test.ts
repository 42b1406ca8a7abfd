import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTree } from "../../../src/config/file/load.ts";

test("what is nested too deeply to be handed over by a thread is refused, and waited for no longer", async () => {
  const text = Array.from({ length: 2000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("");
  assert.deepEqual(await loadTree(text), { at: { line: 33, column: 33 }, why: "it is nested too deeply" });
});
