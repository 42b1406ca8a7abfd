import { type GivenFlags, oneOf } from "./values.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["logfmt", "json"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Default values, as they would be given. */
export const LOG_DEFAULTS = { "log.level": "info", "log.format": "logfmt" } as const;

type Name = keyof typeof LOG_DEFAULTS;

/** Values that iptables_exporter takes, and what comes nearest to them. */
const FORMER_VALUES: Record<Name, [former: RegExp, nearest: string][]> = {
  "log.level": [
    [/^(?:fatal|panic)$/, "error"],
    [/^warning$/, "warn"],
  ],
  // A URL with a target, as in logger:syslog?appname=bob: whatever it is, the log goes to standard error.
  "log.format": [
    [/^logger:.*[?&]json=true/, "json"],
    [/^logger:/, "logfmt"],
  ],
};

/** What is logged, and how. */
export interface LogConfig {
  logLevel: LogLevel;
  logFormat: LogFormat;
}

/** Throws a usage error. */
export function loggingOf(given: GivenFlags): LogConfig {
  const value = (name: Name): string => nearest(name, given.get(name)?.at(-1) ?? LOG_DEFAULTS[name]);
  return {
    logLevel: given.has("debug") ? "debug" : oneOf("log.level", value("log.level"), LOG_LEVELS),
    logFormat: oneOf("log.format", value("log.format"), LOG_FORMATS),
  };
}

/** The form of the log that arguments ask for which may be illegal otherwise; the last one that is legal counts. */
export function formatAsked(argv: readonly string[]): LogFormat {
  const values = argv.flatMap((word, index) => {
    const [name, ...glued] = word.split("=");
    if (name !== "--log.format" && name !== "-log.format") return [];
    return glued.length > 0 ? glued.join("=") : (argv[index + 1] ?? "");
  });
  const formats = values.map((value) => LOG_FORMATS.find((format) => format === nearest("log.format", value)));
  return formats.findLast((format) => format !== undefined) ?? LOG_DEFAULTS["log.format"];
}

function nearest(name: Name, text: string): string {
  return FORMER_VALUES[name].find(([former]) => former.test(text))?.[1] ?? text;
}
