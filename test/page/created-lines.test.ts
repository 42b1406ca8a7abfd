import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { withCreated } from "../../src/page/created-lines.ts";
import { counter, type Family, gauge, MetricType } from "../../src/page/family.ts";
import { HistogramLines } from "../../src/page/histogram-lines.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";
import { Piece } from "../../src/page/piece.ts";
import { SeriesLines } from "../../src/page/series-lines.ts";
import { lacking, PROMETHEUS_CLIENT } from "../support/requirements.ts";
import { parseExposition } from "./exposition-parser.ts";

const encoder = new TextEncoder();
const NASTY = 'a\\b"c\nd} 1 €🦀';
const LABELS = encoder.encode('name="a} 2"');

const FAMILIES: readonly Family[] = [
  gauge("app_up", "A gauge.", 1),
  counter("app_ticks_total", "Without labels.", 0.5),
  counter("app_old_total", "Nobody knows since when.", [{ labels: { code: "200" }, value: 3 }]),
  counter("app_requests_total", "With labels.", [
    { labels: { name: NASTY }, value: 3 },
    { labels: { name: "" }, value: 4 },
  ]),
  {
    name: "app_seconds",
    help: "A summary.",
    type: MetricType.SUMMARY,
    samples: [
      { labels: { quantile: "0.5" }, value: 2 },
      { name: "app_seconds_sum", value: 5 },
      { name: "app_seconds_count", value: 2 },
    ],
  },
  {
    name: "app_bytes_total",
    help: "Written.",
    type: MetricType.COUNTER,
    *write(writer) {
      new SeriesLines("app_bytes_total").write(writer, 7, LABELS, 0, LABELS.length);
      yield;
      new SeriesLines("app_bytes_total", 'name="b"').write(writer, 8, LABELS, 0, 0, new Piece('more="c"} '));
    },
  },
  {
    name: "app_size",
    help: "A written histogram.",
    type: MetricType.HISTOGRAM,
    *write(writer, format) {
      new HistogramLines("app_size", [1, 2], format).write(
        writer,
        Float64Array.of(1, 2, 3, 9),
        0,
        LABELS,
        0,
        LABELS.length,
      );
      yield;
    },
  },
];
const TIMES = new Map(
  FAMILIES.filter(({ name }) => name !== "app_old_total").map(({ name }, k) => [name, 1.5e9 + k / 2]),
);
/** Names of samples with their labels → time. */
const EXPECTED = [
  ["app_ticks_created", {}, 1_500_000_000.5],
  ["app_requests_created", { name: NASTY }, 1_500_000_001],
  ["app_requests_created", { name: "" }, 1_500_000_001],
  ["app_seconds_created", {}, 1_500_000_001.5],
  ["app_bytes_created", { name: "a} 2" }, 1_500_000_002],
  ["app_bytes_created", { name: "b", more: "c" }, 1_500_000_002],
  ["app_size_created", { name: "a} 2" }, 1_500_000_002.5],
];

async function page(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of withCreated(makePage(FAMILIES, Format.OPENMETRICS), TIMES)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test("each counter, histogram and summary whose time is known says since when it counts", async () => {
  const families = [...parseExposition(await page(), "openmetrics").values()];
  const created = families.flatMap(({ samples }) => samples.filter(({ name }) => name.endsWith("_created")));
  assert.deepEqual(
    created.map(({ name, labels, value }) => [name, Object.fromEntries(labels), Number(value)]),
    EXPECTED,
  );
});

const READER = `
import json, sys
from prometheus_client.openmetrics.parser import text_fd_to_metric_families
samples = [s for family in text_fd_to_metric_families(sys.stdin) for s in family.samples]
print(json.dumps([[s.name, s.labels, float(s.value)] for s in samples if s.name.endswith("_created")]))
`;

test("Prometheus's own reader for Python reads the same", { skip: lacking(PROMETHEUS_CLIENT) }, async () => {
  const input = await page();
  const env = { ...process.env, PYTHONIOENCODING: "utf-8" };
  const read = execFileSync("/usr/bin/python3", ["-c", READER], { input, env, encoding: "utf8" });
  assert.deepEqual(JSON.parse(read), EXPECTED);
});
