import { type OwnFlag, usageError } from "../config/flag.ts";

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
  readonly flags: readonly OwnFlag[];
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
    const flag = accepted.flags.find((each) => each.name === name);
    if (flag !== undefined && flag.value === undefined && glued === undefined) switches.add(name);
    else if (flag?.value !== undefined) values.set(name, glued ?? valueOf(word, index + 1 < end, argv[++index]));
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

function stray(word: string, { command, flags, hasRest }: Accepted): Error {
  const legal = flags.map(({ name }) => `--${name}`).join(", ");
  const rest = hasRest ? "; flags of the service go behind --" : "";
  return usageError(`${command} does not take ${JSON.stringify(word)}; it takes ${legal}${rest}`);
}
