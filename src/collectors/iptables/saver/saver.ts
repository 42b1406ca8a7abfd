import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../../errors.ts";
import { Backend, type IptablesFamily, isOfSystem, type Saver } from "../backends.ts";
import { readGeneration, type Outline } from "../kernel/kernel.ts";
import { KnownRules, type Scope, scopeOf } from "../kernel/known-rules.ts";
import { Ongoing } from "../ongoing.ts";
import { type Limits, type Outcome, Program } from "../program.ts";
import { failedReading, lateReading, type Reading, MAX_READING_MS, readingOf, restMs } from "../reading.ts";
import { type Content, type LabelOptions, Rows } from "../rows.ts";
import { Dump } from "./dump.ts";
import type { Shown } from "./shown.ts";

/** RESOURCE_PROBLEM of xtables.h: another process holds the lock, or changed the rules meanwhile. */
const EXIT_BUSY = 4;
/** The status is the same if a capability is missing; asking again is of no use then. */
const REFUSAL = /permission|permitted/i;
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;

/** Tables of iptables-legacy that the kernel has loaded. */
const LEGACY_TABLES: Readonly<Record<IptablesFamily, string>> = {
  ipv4: "/proc/net/ip_tables_names",
  ipv6: "/proc/net/ip6_tables_names",
};
/** All that iptables may have. */
const TABLES: readonly string[] = ["filter", "nat", "mangle", "raw", "security"];

export interface SaverOptions extends LabelOptions {
  /** No table at all is an error: iptables_exporter takes it for a lack of permission. */
  readonly isEmptyWrong: boolean;
}

export interface SaverReading extends Reading {
  /** Which tables and chains are its own; not if there is an error. */
  readonly shown: Shown | undefined;
}

/** Rules that were printed once, without what they count. */
interface Printed extends Omit<Content, "counts"> {
  readonly rules: KnownRules;
  readonly shown: Shown;
  readonly stderr: string;
}

/**
 * Asks `iptables-save` or one of its kind for the rules and their counters; of iptables-nft, the kernel for the counters
 * as long as the rules stay as they are, which takes less than half of the time.
 */
export class SaverReader {
  readonly saver: Saver;
  readonly #program: Program;
  readonly #options: SaverOptions;
  readonly #reading = new Ongoing<SaverReading>((tookMs) => restMs(tookMs, this.#printed !== undefined));
  #printed: Printed | undefined;

  constructor(saver: Saver, options: SaverOptions) {
    this.saver = saver;
    this.#program = new Program(saver.path);
    this.#options = options;
  }

  /** Whether the kernel itself can be asked for the counters. */
  get isOfKernel(): boolean {
    return this.saver.backend === Backend.IPTABLES_NFT && isOfSystem(this.saver);
  }

  /** Reads by `deadline`, or has an older reading. Never rejects. */
  async read(outline: Outline | undefined, deadline: number, signal: AbortSignal): Promise<SaverReading> {
    const start = performance.now();
    const limits = { deadline: start + MAX_READING_MS, signal };
    const result = await this.#reading.result(deadline, () => this.#read(outline, deadline, limits));
    if (result === undefined) return { ...lateReading(this.saver, start), shown: undefined };
    return { ...result.value, ageSeconds: result.ageSeconds };
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#reading.settled();
  }

  async #read(outline: Outline | undefined, askUntil: number, limits: Limits): Promise<SaverReading> {
    const start = performance.now();
    if (outline === undefined || !this.isOfKernel) return this.#print(start, askUntil, limits);
    const { family } = this.saver;
    const scope = scopeOf(outline, (of, table) => of === family && TABLES.includes(table));
    return (await this.#count(start, outline, scope, limits)) ?? this.#print(start, askUntil, limits, outline, scope);
  }

  async #count(start: number, outline: Outline, scope: Scope, limits: Limits): Promise<SaverReading | undefined> {
    if (this.#printed === undefined) return undefined;
    const { rules, shown, stderr, ...content } = this.#printed;
    const counted = await rules.counts(outline, scope, limits);
    if (counted === undefined) return undefined;
    return { ...readingOf(this.saver, start, stderr, { ...content, counts: counted.counts }), shown };
  }

  async #print(
    start: number,
    askUntil: number,
    limits: Limits,
    outline?: Outline,
    scope?: Scope,
  ): Promise<SaverReading> {
    this.#printed = undefined;
    const { dump, outcome } = await this.#dump(askUntil, limits);
    const { shown, book, unreadable } = dump;
    const { stderr } = outcome;
    let { error } = outcome;
    if (error === undefined && this.#options.isEmptyWrong && dump.isEmpty) error = "printed no table";
    if (error !== undefined) return { ...failedReading(this.saver, start, error, stderr), shown: undefined };
    const content = { rows: await Rows.of(book, this.#options.chainLabels), unreadable, refused: book.refused };
    const { counts } = book;
    if (outline !== undefined && scope !== undefined && readGeneration() === outline.generation) {
      const rules = new KnownRules(scope.shape, shown.order, counts, outline.generation);
      this.#printed = { ...content, rules, shown, stderr };
    }
    return { ...readingOf(this.saver, start, stderr, { ...content, counts }), shown };
  }

  async #dump(askUntil: number, limits: Limits): Promise<{ dump: Dump; outcome: Outcome }> {
    const tables = this.#loadedTables();
    if (tables.error !== undefined || tables.isEmpty) {
      const outcome = { exitStatus: null, error: tables.error, stderr: "" };
      return { dump: new Dump(this.saver.family, this.#options), outcome };
    }
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const dump = new Dump(this.saver.family, this.#options);
      const outcome = await this.#run(dump, limits);
      const isBusy = outcome.exitStatus === EXIT_BUSY && !REFUSAL.test(outcome.stderr);
      if (!isBusy || performance.now() + pauseMs >= askUntil || limits.signal.aborted) return { dump, outcome };
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
   * iptables-legacy is not asked if it has no tables: it would load modules, which then look at every packet. (It
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

/** Whether a table, or a chain of it, is one that this reading shows; if there is none yet, or it failed, may show. */
export function shows(reading: SaverReading | undefined, table: string, chain?: string): boolean {
  const shown = reading?.shown;
  if (shown === undefined) return TABLES.includes(table);
  return chain === undefined ? shown.hasTable(table) : shown.hasChain(table, chain);
}
