import assert from "node:assert/strict";
import { test } from "node:test";
import { drainPeriod } from "../../../src/capture/ring/drain-period.ts";

const MIB = 1024 * 1024;

test("a ring is read the sooner the faster it fills, and a small one, or one of long frames, sooner from the start", () => {
  const expectations: [mib: number, hasLongFrames: boolean, share: number, inMs: number, period: number][] = [
    [32, false, 0, 80, 80],
    [32, false, 0.24, 80, 80],
    [32, false, 0.25, 80, 50],
    [32, false, 0.25, 50, 25],
    [32, false, 0.25, 25, 10],
    [32, false, 1, 10, 10],
    [32, true, 0, 80, 50],
    [31, false, 0, 80, 50],
    [16, false, 0.24, 50, 50],
    // A trickle: half of the blocks were handed over nearly empty.
    [2, false, 4 / 8, 40, 10],
    [2, false, 1, 10, 10],
  ];
  for (const [mib, hasLongFrames, share, inMs, period] of expectations) {
    const room = { bytes: mib * MIB, hasLongFrames };
    assert.equal(drainPeriod(room, share / inMs), period, `${mib} MiB, ${share} in ${inMs} ms`);
  }
});
