import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Lull } from "../../src/daemon/reloads.ts";

let done = 0;

beforeEach(() => {
  done = 0;
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

test("what can wait is done once, after the last that asks for it", () => {
  const lull = new Lull(() => done++);
  lull.ask();
  mock.timers.tick(999);
  lull.ask();
  mock.timers.tick(999);
  assert.equal(done, 0);
  mock.timers.tick(1);
  mock.timers.tick(10_000);
  assert.equal(done, 1);
  lull.ask();
  mock.timers.tick(1000);
  assert.equal(done, 2);
});

test("nothing is done after the end, whoever asks for it", () => {
  const lull = new Lull(() => done++);
  lull.ask();
  lull[Symbol.dispose]();
  lull.ask();
  mock.timers.tick(10_000);
  assert.equal(done, 0);
});
