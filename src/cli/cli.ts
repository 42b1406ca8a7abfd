import { inspect } from "node:util";
import type { CommandLine } from "../config/flag.ts";
import { formatAsked } from "../config/logging.ts";
import { check } from "../daemon/check.ts";
import type { Config } from "../daemon/config.ts";
import { run } from "../daemon/daemon.ts";
import { loadConfig } from "../daemon/loading.ts";
import type { ConfigSource } from "../daemon/reloads.ts";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { configureLog, log, logEnd } from "../log.ts";
import { endProcess } from "../native/process.ts";
import { REVISION, VERSION } from "../version.ts";
import { checkedPartOf, partOf } from "../personalities/personalities.ts";
import { COMMANDS, runCommandLine } from "./commands.ts";
import { helpText } from "./help.ts";
import { oneLine } from "./one-line.ts";
import { play } from "./play.ts";
import { abortOnSignals, hasToFinish, outliveSignals, watchHangups } from "./signals.ts";

/** EX_SOFTWARE of sysexits(3). */
const EXIT_DEFECT = 70;

/** What the command line drives; the daemon, but for tests. */
export interface Daemon {
  /** Serves until the signal aborts, or prints one page. `source`: how the configuration is read again. */
  run(config: Config, signal: AbortSignal, source?: ConfigSource): Promise<void>;
  /** Lines that say what would run. */
  check(config: Config): Promise<string[]>;
}

/** Runs the program for these arguments and ends the process; never throws. */
export async function main(
  argv: readonly string[],
  daemon: Daemon = { run, check },
  argv0 = process.argv0,
): Promise<void> {
  process.stdout.on("error", failToPrint);
  // There is nowhere left to say that a line could not be logged; counting goes on.
  process.stderr.on("error", () => {});
  process.on("uncaughtException", fail);
  process.on("warning", ({ message }) => log.warn("Node.js warns", { warning: message }));
  process.on("beforeExit", () => fail(new Error("nothing is left to wait for, and the work is not done")));
  outliveSignals();
  const status = await execute(argv, daemon, argv0);
  // Not left to the event loop, which a native addon may keep busy; a slow reader still gets the whole page first.
  process.stdout.write("", (error) => {
    // A failed write is an "error" event as well, which decides the status.
    if (!error || hasToFinish()) endProcess(status);
  });
}

/** Does what these arguments say, and returns the exit status. `argv0`: the name that the program was started under. */
export async function execute(argv: readonly string[], daemon: Daemon, argv0 = ""): Promise<number> {
  // Before the arguments are judged, so that errors come in the form that they ask for.
  configureLog("info", formatAsked(argv));
  try {
    const part = partOf(argv0, argv);
    if (part !== undefined) return await play(part, (config) => daemon.run(config, abortOnSignals()));
    const checked = checkedPartOf(argv);
    if (checked !== undefined) {
      const { triesNoAddress } = checked;
      return await play(checked, (config) => printCheck({ ...config, triesNoAddress }, [], daemon));
    }
    await runCommandLine(argv, (commandLine, isPrinted) => act(commandLine, isPrinted, daemon));
    return 0;
  } catch (error) {
    if (!(error instanceof PromtapError)) fail(error);
    logEnd(oneLine(error.message));
    return error.exitStatus;
  }
}

async function act(commandLine: CommandLine, isPrinted: boolean, daemon: Daemon): Promise<void> {
  const { given } = commandLine;
  if (given.has("help")) {
    process.stdout.write(helpText(COMMANDS));
    return;
  }
  if (given.has("version")) {
    process.stdout.write(versionText());
    return;
  }
  const { config, differences, ...loaded } = await loadConfig(commandLine);
  configureLog(config.logLevel, config.logFormat);
  if (isPrinted) {
    process.stdout.write(loaded.yaml());
    return;
  }
  if (config.check) {
    await printCheck(config, differences, daemon);
    return;
  }
  await daemon.run(config, abortOnSignals(), {
    load: async () => (await loadConfig(commandLine)).config,
    onRequest: (reload) => watchHangups(() => void reload("SIGHUP")),
  });
}

async function printCheck(config: Config, differences: readonly string[], daemon: Daemon): Promise<void> {
  const lines = [...differences, ...(await daemon.check(config))];
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** Ends the process at once: what still runs can't be trusted to end. */
function fail(error: unknown): never {
  if (error instanceof PromtapError) {
    logEnd(oneLine(error.message));
    return endProcess(error.exitStatus);
  }
  logEnd(messageOf(error), inspect(error));
  return endProcess(EXIT_DEFECT);
}

function failToPrint(error: NodeJS.ErrnoException): void {
  if (hasToFinish()) return;
  // A reader that has seen enough, such as head(1), is not a failure.
  if (error.code === "EPIPE") endProcess(0);
  fail(new PromtapError(ErrorCode.HOST, `couldn't write to standard output: ${error.message}`));
}

function versionText(): string {
  return [
    `promtap, version ${VERSION} (revision ${REVISION})`,
    `  node version:     ${process.version}`,
    `  platform:         ${process.platform}/${process.arch}`,
    "",
  ].join("\n");
}
