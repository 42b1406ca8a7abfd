import { addTo } from "../counts.ts";
import { type ChainOrder, orderOf } from "../kernel/order.ts";
import { type Chain, placeKey, type ReadOptions, RuleBook } from "../rule-book.ts";
import { Shown } from "./shown.ts";
import { readWord, RuleLines } from "./words.ts";

const TABLE = /^\*(\S+)$/;
/** Of a name with spaces, the last two words are still the policy and the counters. */
const CHAIN = /^:(.+) ([^ ]+) \[(\d{1,20}):(\d{1,20})\]$/s;
/** A name may hold what Unicode takes for white space. */
const RULE = /^\[(\d{1,20}):(\d{1,20})\] -A ([^ ]+)(?: |$)/;
/** What iptables-nft-save says of a table with chains that it can't show, because nft added them. */
const PARTIAL = /^# Table `(.+)' contains incompatible/;
const COMMENT = "--comment";

/**
 * Reads the output of `iptables-save -c`, piece by piece. A line that can't be read is counted and skipped.
 *
 *     *TABLE
 *     :CHAIN POLICY [PACKETS:BYTES]
 *     [PACKETS:BYTES] -A CHAIN RULE
 *     COMMIT
 */
export class Dump {
  readonly book: RuleBook;
  readonly shown: Shown;
  readonly #withComments: boolean;
  readonly #decoder = new TextDecoder();
  readonly #lines = new RuleLines((line) => {
    if (line === null || !this.#readLine(line)) this.#unreadable++;
  });
  /** The table that the lines are in, and the chain that the last one was of. */
  #table: string | undefined;
  #chain: { readonly name: string; readonly chain: Chain; readonly order: ChainOrder } | undefined;
  #unreadable = 0;

  constructor(family: string, { maxSeries, withComments }: ReadOptions) {
    this.shown = new Shown(family);
    this.book = new RuleBook(maxSeries);
    this.#withComments = withComments;
  }

  /** Lines that could not be read. */
  get unreadable(): number {
    return this.#unreadable;
  }

  get isEmpty(): boolean {
    return this.shown.tables.size === 0;
  }

  read(bytes: Uint8Array): void {
    this.#lines.push(this.#decoder.decode(bytes, { stream: true }));
  }

  /** There is no more. Throws if that can't be all, or nothing of it could be read. */
  end(): void {
    this.#lines.push(this.#decoder.decode());
    this.#lines.end();
    if (this.#table !== undefined) throw new Error(`its output ends in the middle of table ${this.#table}`);
    if (this.isEmpty && this.#unreadable > 0) throw new Error("its output is none of iptables-save");
  }

  /** Tells whether the line could be read. */
  #readLine(line: string): boolean {
    if (this.#table !== undefined && line.startsWith("[")) return this.#readRule(line, this.#table);
    if (this.#table !== undefined && line.startsWith(":")) return this.#readChain(line, this.#table);
    if (line.startsWith("#")) return this.#readRemark(line);
    if (line === "COMMIT") return this.#enter(undefined);
    const table = TABLE.exec(line)?.[1];
    return table === undefined ? line.trim() === "" : this.#enter(table);
  }

  #enter(table: string | undefined): boolean {
    this.#table = table;
    this.#chain = undefined;
    if (table !== undefined) this.shown.tables.add(table);
    return true;
  }

  #readRemark(line: string): boolean {
    const table = PARTIAL.exec(line)?.[1];
    if (table !== undefined) this.shown.partial.add(table);
    return true;
  }

  #readChain(line: string, table: string): boolean {
    const [, name, policy, packets, bytes] = CHAIN.exec(line) ?? [];
    if (name === undefined || policy === undefined) return false;
    const { chain } = this.#chainOf(table, name);
    chain.policy = chain.name === name ? policy : "-";
    addTo(this.book.counts, chain.slot, Number(packets), Number(bytes));
    return true;
  }

  #readRule(line: string, table: string): boolean {
    const [start, packets, bytes, name] = RULE.exec(line) ?? [];
    if (start === undefined || name === undefined) return false;
    const text = withoutSpacesBehind(line.slice(start.length));
    const comment = this.#withComments ? commentOf(text) : "";
    const { chain, order } = this.#chainOf(table, name);
    order.slots.push(this.book.addRule(chain, text, comment, Number(packets), Number(bytes)));
    return true;
  }

  #chainOf(table: string, name: string): { chain: Chain; order: ChainOrder } {
    if (this.#chain?.name !== name) {
      const { family } = this.shown;
      const chain = this.book.chain(family, table, name);
      this.#chain = { name, chain, order: orderOf(this.shown.order, placeKey(family, table, name), chain.slot) };
    }
    return this.#chain;
  }
}

function withoutSpacesBehind(text: string): string {
  let end = text.length;
  while (text[end - 1] === " ") end--;
  return text.slice(0, end);
}

/** The comments of a rule; iptables takes several, if seldom given. */
function commentOf(rule: string): string {
  if (!rule.includes(COMMENT)) return "";
  const comments: string[] = [];
  for (let word = readWord(rule, 0); word !== undefined; word = readWord(rule, word.end)) {
    // In quotes it is the value of another option.
    if (!rule.startsWith(COMMENT, word.end - COMMENT.length)) continue;
    const comment = readWord(rule, word.end);
    if (comment === undefined) break;
    comments.push(comment.text);
    word = comment;
  }
  return comments.join("; ");
}
