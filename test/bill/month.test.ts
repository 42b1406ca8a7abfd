import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { monthOf } from "../../src/bill/month.ts";

const HOUR_MS = 3_600_000;

/** What clocks show, by another way than that of the program. */
function shown(atMs: number, timeZone: string): string {
  return new Date(atMs).toLocaleDateString("sv-SE", { timeZone });
}

function hoursOf(text: string, timeZone: string): number {
  const { fromMs, toMs } = monthOf(text, timeZone);
  return (toMs - fromMs) / HOUR_MS;
}

test("months begin when the clocks of the zone show it, and have an hour more or less when clocks change", () => {
  assert.equal(new Date(monthOf("2026-11", "UTC").fromMs).toISOString(), "2026-11-01T00:00:00.000Z");
  assert.equal(new Date(monthOf("2026-11", "Europe/Berlin").fromMs).toISOString(), "2026-10-31T23:00:00.000Z");
  assert.equal(new Date(monthOf("2026-11", "Asia/Kathmandu").toMs).toISOString(), "2026-11-30T18:15:00.000Z");
  assert.equal(hoursOf("2026-03", "Europe/Berlin"), 31 * 24 - 1);
  assert.equal(hoursOf("2026-10", "Europe/Berlin"), 31 * 24 + 1);
  assert.equal(hoursOf("2024-02", "UTC"), 29 * 24);
});

test("in any zone a month begins with its first day, and where the one before ends", () => {
  const zone = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
  fc.assert(
    fc.property(
      zone,
      fc.integer({ min: 1990, max: 2040 }),
      fc.integer({ min: 1, max: 12 }),
      (timeZone, year, month) => {
        const text = `${year}-${String(month).padStart(2, "0")}`;
        const { fromMs, toMs } = monthOf(text, timeZone);
        assert.equal(shown(fromMs, timeZone).slice(0, 10), `${text}-01`);
        assert.notEqual(shown(fromMs - 1, timeZone).slice(0, 7), text);
        assert.equal(shown(toMs - 1, timeZone).slice(0, 7), text);
        assert.notEqual(shown(toMs, timeZone).slice(0, 7), text);
      },
    ),
    { numRuns: 300 },
  );
});

for (const text of ["2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "", "0026-11"]) {
  test(`${JSON.stringify(text)} is no month`, () => {
    assert.throws(() => monthOf(text, "UTC"), { message: new RegExp(`^invalid --month "${text}"; legal is a year`) });
  });
}
