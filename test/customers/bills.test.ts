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

test("the rules of the manual bill what was sent and received", { skip: lacking("promtool") }, () => {
  using folder = new TemporaryFolder();
  const rules = /```yaml\n(groups:.*?)```/s.exec(readFileSync(MANUAL, "utf8"))![1]!;
  writeFileSync(join(folder.path, "rules.yml"), rules);
  const [tx, rx] = ["tx", "rx"].map((direction) => `customer="acme",direction="${direction}"`);
  const sent = (MINUTES - 107) * 60 + 107 * 6000;
  const received = (MINUTES - 40) * 60 + 40 * 6000;
  const lines = [
    "rule_files: [rules.yml]",
    "evaluation_interval: 5m",
    "tests:",
    "  - interval: 1m",
    "    input_series:",
    series(`interface="eth0",${tx}`, 107),
    series(`interface="eth1",${tx}`, 107),
    series(`interface="eth0",${rx}`, 40),
    "    promql_expr_test:",
    expected("customer:bytes:increase30d", { [tx!]: 2 * sent, [rx!]: received }),
    expected("customer:bits:p95_30d", { [tx!]: 2 * 800, [rx!]: 8 }),
    expected("customer:bits:larger_p95_30d", { 'customer="acme"': 2 * 800 }),
  ];
  writeFileSync(join(folder.path, "test.yml"), `${lines.join("\n")}\n`);
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", "test.yml"], {
    cwd: folder.path,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout + stderr);
});
