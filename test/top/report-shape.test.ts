import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { REPORT_FORMAT } from "../../src/status/report.ts";
import { readReport } from "../../src/top/report-shape.ts";

const REPORT = {
  format: REPORT_FORMAT,
  at: "2026-11-29T02:06:04.000Z",
  version: "1.2.3",
  uptimeSeconds: 1,
  isCounted: true,
  engine: "bpf",
  refusals: [""],
  interfaces: [{ name: "eth0", isUp: true, lostPackets: 0, bytesPerSecond: null, packetsPerSecond: 1, history: [1] }],
  collectors: [{ name: "self", error: null }],
  tops: [
    { title: "flows", unit: "bytes", byRate: [], bySum: [{ name: "a", where: "", rate: 1, sum: 2, history: [1] }] },
  ],
};

/** Every part of a value, as a list of keys. */
function pathsOf(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => [[key], ...pathsOf(part).map((path) => [key, ...path])]);
}

test("a report is read, and none that lacks a part or has another kind of it", () => {
  assert.deepEqual(readReport(JSON.stringify(REPORT)), REPORT);
  for (const path of pathsOf(REPORT)) {
    const changed = structuredClone(REPORT) as unknown as Record<string, unknown>;
    let part = changed;
    for (const key of path.slice(0, -1)) part = part[key] as Record<string, unknown>;
    part[path.at(-1)!] = { other: true };
    assert.throws(() => readReport(JSON.stringify(changed)), /no status of a promtap/, path.join("."));
  }
});

test("what is told in another form, and what is no JSON, is named as what it is", () => {
  assert.throws(() => readReport(JSON.stringify({ ...REPORT, format: 9 })), /in form 9, and this promtap reads form 1/);
  assert.throws(() => readReport("<html>"), /no JSON/);
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.throws(() => readReport(text), /^Error: it (?:answers|tells)/);
    }),
  );
});
