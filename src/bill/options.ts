import { type OwnFlag, usageError } from "../config/flag.ts";
import { statePath } from "../state/state-keeper.ts";
import { type Month, monthOf } from "./month.ts";
import { samplesPath } from "./samples/sample-folder.ts";

export const BILL_FORMATS = ["table", "csv", "json"] as const;
export type BillFormat = (typeof BILL_FORMATS)[number];

/** What the words behind `bill` ask for. */
export interface BillOptions {
  readonly folder: string;
  readonly month: Month;
  /** Labels that rows are told apart by; null: by all that there are. */
  readonly by: readonly string[] | null;
  readonly format: BillFormat;
}

/** Where the unit that promtap brings keeps its state. */
const USUAL_STATE = "/var/lib/promtap/promtap.state";
export const BILL_FLAGS: readonly OwnFlag[] = [
  { name: "month", value: "MONTH", help: "The month, such as 2026-11." },
  { name: "by", value: "LABEL,...", help: "Labels that rows are told apart by; else all that there are." },
  { name: "format", value: "FORMAT", choices: BILL_FORMATS, help: "How it is written." },
  { name: "state", value: "FILE", help: "The file of --state; samples are beside it." },
  { name: "timezone", value: "ZONE", help: "Whose midnight the month begins at, such as Europe/Berlin; else UTC." },
];
const NAMES = BILL_FLAGS.map(({ name }) => name);
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Reads the words behind `bill`. Throws a usage error. */
export function billOptionsOf(words: readonly string[]): BillOptions {
  const given = valuesOf(words);
  const month = given.get("month");
  if (month === undefined) throw usageError("bill needs --month, such as --month 2026-11");
  const by = given.get("by")?.split(",") ?? null;
  const illegal = by?.find((name) => !LABEL.test(name));
  if (illegal !== undefined) {
    throw usageError(`invalid --by ${JSON.stringify(illegal)}; legal are names of labels, such as customer,zone`);
  }
  const text = given.get("format") ?? "table";
  const format = BILL_FORMATS.find((each) => each === text);
  if (format === undefined) {
    throw usageError(`invalid --format ${JSON.stringify(text)}; legal is ${BILL_FORMATS.join(", ")}`);
  }
  return {
    folder: samplesPath(statePath(given.get("state") ?? USUAL_STATE)),
    month: monthOf(month, given.get("timezone") ?? "UTC"),
    by: by === null ? null : [...new Set(by)],
    format,
  };
}

function valuesOf(words: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const [, name = "", glued] = /^--([a-z]+)(?:=([^]*))?$/.exec(word) ?? [];
    if (!NAMES.includes(name)) {
      const legal = NAMES.map((each) => `--${each}`).join(", ");
      throw usageError(`unexpected argument ${JSON.stringify(word)}: bill takes ${legal}`);
    }
    if (given.has(name)) throw usageError(`--${name} is given more than once`);
    const value = glued ?? words[++index];
    if (value === undefined || value === "") throw usageError(`--${name} needs a value`);
    given.set(name, value);
  }
  return given;
}
