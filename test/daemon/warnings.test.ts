import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configOf } from "../../src/daemon/config.ts";
import { warningsOf } from "../../src/daemon/warnings.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { pcap } from "../capture/savefile/captures.ts";
import { runPromtap } from "../support/promtap.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

function warningsFor(given: Record<string, string[]>): string[] {
  const config = configOf(new Map(Object.entries(given)));
  return warningsOf(config, new RangeTable(config.ranges));
}

test("there is nothing to say of ranges that count", () => {
  assert.deepEqual(warningsFor({ range: ["10.0.0.1", "10.0.0.0/24", "::/0"] }), []);
});

test("of thousands of ranges that never count ten are named, and the rest is a number", () => {
  const range = ["10.0.0.0/8/24", ...Array.from({ length: 5000 }, (_, k) => `10.0.${k >> 8}.${k & 255}:k=${k}`)];
  const warnings = warningsFor({ range });
  assert.equal(
    warnings[0],
    '-r "10.0.0.0:k=0" never counts: all its addresses belong to ranges before it, as to "10.0.0.0/8/24"',
  );
  assert.match(warnings[9]!, /^-r "10\.0\.0\.9:k=9" never counts/);
  assert.deepEqual(warnings.slice(10), ["4990 more ranges never count likewise"]);
});

test("a run logs it and a check prints it, a line each", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "empty.pcap");
  writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, []).flat()));
  const flags = ["--read", path, "-r10.0.0.0/24:a=b", "-r10.0.0.7:c=d\n", "--geoip", "--interval=180"];
  const range =
    '-r "10.0.0.7:c=d\\n" never counts: all its addresses belong to ranges before it, as to "10.0.0.0/24:a=b"';
  const interval = "--interval has no effect: connections are read whenever the page is asked for";
  const { stderr } = await runPromtap(undefined, [...flags, "--once", "--log.format=json"]);
  const logged = stderr.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  const warned = logged.filter(({ level }) => level === "warn").map(({ msg }) => msg);
  assert.deepEqual(warned, [range, interval]);
  const { stdout } = await runPromtap(undefined, [...flags, "--once", "--check"]);
  assert.deepEqual(stdout.split("\n").slice(0, 2), [`warning: ${range}`, `warning: ${interval}`]);
});
