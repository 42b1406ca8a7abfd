import { usageError } from "../../config/flag.ts";
import type { OwnFlag } from "../own-flag.ts";
import type { Asked, Style } from "./style.ts";

/** What `--word` prints; getopt(3) knows no long flags. */
const ASKED: ReadonlyMap<string, Asked> = new Map([
  ["--help", "help"],
  ["--differences", "differences"],
]);

/** getopt(3) of flags of one letter that all take a value. */
export const GETOPT: Style = {
  status: 1,
  spelling: (name) => `-${name}`,

  scan(argv, flags) {
    const given = new Map<string, string[]>();
    for (let at = 0; at < argv.length; at++) {
      const word = argv[at]!;
      const asked = ASKED.get(word);
      if (asked !== undefined) return { given, asked };
      const stray = word === "--" ? argv[at + 1] : word;
      if (stray === undefined) break;
      if (word === "--" || !/^-./.test(word)) throw usageError(`unexpected argument ${JSON.stringify(stray)}`);
      const letter = word.charAt(1);
      const flag = flags.find(({ name }) => name === letter);
      if (flag === undefined) throw usageError(`invalid option -- '${letter}'`);
      const value = word.length > 2 ? word.slice(2) : argv[++at];
      if (value === undefined) throw usageError(`option requires an argument -- '${letter}'`);
      given.set(letter, flag.isRepeatable === true ? [...(given.get(letter) ?? []), value] : [value]);
    }
    return { given };
  },

  help: usage,
  complaint: (message, name, flags) => `${name}: ${message}\n${usage(name, flags)}`,
};

function usage(name: string, flags: readonly OwnFlag[]): string {
  const words = flags.map(({ name: letter, value, isRequired, isRepeatable }) => {
    const flag = `-${letter} ${value}`;
    const repeated = isRepeatable === true ? `${flag} ...` : flag;
    return isRequired === true ? repeated : `[${repeated}]`;
  });
  return `usage: ${name} ${words.join(" ")}\n`;
}
