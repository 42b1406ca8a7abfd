import { choice, toggle } from "./flag.ts";
import { section } from "./section.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["logfmt", "json"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Values that iptables_exporter takes → the nearest of ours. */
const FORMER_LEVELS: readonly (readonly [former: RegExp, nearest: LogLevel])[] = [
  [/^(?:fatal|panic)$/, "error"],
  [/^warning$/, "warn"],
];
/** A URL with a target, as in logger:syslog?appname=bob: whatever it is, the log goes to standard error. */
const FORMER_FORMATS: readonly (readonly [former: RegExp, nearest: LogFormat])[] = [
  [/^logger:.*[?&]json=true/, "json"],
  [/^logger:/, "logfmt"],
];

const FLAGS = {
  logLevel: choice({
    name: "log.level",
    key: "log.level",
    choices: LOG_LEVELS,
    default: "info",
    help: "Least severe messages that are logged, on standard error.",
    former: FORMER_LEVELS,
  }),
  logFormat: choice({
    name: "log.format",
    key: "log.format",
    choices: LOG_FORMATS,
    default: "logfmt",
    help: "Form of the log.",
    former: FORMER_FORMATS,
  }),
  isDebugging: toggle({
    name: "debug",
    excludes: { "log.level": "--debug stands for --log.level=debug" },
    help: "geoip-exporter's: the same as --log.level=debug.",
  }),
};

/** What is logged, and how. */
export const logSection = section("Log and help", FLAGS, ({ logLevel, logFormat, isDebugging }) => ({
  logLevel: isDebugging ? "debug" : logLevel,
  logFormat,
}));

/** The form of the log that arguments ask for which may be illegal otherwise; the last one that is legal counts. */
export function formatAsked(argv: readonly string[]): LogFormat {
  const texts = argv.flatMap((word, index) => {
    const [name, ...glued] = word.split("=");
    if (name !== "--log.format" && name !== "-log.format") return [];
    return glued.length > 0 ? glued.join("=") : (argv[index + 1] ?? "");
  });
  const isLegal = (text: string): boolean =>
    LOG_FORMATS.some((format) => format === text) || FORMER_FORMATS.some(([former]) => former.test(text));
  return FLAGS.logFormat.read(texts.filter(isLegal));
}
