/** In seconds: a frame is younger, unless the host's clock was set. */
const OLDEST = 1;
/** Two clocks that are read one after the other differ. */
const TOLERANCE = 0.1;

/** Read once: to ask for it costs more than the clock. */
const { timeOrigin } = performance;

/** Seconds since 1970, by the clock that the host had at the start: it is never set. */
export class SteadyClock {
  /** What this clock is ahead of the host's. */
  #offset = 0;

  now(): number {
    return (timeOrigin + performance.now()) / 1000;
  }

  /** The time of a frame that has just come, of which the host's clock said `hostSeconds`. */
  timeOf(hostSeconds: number): number {
    const now = this.now();
    const age = now - hostSeconds - this.#offset;
    if (age > OLDEST || age < -TOLERANCE) this.#offset = now - Date.now() / 1000;
    return Math.min(now, hostSeconds + this.#offset);
  }
}
