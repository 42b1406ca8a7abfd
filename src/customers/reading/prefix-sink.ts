import { labelNameFault } from "../../config/label-names.ts";
import { grown, lengthened } from "../../grown-array.ts";
import type { PrefixSet } from "../prefix-set.ts";
import { Prefix } from "./prefix.ts";

/** Far more than any network has; the bound of what a broken list may ask for. */
export const MAX_PREFIXES = 2 ** 22;
/** Far more than any list has. */
const MAX_LABELS = 32;
const MAX_VALUE_LENGTH = 1024;
/** What the page says itself of customers; `prefix` is how lists call what has the labels. */
const RESERVED_LABELS = ["direction", "prefix"];
/** More than all prefixes can have. */
const MAX_VALUES = 2 ** 27;
const NONE = -1;

/** What is wrong with a list, and where. The message is what is wrong alone. */
export class ListFault extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = "ListFault";
    this.line = line;
  }
}

/** Told of what is wrong in a line, and may throw it. */
export type Refusal = (line: number, why: string) => void;

/** Collects the prefixes of lists into a set. */
export class PrefixSink {
  readonly #prefix = new Prefix();
  readonly #names: string[] = [];
  #count = 0;
  #versions = new Uint8Array(1024);
  #words = new Uint32Array(4 * 1024);
  #bits = new Uint8Array(1024);
  #sets = new Uint32Array(1024);
  #lines = new Uint32Array(1024);
  readonly #labelSets: string[][] = [];
  /** Number of each value, by the index of its label. */
  readonly #values: Map<string, number>[] = [];
  #valueCount = 0;
  /**
   * The values of a prefix are a path from node 0, in the order of their labels and without those that are empty: node
   * and number of a value → next node.
   */
  readonly #edges = new Map<number, number>();
  /** Index of the label set of each node; NONE if it is only on the path to others. */
  readonly #setAt: number[] = [NONE];

  get count(): number {
    return this.#count;
  }

  /** The line that a prefix was in. */
  line(index: number): number {
    return this.#lines[index]!;
  }

  /** Index of a label; returns why it can't be one instead. */
  label(name: string): number | string {
    const known = this.#names.indexOf(name);
    if (known >= 0) return known;
    const fault = labelNameFault(name, RESERVED_LABELS);
    if (fault !== undefined) return `${fault.why}; legal is ${fault.legal}`;
    if (this.#names.length === MAX_LABELS) return `there are more than ${MAX_LABELS} different labels; give fewer`;
    this.#values.push(new Map());
    return this.#names.push(name) - 1;
  }

  /** Adds a prefix with the values of labels, by their index; returns why it can't be added, undefined when it was. */
  add(text: string, values: readonly string[], line: number): string | undefined {
    const fault = this.#prefix.parse(text);
    if (fault !== undefined) return fault;
    const set = this.#setOf(values);
    if (typeof set === "string") return set;
    const index = this.#count++;
    if (index === this.#versions.length) this.#grow();
    this.#versions[index] = this.#prefix.version;
    this.#words.set(this.#prefix.words, 4 * index);
    this.#bits[index] = this.#prefix.bits;
    this.#sets[index] = set;
    this.#lines[index] = line;
    return undefined;
  }

  /** The set; it has its arrays for itself. */
  set(): PrefixSet {
    const count = this.#count;
    const width = this.#names.length;
    return {
      labelNames: [...this.#names],
      count,
      versions: this.#versions.slice(0, count),
      words: this.#words.slice(0, 4 * count),
      bits: this.#bits.slice(0, count),
      sets: this.#sets.slice(0, count),
      labelSets: this.#labelSets.map((values) => [...values, ...Array<string>(width - values.length).fill("")]),
    };
  }

  /** Returns why a value can't be one instead. */
  #setOf(values: readonly string[]): number | string {
    let node = 0;
    for (let label = 0; label < values.length; label++) {
      const value = values[label]!;
      if (value === "") continue;
      const number = this.#values[label]!.get(value) ?? this.#newValue(label, value);
      if (typeof number === "string") return number;
      const edge = node * MAX_VALUES + number;
      node = this.#edges.get(edge) ?? this.#newNode(edge);
    }
    const set = this.#setAt[node]!;
    if (set !== NONE) return set;
    return (this.#setAt[node] = this.#labelSets.push([...values]) - 1);
  }

  #newValue(label: number, value: string): number | string {
    const fault = valueFault(value);
    if (fault !== undefined) return fault;
    // A value that was cut out of a text would keep all of it.
    this.#values[label]!.set(Buffer.from(value).toString(), this.#valueCount);
    return this.#valueCount++;
  }

  #newNode(edge: number): number {
    const node = this.#setAt.push(NONE) - 1;
    this.#edges.set(edge, node);
    return node;
  }

  #grow(): void {
    this.#versions = grown(this.#versions);
    this.#words = lengthened(this.#words, 4 * this.#versions.length);
    this.#bits = grown(this.#bits);
    this.#sets = grown(this.#sets);
    this.#lines = grown(this.#lines);
  }
}

function valueFault(value: string): string | undefined {
  if (value.includes("\0")) return "a label holds a zero byte; leave it out";
  if (value.includes("\uFFFD")) return "a label is no UTF-8; save the list as UTF-8";
  if (value.length <= MAX_VALUE_LENGTH) return undefined;
  return `a label has more than ${MAX_VALUE_LENGTH} characters; give a shorter one`;
}
