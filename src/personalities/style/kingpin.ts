import { usageError } from "../../config/flag.ts";
import type { Asked, Style } from "./style.ts";

/** Columns of the flags in the help. */
const INDENT = 26;

const ASKED: ReadonlyMap<string, Asked> = new Map([
  ["-h", "help"],
  ["--help", "help"],
  ["--help-long", "help"],
  ["--version", "version"],
  ["--differences", "differences"],
]);

/** The package kingpin of Go, version 2: names have two dashes, and stand once. */
export const KINGPIN: Style = {
  status: 1,
  spelling: (name) => `--${name}`,

  scan(argv, flags) {
    const given = new Map<string, string[]>();
    for (let at = 0; at < argv.length; at++) {
      const word = argv[at]!;
      const asked = ASKED.get(word);
      if (asked !== undefined) return { given, asked };
      const stray = word === "--" ? argv[at + 1] : word;
      if (stray === undefined) break;
      if (word === "--" || !/^-./.test(word)) throw usageError(`unexpected ${stray}`);
      if (!word.startsWith("--")) throw usageError(`unknown short flag '${word.slice(0, 2)}'`);
      const [, name = "", glued] = /^--([^=]*)(?:=([^]*))?$/.exec(word)!;
      if (!flags.some((flag) => flag.name === name)) throw usageError(`unknown long flag '--${name}'`);
      const value = glued ?? separate(name, argv[++at]);
      if (given.has(name)) throw usageError(`flag '${name}' cannot be repeated`);
      given.set(name, [value]);
    }
    return { given };
  },

  help(name, flags) {
    const entries = flags.map((flag) => entry(`    --${flag.name}="${flag.default}"  `, flag.help));
    const help = entry("-h, --help", "Show context-sensitive help.");
    const version = entry("    --version", "Show application version.");
    return `usage: ${name} [<flags>]\n\nFlags:\n${[help, ...entries, version].join("")}\n`;
  },
  complaint: (message, name) => `${name}: error: ${message}, try --help\n`,
};

function separate(name: string, value: string | undefined): string {
  if (value === undefined || /^-./.test(value)) throw usageError(`expected argument for flag '--${name}'`);
  return value;
}

function entry(flag: string, help: string): string {
  const left = `  ${flag}`;
  const gap = left.length + 2 > INDENT ? `\n${" ".repeat(INDENT)}` : " ".repeat(INDENT - left.length);
  return `${left}${gap}${help}\n`;
}
