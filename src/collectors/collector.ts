import type { FrameTap } from "../capture/engine.ts";
import { messageOf } from "../errors.ts";
import type { CapabilityName } from "../native/capabilities.ts";
import { type Family, MetricType } from "../page/family.ts";

/** A source of families, read at scrape time. Its name is its flag and its label. */
export interface Collector {
  readonly name: string;
  /** `deadline`: the time of performance.now() by which the page must be on its way. */
  collect(deadline: number): Promise<Family[]>;
}

/** Collectors that belong together, and what they hold; disposing of it gives that back. */
export interface Feature extends AsyncDisposable {
  readonly collectors: readonly Collector[];
  /** Capabilities that are needed as long as it runs. */
  readonly keeps: readonly CapabilityName[];
  /** Takes the frames of a file that is read. */
  readonly tap?: FrameTap;
}

/** Told when a collector's state changes: `error` is its message, or undefined when it works again. */
export type StateListener = (collector: string, error: string | undefined) => void;

/**
 * Asks all collectors at once, times them and reports on them. One that fails, or is not done by the deadline, leaves
 * its own families out and nothing else.
 */
export class CollectorSet {
  readonly #collectors: readonly Collector[];
  readonly #onChange: StateListener;
  readonly #errors = new Map<string, string>();

  constructor(collectors: readonly Collector[], onChange: StateListener) {
    this.#collectors = collectors;
    this.#onChange = onChange;
  }

  async collect(deadline: number): Promise<Family[]> {
    const results = await Promise.all(this.#collectors.map((collector) => this.#run(collector, deadline)));
    const durations = results.map(({ collector, seconds }) => ({ labels: { collector }, value: seconds }));
    const successes = results.map(({ collector, families }) => ({ labels: { collector }, value: families ? 1 : 0 }));
    return [
      {
        name: "promtap_collector_duration_seconds",
        help: "Time the collector took for this page.",
        type: MetricType.GAUGE,
        samples: durations,
      },
      {
        name: "promtap_collector_success",
        help: "Whether the collector's families are on this page.",
        type: MetricType.GAUGE,
        samples: successes,
      },
      ...results.flatMap(({ families }) => families ?? []),
    ];
  }

  async #run(
    collector: Collector,
    deadline: number,
  ): Promise<{ collector: string; seconds: number; families: Family[] | undefined }> {
    const start = performance.now();
    let families: Family[] | undefined;
    let error: string | undefined;
    try {
      families = await byDeadline(collector.collect(deadline), deadline - start);
    } catch (thrown) {
      error = messageOf(thrown);
    }
    this.#report(collector.name, error);
    return { collector: collector.name, seconds: (performance.now() - start) / 1000, families };
  }

  #report(collector: string, error: string | undefined): void {
    if (this.#errors.get(collector) === error) return;
    if (error === undefined) this.#errors.delete(collector);
    else this.#errors.set(collector, error);
    this.#onChange(collector, error);
  }
}

/** How much of the time until the deadline databases get to be read again; then those before serve the page. */
const RELOAD_SHARE = 0.5;

/** Waits for databases that are read again; for half of the time at most, because reading goes on without the page. */
export async function reloaded(work: Promise<void>, deadline: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(deadline - performance.now(), 0) * RELOAD_SHARE);
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function byDeadline<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("not done before the scrape's deadline")), Math.max(milliseconds, 0));
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
