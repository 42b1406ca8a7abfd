import { isDoneBy } from "../waiting.ts";

/** How old a result may be that stands for one that is not there yet: as old as what Prometheus itself looks back to. */
const MAX_AGE_MS = 5 * 60_000;

/** The result of work. */
export interface Result<T> {
  readonly value: T;
  /** How long before now it was begun, in seconds; 0 if it was waited for. */
  readonly ageSeconds: number;
}

/**
 * Work that may take longer than a scrape waits for it: it goes on, all scrapes of that time share it, and a later one
 * has what came of it. One that rejects is begun again.
 */
export class Ongoing<T> {
  readonly #pauseMs: (tookMs: number) => number;
  #running: Promise<T> | undefined;
  #last: { readonly value: T; readonly begun: number } | undefined;
  #restsUntil = 0;

  /** `pauseMs`: how long it rests, having taken so long. */
  constructor(pauseMs: (tookMs: number) => number) {
    this.#pauseMs = pauseMs;
  }

  /** Begins the work if it is not under way and does not rest; undefined if nothing comes of it by `deadline`. */
  async result(deadline: number, work: () => Promise<T>): Promise<Result<T> | undefined> {
    const now = performance.now();
    if (this.#running === undefined && now >= this.#restsUntil) this.#running = this.#run(work, now);
    const running = this.#running;
    if (running !== undefined && (await isDoneBy(deadline, running))) return { value: await running, ageSeconds: 0 };
    const ageMs = performance.now() - (this.#last?.begun ?? 0);
    return this.#last === undefined || ageMs > MAX_AGE_MS
      ? undefined
      : { value: this.#last.value, ageSeconds: ageMs / 1000 };
  }

  /** Waits for what is under way; how it ends is for those that asked for it. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#running]);
  }

  async #run(work: () => Promise<T>, begun: number): Promise<T> {
    try {
      const value = await work();
      const ended = performance.now();
      this.#last = { value, begun };
      this.#restsUntil = ended + this.#pauseMs(ended - begun);
      return value;
    } finally {
      this.#running = undefined;
    }
  }
}
