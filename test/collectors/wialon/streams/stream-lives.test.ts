import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StreamLives } from "../../../../src/collectors/wialon/streams/stream-lives.ts";

const QUANTILES = [0.5, 0.9, 0.99];

test("quantiles are those of the lives that ended in the last ten minutes", () => {
  const ends = fc.array(fc.record({ seconds: fc.nat(1000), after: fc.nat(40) }), { maxLength: 300 });
  fc.assert(
    fc.property(ends, (lives) => {
      const streamLives = new StreamLives();
      let now = 5000;
      const ended: { seconds: number; at: number }[] = [];
      for (const { seconds, after } of lives) {
        now += after;
        streamLives.add(seconds, now);
        ended.push({ seconds, at: now });
      }
      const recent = ended.filter(({ at }) => now - at <= 600).map(({ seconds }) => seconds);
      const sorted = recent.toSorted((a, b) => a - b);
      const expected = QUANTILES.map((part) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN);
      assert.deepEqual(streamLives.quantiles(QUANTILES, now), expected);
      assert.equal(streamLives.count, lives.length);
      assert.equal(
        streamLives.sumSeconds,
        lives.reduce((sum, { seconds }) => sum + seconds, 0),
      );
    }),
  );
});

test("there are none when no stream ended lately", () => {
  const lives = new StreamLives();
  lives.add(5, 1000);
  assert.deepEqual(lives.quantiles([0.5], 1600), [5]);
  assert.deepEqual(lives.quantiles([0.5], 1601), [Number.NaN]);
});

test("of very many, the last are kept", () => {
  const lives = new StreamLives();
  for (let seconds = 0; seconds < 100_000; seconds++) lives.add(seconds, 1000);
  assert.deepEqual(lives.quantiles([0.5, 0.99], 1000), [67_231, 99_344]);
  assert.equal(lives.count, 100_000);
});
