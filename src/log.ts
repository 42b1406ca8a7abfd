import { type ConsolaReporter, createConsola } from "consola/core";
import type { LogFormat, LogLevel } from "./config/logging.ts";

/** What a line says besides its message; an error stands for its message. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | Error>>;

/** One line each on stderr. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Line without its end, in keys and form like log/slog of Go, which the exporters of Prometheus log with. */
type Formatter = (line: Line) => string;
type Line = Record<string, string | number | boolean>;

/** Our names for consola's levels, which count up from the gravest, 0. */
const CONSOLA_LEVELS: Record<LogLevel, number> = { error: 0, warn: 1, info: 3, debug: 4 };

/** Unquoted if it can't be taken for anything else: no space, quote, "=" or control character. */
const BARE_VALUE = /^[^\s"=\p{C}]+$/u;
/** What JSON leaves alone and a terminal may obey: DEL and the C1 controls, ends of lines, and directions of text. */
const UNSEEN = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const formatters: Record<LogFormat, Formatter> = {
  logfmt: (line) =>
    Object.entries(line)
      .map(([key, value]) => `${key}=${logfmtValue(String(value))}`)
      .join(" "),
  json: (line) => quoteControls(JSON.stringify(line)),
};

let formatter = formatters.logfmt;

const reporter: ConsolaReporter = {
  log({ type, date, args: [message, fields] }) {
    const line: Line = { time: date.toISOString(), level: type, msg: String(message) };
    for (const [key, value] of Object.entries((fields as LogFields | undefined) ?? {})) line[key] = plain(value);
    process.stderr.write(`${formatter(line)}\n`);
  },
};

/*
 * consola/core has the levels and calls reporters; its fancy reporter is of no use here: it rewrites what stands between
 * backticks or underscores, passes control characters on to the terminal, and takes colours, and whether there is a time,
 * from what standard output is. The colours of consola/utils ask standard output too.
 */
// throttle 0: consola would hold back lines that repeat, and print them later than their time.
const consola = createConsola({ reporters: [reporter], level: CONSOLA_LEVELS.info, throttle: 0 });

export const log: Log = consola;

/** Sets the lowest level that is written, and the form of the lines. */
export function configureLog(level: LogLevel, format: LogFormat): void {
  consola.level = CONSOLA_LEVELS[level];
  formatter = formatters[format];
}

/**
 * Says why the program ends: a line of its own at the terminal, and a line of the log if a program reads that. Of a
 * defect there are details, many lines of them.
 */
export function logEnd(message: string, details?: string): void {
  if (formatter === formatters.json) log.error(message, details === undefined ? {} : { details });
  else process.stderr.write(`${details ?? message}\n`);
}

/** A value that JSON can hold. */
function plain(value: LogFields[string]): Line[string] {
  if (value instanceof Error) return value.message;
  return typeof value === "bigint" ? value.toString() : value;
}

function logfmtValue(value: string): string {
  return BARE_VALUE.test(value) ? value : quoteControls(JSON.stringify(value));
}

function quoteControls(json: string): string {
  return json.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
