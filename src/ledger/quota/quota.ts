import { type Places, Silence } from "./silence.ts";
import { findSilent, type SilentQueue } from "./silent-queue.ts";

/** Before a set is so full, nobody needs a place back: nothing is looked at, and nothing remembered. */
const NEARLY_FULL = 7 / 8;
/** Without a clock: packets of what has no place between two looks, as a part of the limit, and the fewest. */
const NEWCOMERS = 1 / 8;
const MIN_NEWCOMERS = 1024;

/**
 * How many places a bounded set may have, and has. Once it is full, what is new is given the place of what has been silent
 * longest. What was active between two looks keeps its place, so that a set of which all are active does not turn over
 * with every packet: then what is new has none.
 *
 * What loses its place is given none until a page was without it, or its counters would go back from page to page: what
 * gives the places keeps that in mind.
 */
export class Quota {
  /** May be raised at any time. */
  limit: number;
  used = 0;
  readonly #parts: () => readonly Places[];
  #silences = new Map<Places, Silence>();
  #queue: SilentQueue | undefined;
  #looks = 0;
  #isLooking = false;
  #readers = 0;
  #hasPages = false;
  /** Places that were lost since a page began. */
  #lost = 0;
  /** Packets of what had no place. */
  #newcomers = 0;
  /** So many make us look, if there is no clock. */
  #nextLook = Number.POSITIVE_INFINITY;

  /** `parts`: all places of the set. */
  constructor(limit: number, parts: () => readonly Places[]) {
    this.limit = limit;
    this.#parts = parts;
  }

  /** Takes a place for what is new, and sends or receives now; false if there is none. */
  take(sends: boolean): boolean {
    this.#newcomers++;
    if (this.used >= this.limit && !this.#vacate(sends)) return false;
    this.used++;
    if (this.#newcomers >= this.#nextLook && this.#looks === 0 && this.#isNearlyFull) this.#lookAtOnce();
    return true;
  }

  /** A page begins. */
  beginPage(): void {
    this.#hasPages = true;
    this.#lost = 0;
  }

  /** Whether there are pages, from which something can be gone. */
  get hasPages(): boolean {
    return this.#hasPages;
  }

  /** Whether something is being read that nothing may lose its place for. */
  get isHeld(): boolean {
    return this.#readers > 0;
  }

  /**
   * Nothing loses its place until this is disposed of, so that what is read of them one by one, over several turns, has
   * an exact sum.
   */
  hold(): Disposable {
    this.#readers++;
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#readers--;
        isHeld = false;
      },
    };
  }

  /**
   * Looks which places are silent: to be called when all is counted that was seen, and not again within seconds. Yields
   * often enough not to hold the event loop.
   */
  *look(): Generator<void> {
    if (this.#isLooking) return;
    if (!this.#isNearlyFull) {
      this.#silences.clear();
      this.#queue = undefined;
      return;
    }
    this.#isLooking = true;
    try {
      const parts = this.#parts();
      this.#silences = new Map(parts.map((places) => [places, this.#silences.get(places) ?? new Silence(places)]));
      this.#queue = yield* findSilent([...this.#silences.values()], ++this.#looks);
    } finally {
      this.#isLooking = false;
    }
  }

  /**
   * Makes it look by itself from now on, every so many newcomers: for what is counted without a clock, such as a file.
   */
  lookByNewcomers(): void {
    this.#nextLook = 0;
  }

  get #isNearlyFull(): boolean {
    return this.used >= this.limit * NEARLY_FULL;
  }

  /** Takes the place back of what has been silent longest; false if there is none. */
  #vacate(sends: boolean): boolean {
    // No more than can be kept in mind.
    if (this.#readers > 0 || (this.#hasPages && this.#lost >= this.limit)) return false;
    let isVacant = this.#queue?.vacate(sends) === true;
    if (!isVacant && this.#newcomers >= this.#nextLook) {
      this.#lookAtOnce();
      isVacant = this.#queue?.vacate(sends) === true;
    }
    if (!isVacant) return false;
    this.used--;
    this.#lost++;
    return true;
  }

  #lookAtOnce(): void {
    for (const _ of this.look());
    this.#nextLook = this.#newcomers + Math.max(MIN_NEWCOMERS, Math.ceil(this.limit * NEWCOMERS));
  }
}
