import { labelNameFault } from "../../config/label-names.ts";
import { grown, lengthened } from "../../grown-array.ts";
import { nameHash } from "../../ledger/zones/name-hash.ts";
import { Names, NO_NAME } from "../../ledger/zones/names.ts";
import type { PrefixSet } from "../prefix-set.ts";
import { LabelWriter } from "./label-writer.ts";
import { Prefix } from "./prefix.ts";

/** Far more than any network has; the bound of what a broken list may ask for. */
export const MAX_PREFIXES = 2 ** 22;
/** Far more than any list has. */
const MAX_LABELS = 32;
const MAX_VALUE_LENGTH = 1024;
/** What the page says itself of customers; `prefix` is how lists call what has the labels. */
const RESERVED_LABELS = ["direction", "prefix"];
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Fields of a line: bytes[spans[2k], spans[2k + 1]) is the one in column k. */
export interface Fields {
  readonly bytes: Uint8Array;
  readonly spans: Uint32Array;
}

/** Which column holds what. */
export interface Columns {
  readonly prefix: number;
  /** Of each label, by its index. */
  readonly labels: readonly (number | undefined)[];
}

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
  /** The labels by their names: in this order they are written, whichever a list has first. */
  #order: readonly number[] = [];
  #count = 0;
  #versions = new Uint8Array(1024);
  #words = new Uint32Array(4 * 1024);
  #bits = new Uint8Array(1024);
  #sets = new Uint32Array(1024);
  #lines = new Uint32Array(1024);
  readonly #writer = new LabelWriter();
  /** The label sets, as the page has them. */
  readonly #labels = new Names();

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
    this.#writer.name(name);
    const index = this.#names.push(name) - 1;
    this.#order = [...this.#names.keys()].toSorted((a, b) => (this.#names[a]! < this.#names[b]! ? -1 : 1));
    return index;
  }

  /** Adds a prefix with the values of labels, by their index; returns why it can't be added, undefined when it was. */
  add(text: string, values: readonly string[], line: number): string | undefined {
    let fault = this.#prefix.parse(text);
    if (fault !== undefined) return fault;
    this.#writer.clear();
    for (const label of this.#order) {
      const value = values[label] ?? "";
      if (value !== "") fault ??= this.#writeText(label, value);
    }
    if (fault === undefined) this.#add(line);
    return fault;
  }

  /** Likewise, of a line that is fields. */
  addFields({ bytes, spans }: Fields, columns: Columns, line: number): string | undefined {
    let fault = this.#prefix.parseBytes(bytes, spans[2 * columns.prefix]!, spans[2 * columns.prefix + 1]!);
    if (fault !== undefined) return fault;
    this.#writer.clear();
    for (let k = 0; k < this.#order.length && fault === undefined; k++) {
      const label = this.#order[k]!;
      const column = columns.labels[label];
      if (column === undefined) continue;
      const [from, to] = [spans[2 * column]!, spans[2 * column + 1]!];
      if (from === to) continue;
      if (to - from <= MAX_VALUE_LENGTH && this.#writer.ascii(label, bytes, from, to)) continue;
      fault = this.#writeText(label, decoder.decode(bytes.subarray(from, to)));
    }
    if (fault === undefined) this.#add(line);
    return fault;
  }

  /** The set; it has its arrays for itself. */
  set(): PrefixSet {
    const count = this.#count;
    return {
      labelNames: this.#order.map((label) => this.#names[label]!),
      count,
      versions: this.#versions.slice(0, count),
      words: this.#words.slice(0, 4 * count),
      bits: this.#bits.slice(0, count),
      sets: this.#sets.slice(0, count),
      labels: this.#labels.texts(),
    };
  }

  /** Returns why a value can't be one instead. */
  #writeText(label: number, value: string): string | undefined {
    const fault = valueFault(value);
    if (fault === undefined) this.#writer.text(label, value);
    return fault;
  }

  /** Adds the prefix that was parsed, with the labels that were written. */
  #add(line: number): void {
    const { bytes, length } = this.#writer;
    const hash = nameHash(bytes, 0, length);
    const known = this.#labels.find(bytes, 0, length, hash);
    const index = this.#count++;
    if (index === this.#versions.length) this.#grow();
    this.#versions[index] = this.#prefix.version;
    for (let word = 0; word < 4; word++) this.#words[4 * index + word] = this.#prefix.words[word]!;
    this.#bits[index] = this.#prefix.bits;
    this.#sets[index] = known === NO_NAME ? this.#labels.add(bytes, 0, length, hash) : known;
    this.#lines[index] = line;
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
  if (!value.isWellFormed()) return "a label holds half of a surrogate pair; write both";
  if (value.length <= MAX_VALUE_LENGTH) return undefined;
  return `a label has more than ${MAX_VALUE_LENGTH} characters; give a shorter one`;
}
