import { setImmediate as nextTurn } from "node:timers/promises";

/** From one look to the next at least: what is silent for less may be about to send. */
const PAUSE_MS = 5000;

/** What has places that it gives to others, once it has looked which are silent. */
export interface Looking {
  /** Yields often enough not to hold the event loop. */
  look(): Iterable<void>;
}

/** Looks in the background what is silent, after what was seen has been counted. */
export class Looks {
  readonly #ledger: Looking;
  readonly #now: () => number;
  #nextAt = 0;

  /** `now`: a clock in milliseconds that never steps back. */
  constructor(ledger: Looking, now = () => performance.now()) {
    this.#ledger = ledger;
    this.#now = now;
  }

  /** To be called whenever everything is counted; resolves when it has looked, if it is time to. */
  async start(): Promise<void> {
    if (this.#now() < this.#nextAt) return;
    this.#nextAt = this.#now() + PAUSE_MS;
    for (const _ of this.#ledger.look()) await nextTurn();
  }
}
