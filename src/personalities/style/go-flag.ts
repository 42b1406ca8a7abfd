import { usageError } from "../../config/flag.ts";
import type { OwnFlag } from "../own-flag.ts";
import type { Asked, Style } from "./style.ts";

const ASKED: ReadonlyMap<string, Asked> = new Map([
  ["h", "help"],
  ["help", "help"],
  ["differences", "differences"],
]);
/** As strconv.ParseBool takes them. */
const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

/** Package flag of Go: one dash or two, the last of several counts, and the first other word ends the flags. */
export const GO_FLAG: Style = {
  status: 2,
  spelling: (name) => `-${name}`,

  scan(argv, flags) {
    const given = new Map<string, string[]>();
    for (let at = 0; at < argv.length; at++) {
      const word = argv[at]!;
      if (word === "--") return { given, unread: argv.slice(at + 1) };
      if (!/^-./.test(word)) return { given, unread: argv.slice(at) };
      const [, name = "", glued] = /^--?([^=]*)(?:=([^]*))?$/.exec(word)!;
      if (name === "" || name.startsWith("-")) throw usageError(`bad flag syntax: ${word}`);
      const flag = flags.find((each) => each.name === name);
      const asked = flag === undefined ? ASKED.get(name) : undefined;
      if (asked !== undefined) return { given, asked };
      if (flag === undefined) throw usageError(`flag provided but not defined: -${name}`);
      if (flag.value === undefined) {
        if (isTrue(name, glued ?? "true")) given.set(name, [""]);
        else given.delete(name);
        continue;
      }
      const value = glued ?? argv[++at];
      if (value === undefined) throw usageError(`flag needs an argument: -${name}`);
      given.set(name, [value]);
    }
    return { given };
  },

  help: usage,
  complaint(message, name, flags) {
    const inGosWords = message.replace(/^invalid (-\S+) (".*?"); /, "invalid value $2 for flag $1: ");
    return `${inGosWords}\n${usage(name, flags)}`;
  },
};

function isTrue(name: string, text: string): boolean {
  if (TRUE.includes(text)) return true;
  if (FALSE.includes(text)) return false;
  throw usageError(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
}

function usage(name: string, flags: readonly OwnFlag[]): string {
  const entries = flags
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name: own, value, help, default: usual, nominal = usual }) => {
      const head = value === undefined ? own : `${own} ${value}`;
      const shown = value === "string" ? JSON.stringify(nominal) : nominal;
      return `  -${head}\n    \t${help}${nominal === undefined ? "" : ` (default ${shown})`}\n`;
    });
  return `Usage of ${name}:\n${entries.join("")}`;
}
