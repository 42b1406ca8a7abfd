import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node as YamlNode, parseAllDocuments, visit } from "yaml";
import type { Entry, Fault, MappingNode, Node, Position } from "./tree.ts";

/** Messages of yaml that say less than they could. */
const WORDS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "a tab indents; use spaces",
  DUPLICATE_KEY: "the key is there twice; give it once",
};

/** Far more nodes, one in the other, than any key has. */
const MAX_DEPTH = 64;

/** What yaml gives nodes by itself. */
const PLAIN_TAG = /^tag:yaml\.org,2002:(?:str|seq|map)$/;

/** Reads YAML 1.2; returns what is wrong instead. Pure, but slow. */
export function parseYaml(text: string): MappingNode | Fault {
  const broken = text.indexOf("\uFFFD");
  if (broken >= 0) return { at: placeIn(text, broken), why: "it is no UTF-8; save the file as UTF-8" };
  const lines = new LineCounter();
  // With this schema all scalars are texts.
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, schema: "failsafe" });
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const start = { line: 1, column: 1 };
  if (!Array.isArray(documents) || documents.length === 0) return { at: start, why: "it is empty; give a key" };
  for (const { errors, warnings } of documents) {
    const [problem] = [...errors, ...warnings];
    if (problem === undefined) continue;
    return { at: positionOf(problem.pos[0]), why: WORDS[problem.code] ?? sentence(problem.message) };
  }
  const [document, second] = documents;
  if (second !== undefined) return { at: positionOf(second.range[0]), why: "a second document begins; give one" };
  const { contents } = document!;
  if (contents === null || (isScalar(contents) && contents.source === "")) {
    return { at: start, why: "it is empty; give a key" };
  }
  const fault = findExtras(contents, positionOf);
  if (fault !== undefined) return fault;
  const node = convert(contents, positionOf);
  if (node.kind === "mapping") return node;
  return { at: node, why: `a ${node.kind} stands here; give keys, as in engine: auto` };
}

function placeIn(text: string, offset: number): Position {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** The first thing that YAML has and no configuration needs. */
function findExtras(root: YamlNode, positionOf: (offset: number) => Position): Fault | undefined {
  let fault: Fault | undefined;
  visit(root, {
    Node(_key, node, path) {
      if (path.length > MAX_DEPTH) {
        fault = { at: positionOf(node.range?.[0] ?? 0), why: "it is nested too deeply" };
        return visit.BREAK;
      }
      const extra = extraOf(node);
      if (extra === undefined) return undefined;
      fault = { at: positionOf(node.range?.[0] ?? 0), why: `${extra} stands here; write the value itself` };
      return visit.BREAK;
    },
    Pair(_key, { key }) {
      if (isScalar(key)) return undefined;
      const range = key !== null && typeof key === "object" && "range" in key ? (key.range as [number] | null) : null;
      fault = { at: positionOf(range?.[0] ?? 0), why: "a key is no word; write key: value" };
      return visit.BREAK;
    },
  });
  return fault;
}

function extraOf(node: YamlNode): string | undefined {
  if (isAlias(node)) return "an alias";
  if (node.anchor !== undefined) return "an anchor";
  return node.tag === undefined || PLAIN_TAG.test(node.tag) ? undefined : "a tag";
}

function convert(node: YamlNode | null, positionOf: (offset: number) => Position): Node {
  const at = positionOf(node?.range?.[0] ?? 0);
  if (isSeq(node)) {
    return { kind: "list", ...at, items: node.items.map((item) => convert(item as YamlNode | null, positionOf)) };
  }
  if (isMap(node)) {
    const entries = node.items.map(({ key, value }): Entry => {
      const scalar = isScalar(key) ? key : undefined;
      const keyAt = positionOf(scalar?.range?.[0] ?? 0);
      const none: Node = { kind: "text", ...keyAt, text: "", isQuoted: false };
      const entryValue = value === null ? none : convert(value as YamlNode, positionOf);
      return { at: keyAt, key: String(scalar?.value), value: entryValue };
    });
    return { kind: "mapping", ...at, entries };
  }
  const text = isScalar(node) && typeof node.value === "string" ? node.value : "";
  return { kind: "text", ...at, text, isQuoted: isScalar(node) && node.type !== "PLAIN" };
}

function sentence(message: string): string {
  const [line = ""] = message.split("\n");
  return `it is no YAML: ${line.slice(0, 1).toLowerCase()}${line.slice(1)}`;
}
