import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const MANUAL = resolve(import.meta.dirname, "../../src/customers/README.md");

/*
 * 1 day, because promtool takes no more samples, and a sample a minute: a byte a second is 60 a minute. Of what is sent,
 * the last 107 minutes (7.4 %) are 100 times as much, and so the 95th percentile; of what is received 40 (2.8 %) are, and
 * it is not.
 */
const MINUTES = 24 * 60;
const PROMTAP = 'instance="a:9118",job="promtap"';

function series(labels: string, fast: number): string {
  const slow = MINUTES - fast;
  const name = `promtap_customer_bytes_total{${labels},${PROMTAP}}`;
  return `      - series: '${name}'\n        values: '0+60x${slow} ${slow * 60 + 6000}+6000x${fast - 1}'`;
}

function expected(name: string, samples: Readonly<Record<string, number>>): string {
  const lines = Object.entries(samples).map(
    ([labels, value]) => `          - labels: '{${labels}}'\n            value: ${value}`,
  );
  const expr = `round(${name})`;
  return `      - expr: ${expr}\n        eval_time: ${MINUTES}m\n        exp_samples:\n${lines.join("\n")}`;
}

/** What the rules of the manual make of series at the end of the day. */
function judge(series: readonly string[], expectations: readonly string[]): void {
  using folder = new TemporaryFolder();
  const rules = /```yaml\n(groups:.*?)```/s.exec(readFileSync(MANUAL, "utf8"))![1]!;
  writeFileSync(join(folder.path, "rules.yml"), rules);
  const lines = [
    "rule_files: [rules.yml]",
    "evaluation_interval: 5m",
    "tests:",
    "  - interval: 1m",
    "    input_series:",
    ...series,
    "    promql_expr_test:",
    ...expectations,
  ];
  writeFileSync(join(folder.path, "test.yml"), `${lines.join("\n")}\n`);
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", "test.yml"], {
    cwd: folder.path,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout + stderr);
}

const [TX, RX] = ["tx", "rx"].map((direction) => `customer="acme",direction="${direction}"`) as [string, string];
/** Bytes of a day in which some minutes were fast. */
const bytesOf = (fast: number): number => (MINUTES - fast) * 60 + fast * 6000;

test("the rules of the manual bill what was sent and received", { skip: lacking("promtool") }, () => {
  judge(
    [
      series(`interface="eth0",${TX}`, 107),
      series(`interface="eth1",${TX}`, 107),
      series(`interface="eth0",${RX}`, 40),
    ],
    [
      expected("customer:bytes:increase30d", { [TX]: 2 * bytesOf(107), [RX]: bytesOf(40) }),
      expected("customer:bits:p95_30d", { [TX]: 2 * 800, [RX]: 8 }),
      expected("customer:bits:larger_p95_30d", { 'customer="acme"': 2 * 800 }),
      expected("count(customer_zone:bits:rate5m) or vector(0)", { "": 0 }),
    ],
  );
});

test(
  "they bill by zone, whatever else traffic is told apart by, and all zones together",
  { skip: lacking("promtool") },
  () => {
    const zone = (name: string) => `zone="${name}"`;
    judge(
      [
        series(`interface="eth0",${TX},${zone("peering")},protocol="tcp",country="DE",asn="64500"`, 107),
        series(`interface="eth0",${TX},${zone("peering")},protocol="udp",country="AT",asn="64501"`, 107),
        series(`interface="eth0",${TX},${zone("transit")},protocol="tcp"`, 40),
        series(`interface="eth0",${RX},${zone("transit")}`, 107),
      ],
      [
        expected("customer:bytes:increase30d", { [TX]: 2 * bytesOf(107) + bytesOf(40), [RX]: bytesOf(107) }),
        expected("customer:bits:larger_p95_30d", { 'customer="acme"': 2 * 800 + 8 }),
        expected("customer_zone:bytes:increase30d", {
          [`${TX},${zone("peering")}`]: 2 * bytesOf(107),
          [`${TX},${zone("transit")}`]: bytesOf(40),
          [`${RX},${zone("transit")}`]: bytesOf(107),
        }),
        expected("customer_zone:bits:p95_30d", {
          [`${TX},${zone("peering")}`]: 2 * 800,
          [`${TX},${zone("transit")}`]: 8,
          [`${RX},${zone("transit")}`]: 800,
        }),
        expected("customer_zone:bits:larger_p95_30d", {
          [`customer="acme",${zone("peering")}`]: 2 * 800,
          [`customer="acme",${zone("transit")}`]: 800,
        }),
      ],
    );
  },
);
