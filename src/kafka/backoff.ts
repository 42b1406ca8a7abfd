import { setTimeout as delay } from "node:timers/promises";

const FIRST_MS = 250;
const MAX_MS = 10_000;

/** Pauses between attempts, each twice as long as the last. */
export class Backoff {
  #nextMs = FIRST_MS;

  /** Makes the next pause short. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }

  /** Waits until it is time to try again, or the signal aborts. */
  async pause(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(ms * 2, MAX_MS);
    // Not all instances at once.
    await delay(ms * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => {});
  }
}
