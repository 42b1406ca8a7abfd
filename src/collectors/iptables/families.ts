import { type Family, MetricType, type Sample, type SampledFamily, type WrittenFamily } from "../../page/family.ts";
import { labelText } from "../../page/labels.ts";
import { numberText } from "../../page/number-text.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import type { Form } from "./form.ts";
import { Kind, type Named } from "./nft/ruleset.ts";
import type { Content, Reading } from "./reading.ts";
import type { Chain, Rule } from "./tally.ts";

/** Rows that are looked at before the event loop gets its turn, where none of them is a line. */
const ROWS_A_TURN = 4096;
/** Rows that are encoded together: one call of the encoder costs as much as encoding a line. */
const ROWS_A_PIECE = 64;

/** The labels of a line as text, and its value; null where there is none to write. */
type Row = readonly [labels: string, value: number] | null;

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
  const policies = (value: (chain: Chain) => number) => () => policyRows(readings, form, value);
  const rules = (value: (rule: Rule) => number | null) => () => ruleRows(readings, form, value);
  const policyHelp = (unit: string): string => form.help(`Total ${unit} matching a chain's default policy.`);
  const ruleHelp = (unit: string): string => form.help(`Total ${unit} matching a rule.`);
  const copiesHelp = "Rules of the same text, where there are several; their counters are summed.";
  return [
    written(
      "iptables_default_bytes_total",
      policyHelp("bytes"),
      COUNTER,
      policies(({ bytes }) => bytes),
    ),
    written(
      "iptables_default_packets_total",
      policyHelp("packets"),
      COUNTER,
      policies(({ packets }) => packets),
    ),
    written(
      "iptables_rule_bytes_total",
      ruleHelp("bytes"),
      COUNTER,
      rules(({ bytes }) => bytes),
    ),
    written(
      "iptables_rule_packets_total",
      ruleHelp("packets"),
      COUNTER,
      rules(({ packets }) => packets),
    ),
    written("promtap_iptables_rules", "Rules in the chain.", GAUGE, () => chainRows(readings, form)),
    written(
      "promtap_iptables_rule_copies",
      copiesHelp,
      GAUGE,
      rules(({ copies }) => (copies > 1 ? copies : null)),
    ),
  ].filter((family) => family !== undefined);
}

/** Counters, quotas and sets of nftables that have a name, and quotas of rules. */
export function namedFamilies(named: readonly Named[]): Family[] {
  const { COUNTER, GAUGE } = MetricType;
  const firsts = (kind: Kind) => () => namedRows(named, kind, ({ first }) => first);
  const seconds = (kind: Kind) => () => namedRows(named, kind, ({ second }) => second);
  const limitHelp = "Elements that a set or map may have, where that is limited.";
  return [
    written("promtap_nftables_named_bytes_total", "Bytes of a named counter.", COUNTER, seconds(Kind.COUNTER)),
    written("promtap_nftables_named_packets_total", "Packets of a named counter.", COUNTER, firsts(Kind.COUNTER)),
    written("promtap_nftables_quota_used_bytes", "Bytes of a quota that are used.", GAUGE, firsts(Kind.QUOTA)),
    written("promtap_nftables_quota_bytes", "Bytes that a quota allows.", GAUGE, seconds(Kind.QUOTA)),
    written("promtap_nftables_set_elements", "Elements of a set or map.", GAUGE, firsts(Kind.SET)),
    written("promtap_nftables_set_elements_limit", limitHelp, GAUGE, seconds(Kind.SET)),
  ].filter((family) => family !== undefined);
}

function* namedRows(
  named: readonly Named[],
  kind: Kind,
  value: (each: Named) => number | undefined,
): Generator<Row, void> {
  for (const each of named) {
    const number = each.kind === kind ? value(each) : undefined;
    const labels = Object.entries(each.labels).map(([name, text]) => labelText(name, text));
    yield number === undefined ? null : [labels.join(","), number];
  }
}

function* chainRows(readings: readonly Reading[], form: Form): Generator<Row, void> {
  for (const { source, content } of readings) {
    for (const chain of content?.tally.chains() ?? []) {
      yield [form.chainLabels(source, chain).join(""), chain.ruleCount];
    }
  }
}

function* policyRows(readings: readonly Reading[], form: Form, value: (chain: Chain) => number): Generator<Row, void> {
  for (const { source, content } of readings) {
    for (const chain of content?.tally.chains() ?? []) {
      if (chain.policy === null) continue;
      const [before, after] = form.chainLabels(source, chain);
      yield [`${before},${labelText("policy", chain.policy)}${after}`, value(chain)];
    }
  }
}

function* ruleRows(
  readings: readonly Reading[],
  form: Form,
  value: (rule: Rule) => number | null,
): Generator<Row, void> {
  for (const { source, content } of readings) {
    for (const chain of content?.tally.chains() ?? []) {
      const [before, after] = form.chainLabels(source, chain);
      for (const [text, rule] of chain.rules) {
        const number = value(rule);
        const comment = rule.comment === "" ? "" : `,${labelText("comment", rule.comment)}`;
        yield number === null ? null : [`${before},${labelText("rule", text)}${comment}${after}`, number];
      }
    }
  }
}

function gauge(name: string, help: string, samples: Sample[]): SampledFamily {
  return { name, help, type: MetricType.GAUGE, samples };
}

/** Undefined where there is no line to write. */
function written(
  name: string,
  help: string,
  type: MetricType,
  rows: () => Generator<Row, void>,
): WrittenFamily | undefined {
  if (!hasLine(rows())) return undefined;
  return {
    name,
    help,
    type,
    *write(writer: PageWriter) {
      let lines = "";
      let looked = 0;
      for (const row of rows()) {
        if (row !== null) lines += `${name}{${row[0]}} ${numberText(row[1])}\n`;
        if (++looked % ROWS_A_PIECE === 0) {
          writer.text(lines);
          lines = "";
        }
        if (writer.isFull || looked % ROWS_A_TURN === 0) yield;
      }
      writer.text(lines);
    },
  };
}

function hasLine(rows: Iterable<Row>): boolean {
  for (const row of rows) if (row !== null) return true;
  return false;
}
