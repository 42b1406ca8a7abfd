import { constants } from "node:os";
import { inspect } from "node:util";
import { type ArgDef, defineCommand, runCommand } from "citty";
import {
  type Config,
  configOf,
  DEFAULTS,
  ENGINES,
  type GivenFlags,
  LOG_FORMATS,
  LOG_LEVELS,
  WIRE_SIZE_ENGINES,
} from "./config.ts";
import { check, run } from "./daemon.ts";
import { ErrorCode, PromtapError } from "./errors.ts";
import { configureLog } from "./log.ts";
import { REVISION, VERSION } from "./version.ts";

interface Flag {
  name: string;
  short?: string;
  /** What the value is called in the help; a flag without it takes no value. */
  value?: string;
  default?: string;
  repeatable?: true;
  help: string;
}

/** All flags, in the groups and the order of the help. */
const FLAGS: Readonly<Record<string, readonly Flag[]>> = {
  Traffic: [
    {
      name: "interface",
      short: "i",
      value: "NAME",
      default: DEFAULTS.interface,
      repeatable: true,
      help: "Interface, pattern of interfaces (veth*), or auto: all that are up but loopback, new ones as they come.",
    },
    {
      name: "range",
      short: "r",
      value: "RANGE",
      repeatable: true,
      help:
        "Addresses that get series of their own, IPv4 or IPv6: START-END, ADDRESS, NETWORK/PREFIX, or " +
        "NETWORK/PREFIX/ROLLUP for one series each /ROLLUP; then :KEY=VALUE for each label. An address in several " +
        "ranges belongs to the first.",
    },
    {
      name: "max-addresses",
      value: "N",
      default: DEFAULTS["max-addresses"],
      help: 'Most addresses that get series of their own; what the rest sends and receives goes to ip="other".',
    },
  ],
  Capture: [
    {
      name: "engine",
      value: ENGINES.join("|"),
      default: DEFAULTS.engine,
      help:
        "bpf counts in the kernel; tcx likewise, at less cost, and in the way of the traffic; ring reads the kernel's " +
        "packet ring; pcap goes through libpcap. auto takes the first of bpf, ring and pcap that works.",
    },
    {
      name: "pcap.filter",
      value: "EXPRESSION",
      help: "Count only what passes this filter, see pcap-filter(7). Needs --engine=pcap.",
    },
    {
      name: "wire-sizes",
      help:
        "Count packets as they are on the wire, where the kernel shows several TCP or UDP packets as one large frame " +
        `(GRO, TSO). Engines that can: ${WIRE_SIZE_ENGINES.join(", ")}.`,
    },
    {
      name: "keep-capabilities",
      help: "Keep all capabilities; else those that are not needed any more are given up once capture has started.",
    },
    { name: "read", value: "FILE", help: "Count a pcap or pcapng file instead of live traffic; - is standard input." },
  ],
  Output: [
    { name: "once", help: "Print one page and exit; with --read, at the end of the file." },
    { name: "check", help: "Say what would run, or what is missing for it, and exit." },
    {
      name: "port",
      short: "p",
      value: "PORT",
      default: DEFAULTS.port,
      repeatable: true,
      help: "TCP port to serve on, on all addresses. The last one given counts.",
    },
    {
      name: "web.listen-address",
      value: "ADDRESS",
      repeatable: true,
      help: "Address to serve on, instead of -p: :9112, 127.0.0.1:9112, [::1]:9112 or unix:/run/promtap.sock.",
    },
    {
      name: "web.telemetry-path",
      value: "PATH",
      default: DEFAULTS["web.telemetry-path"],
      help: "Path of the page of metrics.",
    },
  ],
  "Log and help": [
    {
      name: "log.level",
      value: LOG_LEVELS.join("|"),
      default: DEFAULTS["log.level"],
      help: "Least severe messages that are logged, on standard error.",
    },
    { name: "log.format", value: LOG_FORMATS.join("|"), default: DEFAULTS["log.format"], help: "Form of the log." },
    { name: "version", help: "Print the version and exit." },
    { name: "help", short: "h", help: "Print this help and exit." },
  ],
};

const ALL_FLAGS = Object.values(FLAGS).flat();

const SUMMARY =
  "Accounts network traffic for Prometheus: counts packets and bytes by interface, address and protocol, and serves " +
  "the counts at http://localhost:9112/metrics.";

const NOTES = `
Examples:
  promtap
      count every interface
  promtap -i eth0 -i eth1 -p 9112 -r 192.168.1.100-192.168.1.200:customer=acmecorp
      count every address of a range, labelled
  promtap -i 'veth*' -r 10.0.0.0/8/24 -r 2001:db8::/48/64:site=ams
      count by network: one series a /24, one a /64
  promtap --web.listen-address=127.0.0.1:9112 --web.listen-address=unix:/run/promtap.sock
      serve to this machine only
  promtap --read capture.pcapng --once -r 10.0.0.0/24
      print what a capture file holds
  promtap --check -i eth0 -r 10.0.0.0/24
      see whether it would run

Capabilities:
  Live capture needs CAP_NET_RAW, files need none. Root has it, and any user after
      setcap cap_net_raw+ep "$(command -v promtap)"

Exit status:
  0   done, or stopped by SIGTERM or SIGINT
  1   this host or its input does not allow it: the message says what and why
  2   a flag or its value is not legal
  70  a defect of promtap
`;

/** EX_SOFTWARE of sysexits(3). */
const EXIT_DEFECT = 70;

/** What the command line drives; the daemon, but for tests. */
export interface Daemon {
  /** Serves, or prints one page, until it is done or the signal aborts. */
  run(config: Config, signal: AbortSignal): Promise<void>;
  /** Lines that say what would run. */
  check(config: Config): Promise<string[]>;
}

/** Runs the program for these arguments and ends the process; never throws. */
export async function main(argv: readonly string[], daemon: Daemon = { run, check }): Promise<void> {
  process.stdout.on("error", failToPrint);
  // There is no place left to say that a line could not be logged, and the counters go on without it.
  process.stderr.on("error", () => {});
  process.on("uncaughtException", fail);
  const status = await execute(argv, daemon);
  // Not left to the event loop, which a native addon may keep busy; but a slow reader gets all of the page first.
  process.stdout.write("", (error) => {
    // What could not be written is an "error" event besides, and it decides the status.
    if (!error) process.exit(status);
  });
}

/** Does what these arguments say, and returns the exit status. */
export async function execute(argv: readonly string[], daemon: Daemon): Promise<number> {
  try {
    const given = scanFlags(argv);
    const command = defineCommand({
      meta: { name: "promtap", version: VERSION, description: SUMMARY },
      args: Object.fromEntries(ALL_FLAGS.map((flag) => [flag.name, declare(flag)])),
      run: () => act(given, daemon),
    });
    await runCommand(command, { rawArgs: [...argv] });
    return 0;
  } catch (error) {
    if (!(error instanceof PromtapError)) fail(error);
    process.stderr.write(`${oneLine(error.message)}\n`);
    return error.exitStatus;
  }
}

async function act(given: GivenFlags, daemon: Daemon): Promise<void> {
  if (given.has("help")) {
    process.stdout.write(helpText());
    return;
  }
  if (given.has("version")) {
    process.stdout.write(versionText());
    return;
  }
  const config = configOf(given);
  configureLog(config.logLevel, config.logFormat);
  if (config.check) {
    const lines = await daemon.check(config);
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return;
  }
  await daemon.run(config, abortOnSignals());
}

/** Ends the process at once, because what still runs may not be trusted to end. */
function fail(error: unknown): never {
  const expected = error instanceof PromtapError;
  process.stderr.write(`${expected ? oneLine(error.message) : inspect(error)}\n`);
  process.exit(expected ? error.exitStatus : EXIT_DEFECT);
}

function failToPrint(error: NodeJS.ErrnoException): never {
  // A reader that has seen enough, such as head(1), is no failure.
  if (error.code === "EPIPE") process.exit();
  fail(new PromtapError(ErrorCode.HOST, `couldn't write to standard output: ${error.message}`));
}

/** Shows control characters, which arguments and names of files may hold, as escapes. */
function oneLine(message: string): string {
  return message.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Aborts at the first SIGTERM or SIGINT; the second ends the process without waiting for anything. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
      controller.abort();
    });
  }
  return controller.signal;
}

/**
 * Reads arguments the way getopt_long(3) does, without its abbreviations, and throws a usage error where citty would
 * guess: at flags it does not know, repeated ones, `-i=eth0`, values that look like flags and arguments without a flag.
 */
export function scanFlags(argv: readonly string[]): GivenFlags {
  const given = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    const stray = word === "--" ? argv[index + 1] : word;
    if (stray === undefined) break;
    if (word === "--" || word === "-" || !word.startsWith("-")) {
      throw usage(`unexpected argument ${JSON.stringify(stray)}: no flag takes it`);
    }
    const { flag, glued } = word.startsWith("--") ? splitLong(word) : splitShort(word);
    const separate = flag.value !== undefined && glued === undefined;
    const value = separate ? separateValue(flag, argv[++index]) : (glued ?? "");
    const values = given.get(flag.name) ?? [];
    if (values.length > 0 && flag.value !== undefined && !flag.repeatable) {
      throw usage(`${spell(flag)} is given twice: it takes one value`);
    }
    given.set(flag.name, [...values, value]);
  }
  return given;
}

interface SplitWord {
  flag: Flag;
  /** The value that is part of the same word. */
  glued: string | undefined;
}

function splitLong(word: string): SplitWord {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = ALL_FLAGS.find((candidate) => candidate.name === name);
  if (flag === undefined) throw unknown(`--${name}`, name);
  if (equals < 0) return { flag, glued: undefined };
  if (flag.value === undefined) throw usage(`--${name} takes no value`);
  return { flag, glued: word.slice(equals + 1) };
}

function splitShort(word: string): SplitWord {
  const glued = word.slice(2);
  const flag = ALL_FLAGS.find((candidate) => candidate.short === word[1]);
  if (flag === undefined || (flag.value === undefined && glued !== "")) throw unknown(word, word.slice(1));
  if (glued.startsWith("=")) {
    // To getopt(3) the "=" is a part of the value; nobody who writes it means that.
    const value = glued.slice(1);
    throw usage(`invalid ${word}; legal is -${flag.short} ${value}, -${flag.short}${value} or --${flag.name}${glued}`);
  }
  return { flag, glued: glued === "" ? undefined : glued };
}

function separateValue(flag: Flag, value: string | undefined): string {
  if (value === undefined) throw usage(`${spell(flag)} needs a value: ${flag.value}`);
  if (value === "-" || !value.startsWith("-")) return value;
  throw usage(`${spell(flag)} needs a value, and ${value} looks like a flag; if it is none: --${flag.name}=${value}`);
}

function spell(flag: Flag): string {
  return flag.short === undefined ? `--${flag.name}` : `-${flag.short}`;
}

function unknown(spelling: string, name: string): PromtapError {
  const likely = ALL_FLAGS.map((flag) => ({ name: flag.name, distance: distance(name, flag.name) }))
    .filter((flag) => flag.distance <= Math.max(2, name.length / 4) && flag.distance < name.length)
    .toSorted((a, b) => a.distance - b.distance)[0];
  return usage(`unknown flag ${spelling}${likely === undefined ? "" : `; did you mean --${likely.name}?`}`);
}

function usage(message: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, `${message}${message.endsWith("?") ? "" : ";"} see promtap --help`);
}

/** Characters to insert, delete or change to make one word the other (Levenshtein); a missing "web." counts nothing. */
function distance(from: string, to: string): number {
  if (to.endsWith(`.${from}`)) return 0;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const change = row[at - 1]! + (from[index] === to[at - 1] ? 0 : 1);
      next.push(Math.min(change, row[at]! + 1, next[at - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

/** The flag as citty knows it. */
function declare(flag: Flag): ArgDef {
  const { help: description, default: value } = flag;
  const alias = flag.short ?? [];
  if (flag.value === undefined) return { type: "boolean", alias, description };
  return { type: "string", alias, description, valueHint: flag.value, ...(value !== undefined && { default: value }) };
}

const HELP_COLUMNS = 96;
const HELP_INDENT = 32;

function helpText(): string {
  const groups = Object.entries(FLAGS).map(([title, flags]) => `\n${title}:\n${flags.map(flagHelp).join("")}`);
  return `Usage: promtap [FLAG]...\n\n${wrap(SUMMARY, 0)}\n${groups.join("")}${NOTES}`;
}

function flagHelp(flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const left = `  ${short}--${flag.name}${flag.value === undefined ? "" : ` ${flag.value}`}`;
  const facts = [flag.default && `default: ${flag.default}`, flag.repeatable && "repeatable"].filter(Boolean);
  const right = wrap(facts.length === 0 ? flag.help : `${flag.help} (${facts.join("; ")})`, HELP_INDENT);
  // A long flag has its first line to itself.
  const gap = left.length + 2 > HELP_INDENT ? `\n${" ".repeat(HELP_INDENT)}` : " ".repeat(HELP_INDENT - left.length);
  return `${left}${gap}${right}\n`;
}

/** Breaks a text between words; all lines but the first are indented. */
function wrap(text: string, indent: number): string {
  const line = new RegExp(`(.{1,${HELP_COLUMNS - indent}})(?: |$)`, "g");
  return text.replace(line, (_, words: string) => `${words}\n${" ".repeat(indent)}`).trimEnd();
}

function versionText(): string {
  return [
    `promtap, version ${VERSION} (revision ${REVISION})`,
    `  node version:     ${process.version}`,
    `  platform:         ${process.platform}/${process.arch}`,
    "",
  ].join("\n");
}
