import { setImmediate as nextTurn } from "node:timers/promises";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { type Family, gauge } from "../page/family.ts";
import type { FamilyName } from "../page/named-families.ts";
import { isDoneBy } from "./waiting.ts";

/** A source of families, read at scrape time. Its name is its flag and its label. */
export interface Collector {
  readonly name: string;
  /** `deadline`: the time of performance.now() at which the page is made without it. */
  collect(deadline: number): Promise<Family[]>;
}

/** How a collector did when it was last asked. */
export interface CollectorState {
  readonly name: string;
  /** For the last page that it was on; undefined if there was none. */
  readonly seconds: number | undefined;
  readonly error: string | undefined;
  /** The last one, if it works again. */
  readonly lastFailure: Failure | undefined;
}

interface Failure {
  readonly at: Date;
  readonly error: string;
}

/** Told when a collector's state changes: `error` is its message, or undefined when it works again. */
export type StateListener = (collector: string, error: string | undefined) => void;

const LATE = "wasn't done in its share of the scrape's time (--collector-share)";

const SUCCESS = "promtap_collector_success";

/**
 * Asks all collectors at once, times them and reports on them. One that fails, or is not done in its share of the time,
 * leaves its own families out and nothing else; while it goes on it is not asked again.
 */
export class CollectorSet {
  #collectors: readonly Collector[] = [];
  /** The part of a scrape's time that each may take, up to 1. */
  share: number;
  readonly #onChange: StateListener;
  readonly #errors = new Map<string, string>();
  /** Collector → when it failed last, and why. */
  readonly #failures = new Map<string, Failure>();
  /** Collector → how long it took for the last page that it was asked for. */
  readonly #seconds = new Map<string, number>();
  /** What scrapes stopped waiting for, by collector. */
  readonly #late = new Map<string, Promise<unknown>>();
  /** Collector → all families it ever had, by name. */
  readonly #families = new Map<string, Map<string, FamilyName>>();

  constructor(collectors: readonly Collector[], share: number, onChange: StateListener) {
    this.use(collectors);
    this.share = share;
    this.#onChange = onChange;
  }

  /** Asks these from now on, and no others. */
  use(collectors: readonly Collector[]): void {
    this.#collectors = collectors;
    const names = new Set(collectors.map(({ name }) => name));
    for (const known of [this.#errors, this.#failures, this.#seconds, this.#families]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
  }

  /**
   * The collectors of these names, or all but those to exclude, or all. Throws if there is none of a name: a page with
   * less than was asked for would pass for a whole one.
   */
  chosen(names: readonly string[], excluded: readonly string[]): readonly Collector[] {
    if (names.length > 0 && excluded.length > 0) {
      throw new PromtapError(ErrorCode.REQUEST, "collect[] and exclude[] exclude each other");
    }
    const known = this.#collectors.map(({ name }) => name);
    if ([...names, ...excluded].some((name) => !known.includes(name))) {
      throw new PromtapError(ErrorCode.REQUEST, `unknown collector; there are ${known.join(", ")}`);
    }
    return this.#collectors.filter(
      ({ name }) => (names.length > 0 ? names : known).includes(name) && !excluded.includes(name),
    );
  }

  /** How each did when it was last asked; `seconds` is undefined if it never was. */
  states(): CollectorState[] {
    return this.#collectors.map(({ name }) => {
      const error = this.#errors.get(name);
      const lastFailure = error === undefined ? this.#failures.get(name) : undefined;
      return { name, seconds: this.#seconds.get(name), error, lastFailure };
    });
  }

  /** All families that these collectors ever had: some come and go. */
  familiesOf(collectors: readonly Collector[]): FamilyName[] {
    return collectors.flatMap(({ name }) => [...(this.#families.get(name)?.values() ?? [])]);
  }

  async collect(deadline: number, collectors: readonly Collector[] = this.#collectors): Promise<Family[]> {
    const shareMs = (deadline - performance.now()) * this.share;
    const runs: Promise<Result>[] = [];
    for (const collector of collectors) {
      runs.push(this.#run(collector, shareMs, deadline));
      // One that holds the event loop takes no time from those before it.
      await nextTurn();
    }
    const results = await Promise.all(runs);
    const durations = results.map(({ collector, seconds }) => ({ labels: { collector }, value: seconds }));
    const successes = results.map(({ collector, families }) => ({ labels: { collector }, value: families ? 1 : 0 }));
    return [
      gauge("promtap_collector_duration_seconds", "Time the collector took for this page.", durations),
      gauge(SUCCESS, "Whether the collector's families are on this page.", successes),
      ...results.flatMap(({ families }) => families ?? []),
    ];
  }

  async #run(collector: Collector, shareMs: number, last: number): Promise<Result> {
    const start = performance.now();
    const end = Math.min(start + shareMs, last);
    let families: Family[] | undefined;
    let error: string | undefined;
    try {
      families = await this.#collect(collector, end, last);
    } catch (thrown) {
      error = messageOf(thrown);
    }
    this.#remember(collector.name, families ?? []);
    this.#report(collector.name, error);
    const seconds = (performance.now() - start) / 1000;
    this.#seconds.set(collector.name, seconds);
    return { collector: collector.name, seconds, families };
  }

  #remember(collector: string, families: readonly Family[]): void {
    const known = this.#families.get(collector) ?? new Map<string, FamilyName>();
    for (const { name, type } of families) if (!known.has(name)) known.set(name, { name, type });
    this.#families.set(collector, known);
  }

  async #collect(collector: Collector, end: number, last: number): Promise<Family[]> {
    const earlier = this.#late.get(collector.name);
    if (earlier !== undefined && !(await isDoneBy(end, earlier, last))) throw new Error(LATE);
    const work = collector.collect(end);
    if (await isDoneBy(end, work, last)) return work;
    this.#letGoOn(collector.name, [this.#late.get(collector.name), work]);
    throw new Error(LATE);
  }

  /** Remembers what is late until it is done. */
  #letGoOn(collector: string, works: readonly unknown[]): void {
    const late = Promise.allSettled(works).finally(() => {
      if (this.#late.get(collector) === late) this.#late.delete(collector);
    });
    this.#late.set(collector, late);
  }

  #report(collector: string, error: string | undefined): void {
    if (error !== undefined) this.#failures.set(collector, { at: new Date(), error });
    if (this.#errors.get(collector) === error) return;
    if (error === undefined) this.#errors.delete(collector);
    else this.#errors.set(collector, error);
    this.#onChange(collector, error);
  }
}

/** Whether these families are of all collectors that were asked. */
export function areComplete(families: readonly Family[]): boolean {
  const success = families.find(({ name }) => name === SUCCESS);
  return success !== undefined && "samples" in success && success.samples.every(({ value }) => value === 1);
}

interface Result {
  readonly collector: string;
  readonly seconds: number;
  /** Undefined if it failed or was late. */
  readonly families: Family[] | undefined;
}

/** Part of the time until the deadline that reading databases again may take; then the old ones serve the page. */
const RELOAD_SHARE = 0.5;

/**
 * Waits for databases that are being read again; half of the time at most, because reading goes on without the page.
 */
export async function reloaded(work: Promise<void>, deadline: number): Promise<void> {
  await isDoneBy(performance.now() + Math.max(deadline - performance.now(), 0) * RELOAD_SHARE, work);
}
