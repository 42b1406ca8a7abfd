import { type CommandDef, defineCommand, runCommand } from "citty";
import { type CommandLine, usageError } from "../config/flag.ts";
import { BILL_FLAGS } from "../bill/options.ts";
import { SECTIONS } from "../daemon/config.ts";
import { PERSONALITIES } from "../personalities/personalities.ts";
import { TOP_FLAGS } from "../top/options.ts";
import { VERSION } from "../version.ts";
import { printBill } from "./bill.ts";
import { type Behind, completions, type Shell, SHELLS } from "./completions.ts";
import { helpText, NOTES, SUMMARY } from "./help.ts";
import { manPage } from "./man-page.ts";
import { installService, uninstallService, upgradeProgram } from "./install/install.ts";
import { INSTALL_WORDS, UNINSTALL_WORDS, UPGRADE_WORDS } from "./install/words.ts";
import { dashboardsText, DASHBOARD_WORDS, rulesText } from "./monitoring.ts";
import { isTopic, manualText, TOPICS } from "./manuals.ts";
import { showText } from "./pager.ts";
import { scanCommandLine } from "./scan.ts";
import { showTop } from "./top.ts";

/** Name → what it does. The first is that of a command line without one. */
export const COMMANDS = {
  run: "Count and serve: what promtap does without a command.",
  check: "Say what would run, or what is missing for it.",
  config: "Print the configuration in force, as YAML.",
  help: "Print commands and flags, or the manual of a topic.",
  as: "Be another exporter: its name, then its own flags.",
  completion: `Print the completions of a shell: ${SHELLS.join(", ")}.`,
  man: "Print the manual page, for man -l -.",
  top: "Show what is counted, live, in a terminal.",
  bill: "Print the bill of a month, of what --bill-days keeps.",
  install: "Install a service of systemd, with the flags behind --, and start it.",
  upgrade: "Replace the installed promtap by another, whose sum is known.",
  uninstall: "Undo that; --purge removes configuration and state too.",
  dashboards: "Print dashboards for Grafana: one, or --all.",
  rules: "Print alerts and recording rules for Prometheus.",
} as const;
export type CommandName = keyof typeof COMMANDS;

/** What stands behind commands that take something else than the flags. */
const BEHIND: Partial<Record<CommandName, Behind>> = {
  help: { word: TOPICS },
  as: { word: describedBy(Object.keys(PERSONALITIES), "Another exporter.") },
  completion: { word: describedBy(SHELLS, "A shell.") },
  man: {},
  top: { flags: TOP_FLAGS, hasAllFlags: true },
  bill: { flags: BILL_FLAGS },
  install: INSTALL_WORDS,
  upgrade: { ...UPGRADE_WORDS, word: "FILE" },
  uninstall: UNINSTALL_WORDS,
  dashboards: { word: DASHBOARD_WORDS },
  rules: {},
};

function describedBy(words: readonly string[], about: string): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, about]));
}

/** Runs or checks what the flags say, or prints that. */
export type Act = (commandLine: CommandLine, isPrinted: boolean) => Promise<void>;

/** Runs the command that arguments begin with, or the first of all. Throws a usage error. */
export async function runCommandLine(argv: readonly string[], act: Act): Promise<void> {
  const [first = ""] = argv;
  const isCommand = Object.hasOwn(COMMANDS, first);
  const rawArgs = [isCommand ? first : "run"];
  await runCommand(commandTree(isCommand ? argv.slice(1) : argv, act), { rawArgs });
}

/** The manual page of a version. */
export function manPageText(version: string): string {
  return manPage(SECTIONS, {
    version,
    summary: SUMMARY,
    commands: COMMANDS,
    behind: BEHIND,
    topics: TOPICS,
    notes: NOTES,
  });
}

/** The completions for a shell. */
export function completionText(shell: Shell): string {
  return completions(shell, SECTIONS, COMMANDS, BEHIND);
}

/**
 * The commands, for citty to choose from by name. It sees no flag: it lets unknown ones pass, keeps the last of repeated
 * ones, takes `-i=eth0` for an interface named `=eth0`, and throws a TypeError at `--_`; so each command scans its own
 * words. Nor does it print the help, which it neither groups nor wraps.
 */
function commandTree(words: readonly string[], act: Act): CommandDef {
  const leaves: Record<CommandName, () => void | Promise<void>> = {
    run: () => act(scanCommandLine(words), false),
    check() {
      const { given, denied } = scanCommandLine(words);
      return act({ given: new Map([...given, ["check", [""]]]), denied }, false);
    },
    config: () => act(scanCommandLine(words), true),
    help: () => (words.length === 0 ? print(helpText(COMMANDS), words) : showManual(words)),
    as() {
      const names = Object.keys(PERSONALITIES).join(", ");
      throw usageError(`as needs the name of an exporter: ${names}`);
    },
    completion() {
      const shell = SHELLS.find((each) => each === words[0]);
      if (shell === undefined) throw usageError(`completion needs a shell: ${SHELLS.join(", ")}`);
      print(completionText(shell), words.slice(1));
    },
    man: () => print(manPageText(VERSION), words),
    top: () => showTop(words),
    bill: () => printBill(words),
    install: () => installService(words, { manPage: manPageText, completion: completionText }),
    upgrade: () => upgradeProgram(words),
    uninstall: () => uninstallService(words),
    dashboards: () => print(dashboardsText(words), []),
    rules: () => print(rulesText(), words),
  };
  const subCommands = Object.entries(leaves).map(([name, run]) => {
    const description = COMMANDS[name as CommandName];
    return [name, defineCommand({ meta: { name, description }, run })];
  });
  return defineCommand({
    meta: { name: "promtap", version: VERSION, description: SUMMARY },
    subCommands: Object.fromEntries(subCommands) as Record<CommandName, CommandDef>,
  });
}

/** Shows the manual of the topic that is the only word. */
async function showManual([topic = "", stray]: readonly string[]): Promise<void> {
  const topics = Object.keys(TOPICS).join(", ");
  if (!isTopic(topic)) throw usageError(`no manual ${JSON.stringify(topic)}: there are ${topics}`);
  if (stray !== undefined) throw usageError(`unexpected argument ${JSON.stringify(stray)}: help takes one topic`);
  await showText(manualText(topic));
}

/** Prints what a command without flags prints. */
function print(text: string, words: readonly string[]): void {
  const [stray] = words;
  if (stray !== undefined) throw usageError(`unexpected argument ${JSON.stringify(stray)}: the command takes none`);
  process.stdout.write(text);
}
