import { parseArgs } from "node:util";

/** How much is measured and how it is written. */
export interface Options {
  packets: number;
  rounds: number;
  /** How often each program has its turn where the costs of a packet are compared. */
  turns: number;
  isMarkdown: boolean;
  sections: readonly string[];
}

const FULL = { packets: 5_000_000, rounds: 5, turns: 15 };
/** For a look at whether it runs; too few packets and turns for the figures to mean much. */
const QUICK = { packets: 500_000, rounds: 1, turns: 1 };

/** Reads the command line. Throws on what it doesn't know. */
export function parseOptions(args: readonly string[], known: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      packets: { type: "string" },
      rounds: { type: "string" },
      turns: { type: "string" },
      markdown: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.find((section) => !known.includes(section));
  if (unknown !== undefined) throw new Error(`no section ${unknown}; there are ${known.join(", ")}`);
  if (values.markdown && positionals.length > 0) throw new Error("--markdown writes all sections, and takes none");
  const amounts = values.quick ? QUICK : FULL;
  return {
    packets: positive("--packets", values.packets) ?? amounts.packets,
    rounds: positive("--rounds", values.rounds) ?? amounts.rounds,
    turns: positive("--turns", values.turns) ?? amounts.turns,
    isMarkdown: values.markdown,
    sections: positionals.length > 0 ? positionals : known,
  };
}

function positive(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) throw new Error(`${flag} takes a whole number above 0, not ${text}`);
  return value;
}
