import assert from "node:assert/strict";
import { test } from "node:test";
import { SteadyClock } from "../../../src/collectors/wialon/steady-clock.ts";

test("frames keep their distance in time, and none is of the future", () => {
  const clock = new SteadyClock();
  const first = Date.now() / 1000 - 0.5;
  const time = clock.timeOf(first);
  assert.ok(Math.abs(clock.timeOf(first + 0.001) - time - 0.001) < 1e-6);
  assert.ok(clock.timeOf(first + 0.55) <= clock.now());
  assert.ok(Math.abs(time + 0.5 - clock.now()) < 0.4);
});

test("a host's clock that is set, forward or back, is followed", (context) => {
  const clock = new SteadyClock();
  const start = Date.now();
  for (const hours of [5, -7, 1000]) {
    const set = start + hours * 3_600_000;
    context.mock.method(Date, "now", () => set);
    for (const agoSeconds of [0.3, 0.2]) {
      const age = clock.now() - clock.timeOf(set / 1000 - agoSeconds);
      assert.ok(Math.abs(age - agoSeconds) < 0.15, `${hours} h: ${age} s instead of ${agoSeconds} s`);
    }
  }
});
