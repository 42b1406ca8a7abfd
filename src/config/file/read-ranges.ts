import type { PromtapError } from "../../errors.ts";
import { type Flag } from "../flag.ts";
import { labelNameFault } from "../label-names.ts";
import {
  formatPrefixList,
  type InlinePrefix,
  LIST_FORMATS,
  type ListFormat,
  prefixListsSection,
  type Series,
  SERIES,
} from "../prefix-lists.ts";
import { nearest } from "../spelling.ts";
import { trafficSection } from "../traffic.ts";
import { type FileText, isNothing, type ListNode, type MappingNode, type Node, type Position } from "./tree.ts";

/** What takes the items of a list of ranges. */
interface RangeTaker {
  readonly prefixes: InlinePrefix[];
  add(name: string, text: FileText): void;
  judge(flag: Flag, text: FileText, name: string): void;
  fault(at: Position, why: string): PromtapError;
  resolve(path: string): string;
}

const RANGE = flagNamed("range");
const RANGE_FILE = flagNamed("range-file");
const FORMS = "a range such as 10.0.0.0/24:customer=a, {prefix: 192.0.2.0/24, labels: {customer: a}} or {file: a.csv}";

/** Reads the items of `ranges`: texts of -r, prefixes with labels, and files of those. Throws a usage error. */
export function readRanges({ items }: ListNode, taker: RangeTaker): void {
  for (const item of items) {
    if (item.kind === "text" && item.text !== "" && !isNothing(item)) {
      taker.judge(RANGE, item, "range");
      taker.add(RANGE.name, item);
    } else if (item.kind !== "mapping") {
      throw taker.fault(item, `this is no range; give ${FORMS}`);
    } else if (item.entries.some(({ key }) => key === "file")) {
      taker.add(RANGE_FILE.name, listOf(item, taker));
    } else {
      taker.prefixes.push(prefixOf(item, taker));
    }
  }
}

function listOf(mapping: MappingNode, taker: RangeTaker): FileText {
  const values = valuesOf(mapping, ["file", "series", "format"], taker);
  const file = textOf(values, "file", taker)!;
  const list = {
    path: taker.resolve(file.text),
    series: wordOf(values, "series", SERIES, taker) ?? "labels",
    format: wordOf(values, "format", LIST_FORMATS, taker) ?? null,
  } satisfies { path: string; series: Series; format: ListFormat | null };
  const text = { line: file.line, column: file.column, text: formatPrefixList(list) };
  taker.judge(RANGE_FILE, text, "file");
  return text;
}

function prefixOf(mapping: MappingNode, taker: RangeTaker): InlinePrefix {
  const values = valuesOf(mapping, ["prefix", "labels", "series"], taker);
  const prefix = textOf(values, "prefix", taker);
  if (prefix === undefined) throw taker.fault(mapping, `this has neither prefix nor file; give ${FORMS}`);
  const labels = values.get("labels");
  if (labels !== undefined && labels.kind !== "mapping") {
    throw taker.fault(labels, "labels is no mapping; write labels: {customer: a}");
  }
  return {
    prefix: prefix.text,
    labels: Object.fromEntries(
      (labels?.entries ?? []).map(({ at, key, value }) => [key, labelOf(at, key, value, taker)]),
    ),
    series: wordOf(values, "series", SERIES, taker) ?? "labels",
    line: prefix.line,
    column: prefix.column,
  };
}

function labelOf(at: Position, name: string, value: Node, taker: RangeTaker): string {
  const fault = labelNameFault(name, ["direction", "prefix"]);
  if (fault !== undefined) throw taker.fault(at, `${fault.why}; legal is ${fault.legal}`);
  if (value.kind !== "text") throw taker.fault(value, `the label ${name} is a ${value.kind}; give a text`);
  if (!isNothing(value)) return value.text;
  throw taker.fault(value, `nothing stands behind the label ${name}; give a text, or leave it out`);
}

function valuesOf({ entries }: MappingNode, legal: readonly string[], taker: RangeTaker): Map<string, Node> {
  for (const { at, key } of entries) {
    if (legal.includes(key)) continue;
    const likely = nearest(key, legal);
    const advice = likely === undefined ? `legal are ${legal.join(", ")}` : `did you mean ${likely}?`;
    throw taker.fault(at, `unknown key ${JSON.stringify(key)}; ${advice}`);
  }
  return new Map(entries.map(({ key, value }) => [key, value]));
}

function textOf(values: ReadonlyMap<string, Node>, key: string, taker: RangeTaker): FileText | undefined {
  const node = values.get(key);
  if (node === undefined || (node.kind === "text" && node.text !== "" && !isNothing(node))) return node;
  throw taker.fault(node, `${key} has no text; give one`);
}

function wordOf<T extends string>(
  values: ReadonlyMap<string, Node>,
  key: string,
  legal: readonly T[],
  taker: RangeTaker,
): T | undefined {
  const node = textOf(values, key, taker);
  if (node === undefined) return undefined;
  const word = legal.find((each) => each === node.text);
  if (word !== undefined) return word;
  throw taker.fault(node, `invalid ${key} ${JSON.stringify(node.text)}; legal is ${legal.join(", ")}`);
}

function flagNamed(name: string): Flag {
  return [...trafficSection.flags, ...prefixListsSection.flags].find((flag) => flag.name === name)!;
}
