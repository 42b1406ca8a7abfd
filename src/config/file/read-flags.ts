import { dirname, resolve } from "node:path";
import { type Flag, isPath, spellingOf, usageError } from "../flag.ts";
import type { InlinePrefix } from "../prefix-lists.ts";
import { messageOf, type PromtapError } from "../../errors.ts";
import { nearest } from "../spelling.ts";
import { type Keys, keysOf } from "./keys.ts";
import { readRanges } from "./read-ranges.ts";
import { readZones } from "./read-zones.ts";
import { type FileText, isNothing, type MappingNode, type Node, type Position, type TextNode } from "./tree.ts";

/** What a configuration file says. */
export interface FileFlags {
  readonly path: string;
  /** Long name of each flag in it → its texts. */
  readonly texts: ReadonlyMap<string, readonly FileText[]>;
  /** Prefixes that stand in it. */
  readonly prefixes: readonly InlinePrefix[];
}

const RANGES = "ranges";
const ZONES = "zones";

/** Reads what a file says of these flags, each text of which is legal then. Throws a usage error with FILE:LINE:COLUMN. */
export function readFlags(path: string, root: MappingNode, flags: readonly Flag[]): FileFlags {
  const reader = new FlagReader(path);
  reader.readKeys(root, keysOf(flags), "");
  reader.leaveOut(flags);
  return reader;
}

/** What is wrong at a place of a file. */
export function faultAt(path: string, { line, column }: Position, why: string): PromtapError {
  return usageError(`${path}:${line}:${column}: ${why}`);
}

class FlagReader implements FileFlags {
  readonly path: string;
  readonly texts = new Map<string, FileText[]>();
  readonly prefixes: InlinePrefix[] = [];
  /** Names of mappings that are turned off, with the dot behind. */
  readonly #off: string[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** `prefix`: the names of the mappings around, with a dot behind each. */
  readKeys(mapping: MappingNode, keys: Keys, prefix: string): void {
    for (const { at, key, value } of mapping.entries) {
      const found = keys.get(key);
      const name = `${prefix}${key}`;
      if (found === undefined) throw this.#unknown(at, name, keys, prefix);
      if (name === RANGES) this.#readRanges(value);
      else if (found instanceof Map) this.#readBelow(value, found, name);
      else if (name === ZONES) readZones(value, found, this);
      else this.#readFlag(found, value, name);
    }
  }

  /** Leaves out what belongs to what is turned off. */
  leaveOut(flags: readonly Flag[]): void {
    for (const { name, key } of flags) {
      if (this.#off.some((prefix) => key?.startsWith(prefix) === true)) this.texts.delete(name);
    }
  }

  #readBelow(node: Node, keys: Keys, name: string): void {
    let mapping = node;
    if (node.kind === "list") {
      const [first, second] = node.items;
      if (second !== undefined) throw this.fault(second, `a second ${name}; promtap runs one, so give one`);
      mapping = first ?? node;
    }
    if (mapping.kind === "mapping") this.readKeys(mapping, keys, `${name}.`);
    else throw this.fault(mapping, `${name} is no value; below it are ${[...keys.keys()].join(", ")}`);
  }

  #readFlag(flag: Flag, node: Node, name: string): void {
    if (flag.value === undefined) {
      this.#readToggle(flag, node, name);
      return;
    }
    const items = node.kind === "list" && flag.isList === true ? node.items : [node];
    const texts = items.map((item) => this.#textOf(item, name, flag.isList === true));
    for (const text of texts) this.judge(flag, text, name);
    if (texts.length === 0) return;
    const resolved = texts.map((text) => this.#resolved(flag, text));
    this.texts.set(flag.name, resolved);
  }

  #readToggle(flag: Flag, node: Node, name: string): void {
    const isWord = node.kind === "text" && !node.isQuoted && /^(?:true|false)$/.test(node.text);
    if (!isWord) throw this.fault(node, `${name} is neither true nor false; give one of them`);
    if (node.text === "true") this.texts.set(flag.name, [{ ...node, text: "" }]);
    else if (name.endsWith(".enabled")) this.#off.push(name.slice(0, -"enabled".length));
  }

  #readRanges(node: Node): void {
    if (node.kind !== "list") throw this.fault(node, `${RANGES} is a list; write each item behind a dash`);
    readRanges(node, this);
  }

  /** Adds a text to a flag that is a list. */
  add(name: string, text: FileText): void {
    const texts = this.texts.get(name);
    if (texts === undefined) this.texts.set(name, [text]);
    else texts.push(text);
  }

  /** Throws if the flag takes no such text; its own message, but for the spelling. */
  judge(flag: Flag, text: FileText, name: string): void {
    try {
      flag.read([text.text]);
    } catch (error) {
      const message = messageOf(error);
      const spelling = `invalid ${spellingOf(flag)} `;
      throw this.fault(
        text,
        message.startsWith(spelling) ? `invalid ${name} ${message.slice(spelling.length)}` : message,
      );
    }
  }

  fault(at: Position, why: string): PromtapError {
    return faultAt(this.path, at, why);
  }

  #textOf(node: Node, name: string, takesList: boolean): TextNode {
    if (node.kind === "text" && !isNothing(node)) return node;
    const kind = node.kind === "text" ? "nothing" : `a ${node.kind}`;
    throw this.fault(node, `${kind} stands behind ${name}; give a value${takesList ? " or a list of them" : ""}`);
  }

  /** Names of files are relative to the folder of this one. */
  #resolved(flag: Flag, text: FileText): FileText {
    return isPath(flag, text.text) ? { ...text, text: this.resolve(text.text) } : text;
  }

  resolve(path: string): string {
    return resolve(dirname(this.path), path);
  }

  #unknown(at: Position, name: string, keys: Keys, prefix: string): PromtapError {
    const likely = nearest(name.slice(prefix.length), keys.keys());
    const advice =
      likely === undefined ? `legal are ${[...keys.keys()].join(", ")}` : `did you mean ${prefix}${likely}?`;
    return this.fault(at, `unknown key ${JSON.stringify(name)}; ${advice}`);
  }
}
