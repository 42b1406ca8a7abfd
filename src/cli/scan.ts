import { type CommandLine, type Flag, type GivenFlags, spellingOf } from "../config/flag.ts";
import { nearest } from "../config/spelling.ts";
import { ALL_FLAGS } from "../daemon/config.ts";
import { ErrorCode, PromtapError } from "../errors.ts";

/** Every spelling of a flag, without its dashes → the flag. */
const SPELLINGS: ReadonlyMap<string, Flag> = new Map(
  ALL_FLAGS.flatMap((flag) =>
    [flag.name, flag.short ?? [], flag.aliases ?? []].flat().map((spelling) => [spelling, flag] as const),
  ),
);

/** `no-collector.geoip` and so on, as exporters of Prometheus have them → the flag that is not in force. */
const DENIALS: ReadonlyMap<string, Flag> = new Map(
  [...SPELLINGS].flatMap(([name, flag]) => (name.startsWith("collector.") ? [[`no-${name}`, flag] as const] : [])),
);

/**
 * Reads arguments the way getopt_long(3) does, without its abbreviations, and as Go's package flag does: a name may have
 * one dash or two. Throws a usage error where citty would guess: at flags it does not know, repeated ones, values that
 * look like flags and arguments without a flag.
 */
export function scanFlags(argv: readonly string[]): GivenFlags {
  return scanCommandLine(argv).given;
}

/** Likewise; `denied`: flags that were given as `--flag=false` or `--no-collector.flag`, which are not in force whatever else says so. */
export function scanCommandLine(argv: readonly string[]): CommandLine {
  const given = new Map<string, string[]>();
  const denied = new Set<string>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    const stray = word === "--" ? argv[index + 1] : word;
    if (stray === undefined) break;
    if (word === "--" || word === "-" || !word.startsWith("-")) {
      throw usage(`unexpected argument ${JSON.stringify(stray)}: no flag takes it`);
    }
    const { flag, glued } = splitWord(word);
    if (flag.value === undefined) {
      setSwitch(given, denied, flag, glued);
      continue;
    }
    const value = glued ?? separateValue(flag, argv[++index]);
    const values = given.get(flag.name);
    if (values === undefined) given.set(flag.name, [value]);
    else if (flag.isRepeatable) values.push(value);
    else throw usage(`${spellingOf(flag)} is given twice: it takes one value`);
  }
  return { given, denied };
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
  const denied = equals === undefined ? DENIALS.get(name) : undefined;
  if (denied !== undefined) return { flag: denied, glued: "false" };
  const flag = dashes === "-" ? SPELLINGS.get(name.slice(0, 1)) : undefined;
  if (flag?.value === undefined || (equals && !name.includes(":"))) throw unknown(`${dashes}${name}`, name);
  return { flag, glued: word.slice(2) };
}

/** A flag without a value, or with the one that Go's package flag prints for it. */
function setSwitch(given: Map<string, string[]>, denied: Set<string>, flag: Flag, glued: string | undefined): void {
  if (glued !== undefined && glued !== "true" && glued !== "false") throw usage(`--${flag.name} takes no value`);
  given.delete(flag.name);
  denied.delete(flag.name);
  if (glued === "false") denied.add(flag.name);
  else given.set(flag.name, [""]);
}

function separateValue(flag: Flag, value: string | undefined): string {
  if (value === undefined) throw usage(`${spellingOf(flag)} needs a value: ${flag.value}`);
  if (value === "-" || !value.startsWith("-")) return value;
  throw usage(
    `${spellingOf(flag)} needs a value, and ${value} looks like a flag; if it is none: --${flag.name}=${value}`,
  );
}

function unknown(spelling: string, name: string): PromtapError {
  const likely = nearest(
    name,
    [...SPELLINGS.keys()].filter((known) => known.length > 1),
  );
  return usage(`unknown flag ${spelling}${likely === undefined ? "" : `; did you mean --${likely}?`}`);
}

function usage(message: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, `${message}${message.endsWith("?") ? "" : ";"} see promtap --help`);
}
