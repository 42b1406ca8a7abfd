import type { GivenFlags } from "../config/values.ts";
import { ErrorCode, PromtapError } from "../errors.ts";
import { ALL_FLAGS, type Flag } from "./flags.ts";

/**
 * Reads arguments the way getopt_long(3) does, without its abbreviations, and throws a usage error where citty would
 * guess: at flags it does not know, repeated ones, `-i=eth0`, values that look like flags and arguments without a flag.
 */
export function scanFlags(argv: readonly string[]): GivenFlags {
  const given = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    const stray = word === "--" ? argv[index + 1] : word;
    if (stray === undefined) break;
    if (word === "--" || word === "-" || !word.startsWith("-")) {
      throw usage(`unexpected argument ${JSON.stringify(stray)}: no flag takes it`);
    }
    const { flag, glued } = word.startsWith("--") ? splitLong(word) : splitShort(word);
    const separate = flag.value !== undefined && glued === undefined;
    const value = separate ? separateValue(flag, argv[++index]) : (glued ?? "");
    const values = given.get(flag.name) ?? [];
    if (values.length > 0 && flag.value !== undefined && !flag.repeatable) {
      throw usage(`${spell(flag)} is given twice: it takes one value`);
    }
    given.set(flag.name, [...values, value]);
  }
  return given;
}

interface SplitWord {
  flag: Flag;
  /** The value that is part of the same word. */
  glued: string | undefined;
}

function splitLong(word: string): SplitWord {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = ALL_FLAGS.find((candidate) => candidate.name === name || candidate.alias === name);
  if (flag === undefined) throw unknown(`--${name}`, name);
  if (equals < 0) return { flag, glued: undefined };
  if (flag.value === undefined) throw usage(`--${name} takes no value`);
  return { flag, glued: word.slice(equals + 1) };
}

function splitShort(word: string): SplitWord {
  const glued = word.slice(2);
  const flag = ALL_FLAGS.find((candidate) => candidate.short === word[1]);
  if (flag === undefined || (flag.value === undefined && glued !== "")) throw unknown(word, word.slice(1));
  if (glued.startsWith("=")) {
    // To getopt(3) the "=" is a part of the value; nobody who writes it means that.
    const value = glued.slice(1);
    throw usage(`invalid ${word}; legal is -${flag.short} ${value}, -${flag.short}${value} or --${flag.name}${glued}`);
  }
  return { flag, glued: glued === "" ? undefined : glued };
}

function separateValue(flag: Flag, value: string | undefined): string {
  if (value === undefined) throw usage(`${spell(flag)} needs a value: ${flag.value}`);
  if (value === "-" || !value.startsWith("-")) return value;
  throw usage(`${spell(flag)} needs a value, and ${value} looks like a flag; if it is none: --${flag.name}=${value}`);
}

function spell(flag: Flag): string {
  return flag.short === undefined ? `--${flag.name}` : `-${flag.short}`;
}

function unknown(spelling: string, name: string): PromtapError {
  const likely = ALL_FLAGS.map((flag) => ({ name: flag.name, distance: distance(name, flag.name) }))
    .filter((flag) => flag.distance <= Math.max(2, name.length / 4) && flag.distance < name.length)
    .toSorted((a, b) => a.distance - b.distance)[0];
  return usage(`unknown flag ${spelling}${likely === undefined ? "" : `; did you mean --${likely.name}?`}`);
}

function usage(message: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, `${message}${message.endsWith("?") ? "" : ";"} see promtap --help`);
}

/** Characters to insert, delete or change to make one word the other (Levenshtein); a missing "web." counts nothing. */
function distance(from: string, to: string): number {
  if (to.endsWith(`.${from}`)) return 0;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const change = row[at - 1]! + (from[index] === to[at - 1] ? 0 : 1);
      next.push(Math.min(change, row[at]! + 1, next[at - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
