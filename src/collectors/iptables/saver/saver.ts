import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../../errors.ts";
import { Backend, type IptablesFamily, type Saver } from "../backends.ts";
import { Dump } from "./dump.ts";
import { type Limits, type Outcome, Program } from "../program.ts";
import { type Reading, readingOf } from "../reading.ts";
import type { ReadOptions } from "../tally.ts";

/** RESOURCE_PROBLEM of xtables.h: somebody holds the lock, or changed the rules meanwhile. */
const EXIT_BUSY = 4;
/** The status is the same where a capability lacks; asking again is of no use then. */
const REFUSAL = /permission|permitted/i;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** Tables of iptables-legacy that the kernel has loaded. */
const LEGACY_TABLES: Readonly<Record<IptablesFamily, string>> = {
  ipv4: "/proc/net/ip_tables_names",
  ipv6: "/proc/net/ip6_tables_names",
};
/** All that iptables may have. */
const TABLES: readonly string[] = ["filter", "nat", "mangle", "raw", "security"];

/** Asks `iptables-save` or one of its kind for the rules and their counters. */
export class SaverReader {
  readonly saver: Saver;
  readonly #program: Program;
  readonly #options: ReadOptions;
  /** That there is no table at all is an error: iptables_exporter takes it for a lack of permission. */
  readonly #isEmptyWrong: boolean;

  constructor(saver: Saver, options: ReadOptions, isEmptyWrong: boolean) {
    this.saver = saver;
    this.#program = new Program(saver.path);
    this.#options = options;
    this.#isEmptyWrong = isEmptyWrong;
  }

  async read(limits: Limits): Promise<SaverReading> {
    const start = performance.now();
    const { dump, outcome } = await this.#dump(limits);
    let { error } = outcome;
    if (error === undefined && this.#isEmptyWrong && dump.isEmpty) error = "printed no table";
    return { ...readingOf(this.saver, start, { ...outcome, error }, dump), dump };
  }

  async #dump(limits: Limits): Promise<{ dump: Dump; outcome: Outcome }> {
    const tables = this.#loadedTables();
    if (tables.error !== undefined || tables.isEmpty) {
      const outcome = { exitStatus: null, error: tables.error, stderr: "" };
      return { dump: new Dump(this.saver.family, this.#options), outcome };
    }
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const dump = new Dump(this.saver.family, this.#options);
      const outcome = await this.#run(dump, limits);
      const isBusy = outcome.exitStatus === EXIT_BUSY && !REFUSAL.test(outcome.stderr);
      if (!isBusy || performance.now() + pauseMs >= limits.deadline || limits.signal.aborted) return { dump, outcome };
      await delay(pauseMs);
    }
  }

  async #run(dump: Dump, limits: Limits): Promise<Outcome> {
    const outcome = await this.#program.run(["-c"], (bytes) => dump.read(bytes), limits);
    if (outcome.error !== undefined) return outcome;
    try {
      dump.end();
      return outcome;
    } catch (error) {
      return { ...outcome, error: messageOf(error) };
    }
  }

  /**
   * iptables-legacy is not asked where it has no tables: it would load modules, which then look at every packet. (It
   * looks itself, but not in every version.)
   */
  #loadedTables(): { isEmpty: boolean; error?: string } {
    if (this.saver.backend !== Backend.IPTABLES_LEGACY) return { isEmpty: false };
    const path = LEGACY_TABLES[this.saver.family];
    try {
      return { isEmpty: readFileSync(path, "latin1").trim() === "" };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "ENOENT" ? { isEmpty: true } : { isEmpty: true, error: `isn't run: ${messageOf(error)}` };
    }
  }
}

export interface SaverReading extends Reading {
  readonly dump: Dump;
}

/** Whether a table, or a chain of it, is one that this reading shows; where there is none yet, or it failed, may show. */
export function shows(reading: SaverReading | undefined, table: string, chain?: string): boolean {
  if (reading === undefined || reading.error !== undefined) return TABLES.includes(table);
  const { dump } = reading;
  return chain === undefined ? dump.covers(table) : dump.tally.has(dump.family, table, chain);
}
