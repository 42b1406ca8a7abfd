import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Report, REPORT_FORMAT } from "../../src/status/report.ts";
import { plain } from "../../src/status/plain.ts";
import { FIRST_STATE, screen } from "../../src/top/screen.ts";
import { cell } from "../../src/columns.ts";

function report(name: string): Report {
  const line = { name, where: name, rate: 1.25e9, sum: 5e12, history: [1, 4] };
  return {
    format: REPORT_FORMAT,
    at: "2026-11-29T02:06:04.000Z",
    version: "1.2.3",
    uptimeSeconds: 100,
    isCounted: true,
    engine: "bpf",
    refusals: [],
    interfaces: [
      {
        name: "eth0",
        isUp: true,
        kind: "",
        lostPackets: 0,
        bytesPerSecond: 125,
        packetsPerSecond: 2,
        history: [1, 2, 4],
      },
      { name, isUp: false, kind: "", lostPackets: 7, bytesPerSecond: null, packetsPerSecond: null, history: [] },
    ],
    collectors: [{ name: "iptables", seconds: 1, error: "no rules", lastFailure: null }],
    limits: [],
    databases: [],
    tops: [{ title: "addresses", unit: "bytes", byRate: [line], bySum: [{ ...line, sum: 7e12 }] }],
  };
}

const SIZE = { columns: 80, rows: 24 };

test("a terminal of 80 by 24 has all of it", () => {
  const lines = screen(report("wg0"), FIRST_STATE, SIZE, false);
  assert.equal(lines.length, 24);
  assert.equal(lines[0], "promtap 1.2.3  bpf  up 100 s  02:06:04 UTC");
  assert.equal(lines[1], "1.00 kbit/s  2 p/s  7 packets lost; 1 interfaces down; failing: iptables");
  assert.equal(lines[2], "[interfaces]  addresses");
  assert.match(lines[4]!, /^eth0 +up +▃▅█ +1\.00 kbit\/s +2 p\/s +0$/);
  assert.match(lines[5]!, /^wg0 +down +– +– +7$/);
  assert.match(lines[23]!, /q quit$/);
});

test("a list is by rate or by sum, and filtered", () => {
  const state = { ...FIRST_STATE, list: 1 };
  assert.match(
    screen(report("192.0.2.1"), state, SIZE, false)[4]!,
    /^192\.0\.2\.1 +192\.0\.2\.1 +▃█ +10\.0 Gbit\/s +5\.00 TB$/,
  );
  assert.match(screen(report("192.0.2.1"), { ...state, order: "sum" }, SIZE, false)[4]!, /7\.00 TB$/);
  assert.equal(screen(report("192.0.2.1"), { ...state, filter: "198" }, SIZE, false)[4], "");
  const other = report("Acme");
  const [line] = other.tops[0]!.byRate;
  const tops = [{ ...other.tops[0]!, byRate: [{ ...line!, where: "eth0" }] }];
  for (const filter of ["acme", "ETH"]) {
    assert.match(screen({ ...other, tops }, { ...state, filter }, SIZE, false)[4]!, /^Acme {2}eth0/);
  }
});

test("colours are left out where none are wanted", () => {
  const coloured = screen(report("wg0"), FIRST_STATE, SIZE, true);
  assert.ok(coloured.some((line) => line.includes("\u001b[7m")));
  assert.ok(!screen(report("wg0"), FIRST_STATE, SIZE, false).join("").includes("\u001b"));
});

test("no name does anything to the terminal, and no line is longer than it is wide", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      fc.nat(1),
      (name, columns, rows, list) => {
        const lines = screen(report(name), { ...FIRST_STATE, list }, { columns, rows }, false);
        assert.ok(lines.length <= rows);
        for (const line of lines) {
          assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
          assert.ok(Array.from(line).filter((character) => !/\p{M}/u.test(character)).length <= columns, line);
        }
      },
    ),
  );
});

test("cells are cut and filled by columns, not by characters", () => {
  assert.equal(cell("中文字", 5), "中文 ");
  assert.equal(cell("e\u0301x", 3), "e\u0301x ");
  assert.equal(plain("a\u001b[31mb\u202e"), String.raw`a\u{1b}[31mb\u{202e}`);
});
