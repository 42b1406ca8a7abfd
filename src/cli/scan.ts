import { type Flag, type GivenFlags, spellingOf } from "../config/flag.ts";
import { ALL_FLAGS } from "../daemon/config.ts";
import { ErrorCode, PromtapError } from "../errors.ts";

/** Every spelling of a flag, without its dashes → the flag. */
const SPELLINGS: ReadonlyMap<string, Flag> = new Map(
  ALL_FLAGS.flatMap((flag) =>
    [flag.name, flag.short ?? [], flag.aliases ?? []].flat().map((spelling) => [spelling, flag] as const),
  ),
);

/**
 * Reads arguments the way getopt_long(3) does, without its abbreviations, and as Go's package flag does: a name may have
 * one dash or two. Throws a usage error where citty would guess: at flags it does not know, repeated ones, values that
 * look like flags and arguments without a flag.
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
    const { flag, glued } = splitWord(word);
    if (flag.value === undefined) {
      setSwitch(given, flag, glued);
      continue;
    }
    const value = glued ?? separateValue(flag, argv[++index]);
    const values = given.get(flag.name);
    if (values === undefined) given.set(flag.name, [value]);
    else if (flag.isRepeatable) values.push(value);
    else throw usage(`${spellingOf(flag)} is given twice: it takes one value`);
  }
  return given;
}

interface SplitWord {
  flag: Flag;
  /** The value that is part of the same word. */
  glued: string | undefined;
}

/**
 * A word with one dash that is the name of a flag is that flag, as in Go's programs; else it begins with a short flag and
 * its value follows, as getopt has it: `-interface` is no interface named `nterface`, `-ieth0` is one named `eth0`. A
 * value that seems to hold another one is taken for a typing error, as in `-intervall=10`, but not the labels of a range,
 * which follow a colon.
 */
function splitWord(word: string): SplitWord {
  const [, dashes = "", name = "", equals, value] = /^(--?)([^=]*)(=)?([^]*)$/.exec(word)!;
  const named = SPELLINGS.get(name);
  if (named !== undefined) return { flag: named, glued: equals && value };
  const flag = dashes === "-" ? SPELLINGS.get(name.slice(0, 1)) : undefined;
  if (flag?.value === undefined || (equals && !name.includes(":"))) throw unknown(`${dashes}${name}`, name);
  return { flag, glued: word.slice(2) };
}

/** A flag without a value, or with the one that Go's package flag prints for it. */
function setSwitch(given: Map<string, string[]>, flag: Flag, glued: string | undefined): void {
  if (glued === "false") given.delete(flag.name);
  else if (glued === undefined || glued === "true") given.set(flag.name, [""]);
  else throw usage(`--${flag.name} takes no value`);
}

function separateValue(flag: Flag, value: string | undefined): string {
  if (value === undefined) throw usage(`${spellingOf(flag)} needs a value: ${flag.value}`);
  if (value === "-" || !value.startsWith("-")) return value;
  throw usage(
    `${spellingOf(flag)} needs a value, and ${value} looks like a flag; if it is none: --${flag.name}=${value}`,
  );
}

function unknown(spelling: string, name: string): PromtapError {
  const likely = [...SPELLINGS.keys()]
    .filter((spelling) => spelling.length > 1)
    .map((spelling) => ({ name: spelling, distance: distance(name, spelling) }))
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
