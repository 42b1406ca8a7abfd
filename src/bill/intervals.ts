/** Samples are made of 5 minutes, which begin with those of the hour; they are numbered from 1970 on. */
export const INTERVAL_MS = 300_000;
/** A clock that is put back by less is still in the interval that has begun. */
const MAX_JITTER_MS = 10_000;

/** An interval that is over, or that was left by a clock that was set. */
export interface Interval {
  readonly number: number;
  /** For how long of it there was somebody to count. */
  readonly coveredMs: number;
}

/** What a clock has done instead of going on. */
export interface ClockStep {
  readonly from: number;
  readonly to: number;
}

export function intervalAt(wallMs: number): number {
  return Math.floor(wallMs / INTERVAL_MS);
}

/** Follows a clock that may be set at any time through the intervals, by one that never steps. */
export class Intervals {
  #number: number;
  /** Of this interval before the program was started, and when it was. */
  #coveredBeforeMs = 0;
  #sinceMs: number;

  constructor(wallMs: number, steadyMs: number) {
    this.#number = intervalAt(wallMs);
    this.#sinceMs = steadyMs;
  }

  get number(): number {
    return this.#number;
  }

  /** Goes on with the interval that a run before has begun. */
  resume({ coveredMs }: Interval): void {
    this.#coveredBeforeMs = coveredMs;
  }

  /** The interval as it is now. */
  now(steadyMs: number): Interval {
    const coveredMs = this.#coveredBeforeMs + steadyMs - this.#sinceMs;
    return { number: this.#number, coveredMs: Math.min(coveredMs, INTERVAL_MS) };
  }

  /** Whether the clock is in another interval, so that `next` is due. */
  isOver(wallMs: number): boolean {
    const isJitter = wallMs < this.#number * INTERVAL_MS && wallMs >= this.#number * INTERVAL_MS - MAX_JITTER_MS;
    return intervalAt(wallMs) !== this.#number && !isJitter;
  }

  /** Begins the interval of the clock; returns the step by which it came there, unless it is the next one. */
  next(wallMs: number, steadyMs: number): ClockStep | undefined {
    const from = this.#number;
    const to = intervalAt(wallMs);
    this.#number = to;
    this.#coveredBeforeMs = 0;
    this.#sinceMs = steadyMs;
    return to === from + 1 ? undefined : { from, to };
  }
}

/** When an interval begins. */
export function intervalText(number: number): string {
  return `${new Date(number * INTERVAL_MS).toISOString().slice(0, 16)}Z`;
}
