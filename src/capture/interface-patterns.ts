/*
 * Patterns of the names of interfaces:
 *
 *   *      any text            [abc], [a-c]   one of these characters      auto   the edge of the host
 *   ?      any character       [!abc]         one that is none of these    !...   leaves out what is named by the rest
 *   \*     the character itself, of those that mean something, and of the comma, which separates patterns in a list
 *   \xNN   a byte, as names are written that aren't UTF-8: see interfaceNameOf
 */

/** Stands for the edge of the host: each packet that enters or leaves it passes one of these interfaces. */
export const AUTO = "auto";

const SPECIAL = "*?[]!,\\";
/** A byte of a name that isn't UTF-8: one character. */
const BYTE = String.raw`\\x[0-9a-f]{2}`;

/** Anything with names, such as a Link. */
export interface Named {
  readonly name: string;
  readonly altNames: readonly string[];
}

/** A pattern without its `!`. */
class Pattern {
  readonly text: string;
  /** The name that it is, if it is one in full. */
  readonly fullName: string | undefined;
  readonly #expression: RegExp;
  /** A name that is written as the pattern is, such as one with brackets, is meant as well. */
  readonly #literal: string | undefined;

  constructor(text: string) {
    const { source, fullName } = translate(text);
    this.text = text;
    this.fullName = fullName;
    this.#literal = text.includes("\\") ? undefined : text;
    this.#expression = new RegExp(`^${source}$`, "u");
  }

  matches({ name, altNames }: Named): boolean {
    return [name, ...altNames].some((each) => each === this.#literal || this.#expression.test(each));
  }
}

/** What several patterns name together; an interface answers to all its names. */
export class InterfacePatterns {
  /** Whether the edge of the host is among them: by AUTO, or because they only leave out. */
  readonly hasAuto: boolean;
  /** Whether each is the name of one interface. */
  readonly isFixed: boolean;
  readonly #patterns: readonly Pattern[];
  readonly #excluded: readonly Pattern[];

  /** Throws Error if a pattern is none. */
  constructor(texts: readonly string[]) {
    const named = texts.filter((text) => text !== AUTO && !text.startsWith("!"));
    this.#patterns = named.map((text) => new Pattern(text));
    this.#excluded = texts.filter((text) => text.startsWith("!")).map((text) => new Pattern(text.slice(1)));
    this.hasAuto = texts.includes(AUTO) || (named.length === 0 && this.#excluded.length > 0);
    this.isFixed = !this.hasAuto && this.#patterns.every(({ fullName }) => fullName !== undefined);
  }

  /** Whether a pattern but AUTO names it, and none leaves it out; one that is named in full is never left out. */
  names(link: Named): boolean {
    return this.namesInFull(link) || (this.#patterns.some((pattern) => pattern.matches(link)) && !this.leavesOut(link));
  }

  namesInFull(link: Named): boolean {
    return this.#patterns.some((pattern) => pattern.fullName !== undefined && pattern.matches(link));
  }

  leavesOut(link: Named): boolean {
    return this.#excluded.some((pattern) => pattern.matches(link));
  }

  /** The full names that none of these has. */
  missing(links: readonly Named[]): string[] {
    return this.#patterns.flatMap((pattern) => {
      if (pattern.fullName === undefined || links.some((link) => pattern.matches(link))) return [];
      return [pattern.fullName];
    });
  }

  /** The patterns that name none of these, AUTO if none of these is of the edge. */
  idle(links: readonly Named[], edge: readonly Named[]): string[] {
    const idle = this.#patterns.filter((pattern) => !links.some((link) => pattern.matches(link) && this.names(link)));
    const isAutoIdle = this.hasAuto && !edge.some((link) => !this.leavesOut(link));
    return [...(isAutoIdle ? [AUTO] : []), ...idle.map(({ text }) => text)];
  }
}

/** The patterns of a list, without the spaces around them. */
export function splitPatterns(list: string): string[] {
  const parts = [""];
  for (let at = 0; at < list.length; at++) {
    const character = list[at]!;
    if (character === ",") parts.push("");
    else if (character !== "\\") parts[parts.length - 1] += character;
    // What follows a backslash separates nothing.
    else parts[parts.length - 1] += character + (list[++at] ?? "");
  }
  return parts.map((part) => part.trim());
}

/** A pattern as the source of a regular expression, and as the name that it is if nothing in it has a meaning. */
function translate(text: string): { source: string; fullName: string | undefined } {
  let source = "";
  let fullName: string | undefined = "";
  for (let at = 0; at < text.length;) {
    const { length, character, expression } = token(text, at);
    source += expression ?? escaped(character!);
    fullName = expression === undefined && fullName !== undefined ? fullName + character! : undefined;
    at += length;
  }
  return { source, fullName };
}

interface Token {
  length: number;
  /** What it stands for, if that is one text. */
  character?: string;
  expression?: string;
}

function token(text: string, at: number): Token {
  const character = String.fromCodePoint(text.codePointAt(at)!);
  if (character === "*") return { length: 1, expression: "[^]*" };
  if (character === "?") return { length: 1, expression: oneOf("[^]") };
  if (character === "[") return setToken(text, at);
  if (character === "\\") return escapeToken(text, at);
  return { length: character.length, character };
}

function escapeToken(text: string, at: number): Token {
  const [byte, digits] = /^\\x([0-9a-f]{2})/i.exec(text.slice(at)) ?? [];
  if (byte !== undefined) {
    const code = parseInt(digits!, 16);
    // The others are plain in every name.
    const isEscaped = code >= 0x80 || code === 0x5c;
    return { length: byte.length, character: isEscaped ? byte.toLowerCase() : String.fromCharCode(code) };
  }
  const next = text[at + 1];
  const isSpecial = next !== undefined && SPECIAL.includes(next);
  return { length: isSpecial ? 2 : 1, character: isSpecial ? next : "\\" };
}

/** A set of characters, whose first may be a bracket as in a shell. Throws Error if it does not end. */
function setToken(text: string, at: number): Token {
  const [set, negation, members] = /^\[([!^]?)(\]?[^\]]*)\]/.exec(text.slice(at)) ?? [];
  if (set === undefined || members === "") throw new Error("[ has no ]; write \\[ for the character itself");
  const ranges = members!.replaceAll(/[\\\]^[]/g, String.raw`\$&`);
  const expression = negation === "" ? `[${ranges}]` : oneOf(`[^${ranges}]`);
  try {
    void new RegExp(expression, "u");
  } catch {
    throw new Error(`${set} is no set of characters`);
  }
  return { length: set.length, expression };
}

/** One character, be it a byte or one of these. */
function oneOf(set: string): string {
  return `(?:${BYTE}|(?!${BYTE})${set})`;
}

function escaped(character: string): string {
  return character.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
