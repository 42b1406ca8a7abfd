import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../src/kafka/backoff.ts";

test("pauses get longer up to ten seconds, a quarter more or less, and are short again after a success", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const backoff = new Backoff();
  const { signal } = new AbortController();
  const expected = [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000];
  for (const ms of [...expected, "reset", 250, 500] as const) {
    if (ms === "reset") {
      backoff.reset();
      continue;
    }
    let isOver = false;
    const pause = backoff.pause(signal).then(() => (isOver = true));
    t.mock.timers.tick(ms * 0.75 - 1);
    await Promise.resolve();
    assert.equal(isOver, false, `after ${ms * 0.75} ms`);
    t.mock.timers.tick(ms * 0.5 + 2);
    await pause;
  }
});

test("a pause ends when the signal aborts", { timeout: 10_000 }, async () => {
  const backoff = new Backoff();
  const end = new AbortController();
  const pause = backoff.pause(end.signal);
  end.abort();
  await pause;
});
