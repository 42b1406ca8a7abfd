/*
 * Rules as iptables-save writes them. A word is bare, or in double quotes with a backslash before each double quote,
 * single quote and backslash in it (xtables_save_string in libxtables/xtables.c). Anything else in quotes stands for
 * itself, line ends included, so that a rule may take several lines. Names of interfaces and chains are written as they
 * are, so that a bare word may have quotes in it, and even begin with one: then no quote closes it at the end of a word.
 */

/** Longest rule that is read, in UTF-16 code units; iptables-restore itself stops at 10 KiB. */
const MAX_RULE_LENGTH = 64 * 1024;
const LINE_END = 10;
const SPACE = 32;
const QUOTE = 34;
const RULE_START = 91; // "["
const BACKSLASH = 92;

/** Cuts a dump, which comes in pieces, into rules and other lines. */
export class RuleLines {
  readonly #onLine: (line: string | null) => void;
  /** The start of a line whose end has not come yet. */
  #rest = "";
  /** Whether the next line is the end of one that is too long. */
  #isSkipping = false;

  /** `onLine` is called with each line, without its end; null stands for one that can't be read. */
  constructor(onLine: (line: string | null) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    this.#rest = this.#cut(this.#rest + text, false);
    if (this.#rest.length <= MAX_RULE_LENGTH) return;
    if (!this.#isSkipping) this.#onLine(null);
    this.#isSkipping = true;
    this.#rest = "";
  }

  /** There is no more. */
  end(): void {
    if (this.#rest !== "") this.#cut(this.#rest.endsWith("\n") ? this.#rest : `${this.#rest}\n`, true);
    this.#rest = "";
  }

  /** Cuts off what is whole, returns the rest. */
  #cut(text: string, isLast: boolean): string {
    let quote = -1;
    for (let at = 0; ;) {
      const lineEnd = text.indexOf("\n", at);
      if (lineEnd < 0) return text.slice(at);
      if (quote < at) quote = wordInQuotes(text, at);
      const isQuoted = quote < lineEnd && text.charCodeAt(at) === RULE_START && !this.#isSkipping;
      const ruleEnd = isQuoted ? endOfRule(text, quote) : lineEnd;
      if (ruleEnd < 0 && !isLast && text.length - at <= MAX_RULE_LENGTH) return text.slice(at);
      if (this.#isSkipping) this.#isSkipping = false;
      else this.#onLine(ruleEnd < 0 || ruleEnd - at > MAX_RULE_LENGTH ? null : text.slice(at, ruleEnd));
      // A quote that nothing closes spoils its own line, not those after it.
      at = (ruleEnd < 0 ? lineEnd : ruleEnd) + 1;
    }
  }
}

/** A word without its quotes and escapes, and where it ends in the rule. */
export interface Word {
  readonly text: string;
  readonly end: number;
}

/** Reads the word that starts at `at`, or after spaces there; undefined if there is none. */
export function readWord(rule: string, at: number): Word | undefined {
  while (rule.charCodeAt(at) === SPACE) at++;
  if (at >= rule.length) return undefined;
  const close = rule.charCodeAt(at) === QUOTE ? endOfQuoted(rule, at) : -1;
  if (close > at) return { text: rule.slice(at + 1, close).replace(/\\([^])/g, "$1"), end: close + 1 };
  const space = rule.indexOf(" ", at);
  const end = space < 0 ? rule.length : space;
  return { text: rule.slice(at, end), end };
}

/** Where the first space stands that a quoted word follows, at or after `at`; Infinity if there is none. */
function wordInQuotes(text: string, at: number): number {
  const found = text.indexOf(' "', at);
  return found < 0 ? Number.POSITIVE_INFINITY : found;
}

/** The line end that ends the rule, given its first quoted word; -1 if that, or another, has no end. */
function endOfRule(text: string, quote: number): number {
  for (;;) {
    const end = endOfQuoted(text, quote + 1);
    const lineEnd = end < 0 ? -1 : text.indexOf("\n", end);
    if (lineEnd < 0) return -1;
    quote = wordInQuotes(text, end + 1);
    if (quote > lineEnd) return lineEnd;
  }
}

/** The closing quote of the word that the quote at `at` opens; `at` if that is a part of a bare word, -1 if none is left. */
function endOfQuoted(text: string, at: number): number {
  const close = closingQuote(text, at + 1);
  const next = text.charCodeAt(close + 1);
  return close < 0 || close + 1 === text.length || next === SPACE || next === LINE_END ? close : at;
}

function closingQuote(text: string, at: number): number {
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return -1;
}
