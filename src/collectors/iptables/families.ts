import { type Family, gauge, MetricType, type WrittenFamily } from "../../page/family.ts";
import { labelText } from "../../page/labels.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import { isTurnOver, SeriesLines } from "../../page/series-lines.ts";
import type { Counts } from "./counts.ts";
import type { Form } from "./form.ts";
import { Kind, type Named } from "./named.ts";
import type { Reading } from "./reading.ts";
import { type Content, RowList, type Rows } from "./rows.ts";

/** Rows, and what their numbers stand for. */
interface Part {
  readonly rows: RowList;
  readonly valueOf: (number: number) => number;
}

/** Whether each source could be read, and what could not be. */
export function healthFamilies(readings: readonly Reading[], form: Form): Family[] {
  const all = (value: (reading: Reading) => number) =>
    readings.map((reading) => ({ labels: form.sourceLabels(reading.source), value: value(reading) }));
  const shown = (value: (content: Content) => number) =>
    readings.flatMap(({ source, content }) =>
      content === undefined ? [] : [{ labels: form.sourceLabels(source), value: value(content) }],
    );
  return [
    gauge(
      "iptables_scrape_duration_seconds",
      form.help("Duration of scraping iptables."),
      all(({ seconds }) => seconds),
    ),
    gauge(
      "iptables_scrape_success",
      form.help("Whether scraping iptables succeeded."),
      all(({ error }) => (error === undefined ? 1 : 0)),
    ),
    gauge(
      "promtap_iptables_age_seconds",
      "Age of the counters, if reading takes longer than the scrape waits; else 0.",
      readings
        .filter(({ content }) => content !== undefined)
        .map(({ source, ageSeconds }) => ({ labels: form.sourceLabels(source), value: ageSeconds })),
    ),
    gauge(
      "promtap_iptables_unreadable_lines",
      "Lines of the rules that could not be read and are not counted.",
      shown(({ unreadable }) => unreadable),
    ),
    gauge(
      "promtap_iptables_other_rules",
      "Rules and names that are summed as other because the limit was reached.",
      shown(({ refused }) => refused),
    ),
  ].filter(({ samples }) => samples.length > 0);
}

/** Counters of policies and rules, as iptables_exporter has them, and how many rules there are. */
export function ruleFamilies(readings: readonly Reading[], form: Form): Family[] {
  const { COUNTER, GAUGE } = MetricType;
  const contents = readings.flatMap(({ content }) => content ?? []);
  const counted = (rows: (rows: Rows) => RowList, unit: keyof Counts): Part[] =>
    contents.map((content) => ({ rows: rows(content.rows), valueOf: (slot) => content.counts[unit][slot]! }));
  const plain = (rows: (rows: Rows) => RowList): Part[] => contents.map((content) => plainPart(rows(content.rows)));
  const policyHelp = (unit: string): string => form.help(`Total ${unit} matching a chain's default policy.`);
  const ruleHelp = (unit: string): string => form.help(`Total ${unit} matching a rule.`);
  const copiesHelp = "Rules of the same text, if there are several; their counters are summed.";
  const policies = ({ policies: rows }: Rows): RowList => rows;
  const rules = ({ rules: rows }: Rows): RowList => rows;
  return [
    ...written("iptables_default_bytes_total", policyHelp("bytes"), COUNTER, counted(policies, "bytes")),
    ...written("iptables_default_packets_total", policyHelp("packets"), COUNTER, counted(policies, "packets")),
    ...written("iptables_rule_bytes_total", ruleHelp("bytes"), COUNTER, counted(rules, "bytes")),
    ...written("iptables_rule_packets_total", ruleHelp("packets"), COUNTER, counted(rules, "packets")),
    ...written(
      "promtap_iptables_rules",
      "Rules in the chain.",
      GAUGE,
      plain(({ chains }) => chains),
    ),
    ...written(
      "promtap_iptables_rule_copies",
      copiesHelp,
      GAUGE,
      plain(({ copies }) => copies),
    ),
  ];
}

/** Counters, quotas and sets of nftables that have a name, and quotas of rules. */
export function namedFamilies(named: readonly Named[], elementsAgeSeconds: number | undefined): Family[] {
  const { COUNTER, GAUGE } = MetricType;
  const firsts = (kind: Kind): Part[] => [plainPart(namedRows(named, kind, ({ first }) => first))];
  const seconds = (kind: Kind): Part[] => [plainPart(namedRows(named, kind, ({ second }) => second))];
  const limitHelp = "Elements that a set or map may have, if that is limited.";
  const ageHelp = "Age of the numbers of elements, if counting takes longer than the scrape waits; else 0.";
  const ages = elementsAgeSeconds === undefined ? [] : [{ value: elementsAgeSeconds }];
  return [
    ...written("promtap_nftables_named_bytes_total", "Bytes of a named counter.", COUNTER, seconds(Kind.COUNTER)),
    ...written("promtap_nftables_named_packets_total", "Packets of a named counter.", COUNTER, firsts(Kind.COUNTER)),
    ...written("promtap_nftables_quota_used_bytes", "Bytes of a quota that are used.", GAUGE, firsts(Kind.QUOTA)),
    ...written("promtap_nftables_quota_bytes", "Bytes that a quota allows.", GAUGE, seconds(Kind.QUOTA)),
    ...written("promtap_nftables_set_elements", "Elements of a set or map.", GAUGE, firsts(Kind.SET)),
    ...written("promtap_nftables_set_elements_limit", limitHelp, GAUGE, seconds(Kind.SET)),
    ...[gauge("promtap_nftables_set_elements_age_seconds", ageHelp, ages)].filter(({ samples }) => samples.length > 0),
  ];
}

function namedRows(named: readonly Named[], kind: Kind, value: (each: Named) => number | undefined): RowList {
  const rows = new RowList();
  for (const each of named) {
    const number = each.kind === kind ? value(each) : undefined;
    if (number === undefined) continue;
    const labels = Object.entries(each.labels).map(([name, text]) => labelText(name, text));
    rows.add(labels.join(","), number);
  }
  return rows;
}

function plainPart(rows: RowList): Part {
  return { rows, valueOf: (number) => number };
}

/** A family of these rows; none if there is no row. */
function written(name: string, help: string, type: MetricType, parts: readonly Part[]): WrittenFamily[] {
  if (parts.every(({ rows }) => rows.numbers.length === 0)) return [];
  const lines = new SeriesLines(name);
  return [
    {
      name,
      help,
      type,
      *write(writer: PageWriter) {
        for (const part of parts) yield* writePart(writer, lines, part);
      },
    },
  ];
}

function* writePart(writer: PageWriter, lines: SeriesLines, { rows, valueOf }: Part): Generator<void> {
  const { labels, numbers } = rows;
  for (let row = 0; row < numbers.length; row++) {
    lines.write(writer, valueOf(numbers[row]!), labels.bytes, labels.start(row), labels.end(row));
    if (isTurnOver(writer, row)) yield;
  }
}
