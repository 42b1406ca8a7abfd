import assert from "node:assert/strict";

/*
 * A strict reader of the two text formats, written from their specifications alone:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4) and
 * https://prometheus.io/docs/specs/om/open_metrics_spec/ (version 1.0.0).
 *
 * Stricter than a scraper: HELP and TYPE are there once each, and in that order; the samples of a family follow them; no
 * series is there twice; histograms agree with themselves.
 */

export type ExpositionFormat = "text" | "openmetrics";

export interface ParsedSample {
  name: string;
  /** In the order of the line. */
  labels: [name: string, value: string][];
  /** As written. */
  value: string;
}

export interface ParsedFamily {
  name: string;
  help: string;
  type: string;
  samples: ParsedSample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const HELP = new RegExp(`^# HELP (${NAME}) (.*)$`, "s");
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|unknown|untyped)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? ([^ ]+)$`, "s");
/** One label, and the comma behind it. */
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"\n]|\\[\\"n])*)"(,|$)/suy;
/** The words to the letter, as the formats have them; a scraper may be more lenient. */
const NUMBER = /^(?:[+-]Inf|NaN|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/;
/** How OpenMetrics writes the bounds of buckets. */
const CANONICAL_BOUND = /^(?:[0-9]+\.[0-9]+(?:e[+-][0-9]+)?|\+Inf)$/;

/** What may follow the name of a family in its samples. */
const SUFFIXES: Record<string, string[]> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};

/** Reads a whole page; fails the test at the first thing that is not as specified. */
export function parseExposition(page: Uint8Array, format: ExpositionFormat): Map<string, ParsedFamily> {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(page);
  assert.ok(text.endsWith("\n"), "the last line has no end");
  const lines = text.slice(0, -1).split("\n");
  if (format === "openmetrics") assert.equal(lines.pop(), "# EOF");
  const families = new Map<string, ParsedFamily>();
  const series = new Set<string>();
  let family: ParsedFamily | undefined;
  let at = 0;
  while (at < lines.length) {
    const line = lines[at++]!;
    if (line === "" && format === "text") continue;
    if (line.startsWith("#")) {
      family = parseHead(line, lines[at++] ?? "");
      assert.ok(!families.has(family.name), `the family ${family.name} is there twice`);
      families.set(family.name, family);
      continue;
    }
    assert.ok(family, `a sample before any family: ${line}`);
    const sample = parseSample(line);
    judgeName(family, sample, format);
    const key = JSON.stringify([sample.name, sample.labels.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    assert.ok(!series.has(key), `the series ${key} is there twice`);
    series.add(key);
    family.samples.push(sample);
  }
  for (const each of families.values()) if (each.type === "histogram") judgeHistograms(each, format);
  return families;
}

function parseHead(helpLine: string, typeLine: string): ParsedFamily {
  const [, name, help] = HELP.exec(helpLine) ?? [];
  assert.ok(name !== undefined && help !== undefined, `no HELP: ${helpLine}`);
  const [, typedName, type] = TYPE.exec(typeLine) ?? [];
  assert.ok(type !== undefined, `no TYPE behind HELP: ${typeLine}`);
  assert.equal(typedName, name);
  return { name, help: unescape(help), type, samples: [] };
}

function parseSample(line: string): ParsedSample {
  const [, name, labels, value] = SAMPLE.exec(line) ?? [];
  assert.ok(name !== undefined && value !== undefined, `not a sample: ${line}`);
  assert.match(value, NUMBER, line);
  return { name, labels: parseLabels(labels ?? "", line), value };
}

function parseLabels(text: string, line: string): [string, string][] {
  const labels: [string, string][] = [];
  let at = 0;
  while (at < text.length) {
    LABEL.lastIndex = at;
    const [whole, name, value, end] = LABEL.exec(text) ?? [];
    assert.ok(whole !== undefined && name !== undefined && value !== undefined, `not labels: ${line}`);
    at += whole.length;
    assert.ok(end === "," || at === text.length, `something behind the labels: ${line}`);
    assert.ok(!labels.some(([other]) => other === name), `the label ${name} is there twice: ${line}`);
    labels.push([name, unescape(value)]);
  }
  assert.ok(!text.endsWith(","), `a comma behind the labels: ${line}`);
  return labels;
}

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_, character: string) => (character === "n" ? "\n" : character));
}

function judgeName(family: ParsedFamily, sample: ParsedSample, format: ExpositionFormat): void {
  const isOpenMetricsCounter = format === "openmetrics" && family.type === "counter";
  const suffixes = isOpenMetricsCounter ? ["_total"] : [...(SUFFIXES[family.type] ?? [""])];
  if (format === "openmetrics" && family.type !== "gauge") suffixes.push("_created");
  const allowed = suffixes.map((suffix) => family.name + suffix);
  assert.ok(allowed.includes(sample.name), `${sample.name} is no sample of ${family.type} ${family.name}`);
}

/** Buckets rise and end with +Inf, which is the count; bounds are in order. */
function judgeHistograms(family: ParsedFamily, format: ExpositionFormat): void {
  const histograms = Map.groupBy(family.samples, ({ labels }) =>
    JSON.stringify(labels.filter(([name]) => name !== "le")),
  );
  for (const [key, samples] of histograms) {
    const buckets = samples.filter(({ name }) => name.endsWith("_bucket"));
    const bounds = buckets.map(({ labels }) => labels.find(([name]) => name === "le")?.[1] ?? "");
    const upper = bounds.map((bound) => (bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound)));
    assert.equal(upper.at(-1), Number.POSITIVE_INFINITY, key);
    assert.ok(isRising(upper, true), `bounds of ${key}`);
    if (format === "openmetrics") for (const bound of bounds) assert.match(bound, CANONICAL_BOUND);
    const counts = buckets.map(({ value }) => Number(value));
    assert.ok(isRising(counts, false), `buckets of ${key}`);
    const one = (suffix: string) =>
      samples.filter(({ name }) => name === family.name + suffix).map(({ value }) => value);
    assert.deepEqual(one("_count"), [buckets.at(-1)!.value], key);
    assert.equal(one("_sum").length, 1, key);
  }
}

function isRising(numbers: readonly number[], strictly: boolean): boolean {
  return numbers.every((number, index) => {
    const before = numbers[index - 1];
    return before === undefined || before < number || (!strictly && before === number);
  });
}
