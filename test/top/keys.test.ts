import assert from "node:assert/strict";
import { test } from "node:test";
import { keysOf, pressed } from "../../src/top/keys.ts";
import { FIRST_STATE, type ScreenState } from "../../src/top/screen.ts";

function after(...keys: string[]): ScreenState | undefined {
  return keys.reduce<ScreenState | undefined>((state, key) => state && pressed(key, state, 3), FIRST_STATE);
}

test("keys choose the list, in a circle and by number", () => {
  assert.equal(after("\t")?.list, 1);
  assert.equal(after("\t", "\t", "\t")?.list, 0);
  assert.equal(after("\u001b[Z")?.list, 2);
  assert.equal(after("3")?.list, 2);
  assert.equal(after("4")?.list, 0);
});

test("keys change order and pause", () => {
  assert.equal(after("s")?.order, "sum");
  assert.equal(after("s", "s")?.order, "rate");
  assert.equal(after("p")?.isPaused, true);
});

test("a filter is typed, mended, kept and dropped", () => {
  assert.equal(after("/", "1", "0", "q", "\u007f", "\r")?.filter, "10");
  assert.equal(after("/", "1", "🚀", "\u007f")?.filter, "1");
  assert.equal(after("/", "1", "\r")?.isTyping, false);
  assert.equal(after("/", "1", "\u001b")?.filter, "");
  assert.equal(after("/", "1", "\r", "\u001b")?.filter, "");
});

test("q and what terminals send to end it end it, but q is a letter of a filter", () => {
  for (const key of ["q", "\u0003", "\u0004"]) assert.equal(after(key), undefined);
  assert.equal(after("/", "q")?.filter, "q");
  assert.equal(after("/", "\u0003"), undefined);
});

test("keys that come at once are told apart", () => {
  assert.deepEqual(keysOf("\ts\u001b[C\u001b[1;5Dü\u001b"), ["\t", "s", "\u001b[C", "\u001b[1;5D", "ü", "\u001b"]);
});
