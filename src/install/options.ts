import { usageError } from "../config/flag.ts";

/** What stands in a command line before `--`: switches, and flags with a value. */
export interface Options {
  readonly switches: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  /** Words that belong to no flag. */
  readonly words: readonly string[];
  /** What stands behind `--`. */
  readonly rest: readonly string[];
}

/** What a command takes. */
export interface Accepted {
  readonly command: string;
  readonly switches: readonly string[];
  readonly valued: readonly string[];
  /** How many words without a flag. */
  readonly words: number;
  /** Whether flags of promtap may follow behind `--`. */
  readonly hasRest: boolean;
}

/** Reads the words of a command that changes the machine. Throws a usage error. */
export function readOptions(argv: readonly string[], accepted: Accepted): Options {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const switches = new Set<string>();
  const values = new Map<string, string>();
  const words: string[] = [];
  for (let index = 0; index < end; index++) {
    const word = argv[index]!;
    const [, name = "", glued] = /^--([\w-]+)(?:=([^]*))?$/.exec(word) ?? [];
    if (accepted.switches.includes(name) && glued === undefined) switches.add(name);
    else if (accepted.valued.includes(name)) values.set(name, glued ?? valueOf(word, index + 1 < end, argv[++index]));
    else if (word.startsWith("-") || words.length === accepted.words) throw stray(word, accepted);
    else words.push(word);
  }
  const rest = argv.slice(end + 1);
  if (end < argv.length && !accepted.hasRest) throw usageError(`${accepted.command} takes nothing behind --`);
  if (words.length < accepted.words) throw usageError(`${accepted.command} needs a file`);
  return { switches, values, words, rest };
}

function valueOf(word: string, isThere: boolean, value = ""): string {
  if (!isThere || value.startsWith("--") || value === "") throw usageError(`${word} needs a value`);
  return value;
}

function stray(word: string, { command, switches, valued, hasRest }: Accepted): Error {
  const legal = [...switches, ...valued].map((name) => `--${name}`).join(", ");
  const rest = hasRest ? "; flags of the service go behind --" : "";
  return usageError(`${command} does not take ${JSON.stringify(word)}; it takes ${legal}${rest}`);
}
