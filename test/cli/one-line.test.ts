import assert from "node:assert/strict";
import { test } from "node:test";
import { oneLine } from "../../src/cli/one-line.ts";

test("what a terminal obeys is shown as an escape, and all else as it is", () => {
  assert.equal(oneLine("a\nb\u001b[31m\u009bé \u202e中\u2028"), "a\\x0ab\\x1b[31m\\x9bé \\u202e中\\u2028");
});
