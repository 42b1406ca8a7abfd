import type { PromtapError } from "../errors.ts";
import { faultAt } from "../config/file/read-flags.ts";
import { nearest } from "../config/spelling.ts";
import type { MappingNode, Node, TextNode } from "../config/file/tree.ts";

/** What stands for nothing if it is not quoted. */
const NULL = /^(?:|~|null|Null|NULL)$/;
const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** What each key of a mapping is read by. */
export type Keys = Readonly<Record<string, (value: Node) => void>>;

/** Reads values of a file as exporters of Prometheus do (YAML 1.1). Throws usage errors with FILE:LINE:COLUMN. */
export class TreeReader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  fault(at: Node, why: string): PromtapError {
    return faultAt(this.#path, at, why);
  }

  /** Reads a mapping of these keys and no others. */
  keys(node: Node, keys: Keys): void {
    for (const { at, key, value } of this.#mapping(node)) {
      const read = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (read === undefined) throw faultAt(this.#path, at, unknown(key, Object.keys(keys)));
      read(value);
    }
  }

  /** Reads a mapping of texts, whatever their keys are. */
  texts(node: Node, read: (key: string, text: string, at: Node) => void): void {
    for (const { key, value } of this.#mapping(node)) read(key, this.text(value), value);
  }

  text(node: Node): string {
    const { text, isQuoted } = this.#scalar(node, "a text");
    return isQuoted || !NULL.test(text) ? text : "";
  }

  list(node: Node): { text: string; at: Node }[] {
    if (isNull(node)) return [];
    if (node.kind !== "list") throw this.fault(node, `yaml: a ${node.kind} stands here; give a list, as in [a, b]`);
    return node.items.map((item) => ({ text: this.text(item), at: item }));
  }

  toggle(node: Node): boolean {
    const { text, isQuoted } = this.#scalar(node, "true or false");
    if (!isQuoted && TRUE.test(text)) return true;
    if (!isQuoted && FALSE.test(text)) return false;
    throw this.fault(node, "yaml: legal is true or false");
  }

  /** A whole number. */
  whole(node: Node): number {
    const { text } = this.#scalar(node, "a number");
    const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
    if (value === undefined) throw this.fault(node, "yaml: legal is a whole number");
    return value;
  }

  #mapping(node: Node): MappingNode["entries"] {
    if (isNull(node)) return [];
    if (node.kind !== "mapping") throw this.fault(node, `yaml: a ${node.kind} stands here; give keys, as in a: b`);
    return node.entries;
  }

  #scalar(node: Node, wanted: string): TextNode {
    if (node.kind !== "text") throw this.fault(node, `yaml: a ${node.kind} stands here; give ${wanted}`);
    return node;
  }
}

function isNull(node: Node): boolean {
  return node.kind === "text" && !node.isQuoted && NULL.test(node.text);
}

function unknown(key: string, legal: readonly string[]): string {
  const guess = nearest(key, legal);
  const hint = guess === undefined ? `there are ${legal.join(", ")}` : `did you mean ${guess}?`;
  return `yaml: field ${JSON.stringify(key)} not found; ${hint}`;
}
