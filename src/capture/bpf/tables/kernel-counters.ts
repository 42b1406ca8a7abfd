import { BUCKETS, SLOT_DOUBLES, SUM } from "../../../ledger/histogram.ts";
import { EVENT_SLOT, type EventOffset } from "../layout.ts";

/**
 * The counters that programs add to, in all lanes, and how much of them was taken. The kernel may be writing one while it
 * is read: as a double it is read in one step of 8 bytes; two halves of 4 could be of different numbers. No counter
 * grows into the doubles that are no numbers.
 */
export class KernelCounters {
  readonly #counters: Float64Array;
  /** Slot → what its counters were when they were last taken, all lanes together. */
  readonly #taken: Float64Array;
  /** One counter, to look at a double as the whole number that it is. */
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);

  constructor(memory: ArrayBuffer, slots: number) {
    this.#counters = new Float64Array(memory);
    this.#taken = new Float64Array(slots * SLOT_DOUBLES);
  }

  /** Whether packets were counted in a slot that were not taken. */
  hasNews(slot: number): boolean {
    const at = slot * SLOT_DOUBLES;
    for (let bucket = at; bucket < at + BUCKETS; bucket++) if (this.#total(bucket) > this.#taken[bucket]!) return true;
    return false;
  }

  /** Adds to the counters of a ledger's slot, which begin at `to`, what was not taken yet. */
  take(slot: number, counters: Float64Array, to: number): void {
    const from = slot * SLOT_DOUBLES;
    for (let k = 0; k < SLOT_DOUBLES; k++) counters[to + k]! += this.#takeOne(from + k);
  }

  /** How often an event was counted that was not taken yet. */
  takeEvent(event: EventOffset): number {
    return this.#takeOne(EVENT_SLOT * SLOT_DOUBLES + event / 8);
  }

  /** Takes all, for nobody. */
  discard(): void {
    for (let at = 0; at < this.#taken.length; at++) this.#takeOne(at);
  }

  /** Bytes of a slot that were taken. */
  takenBytes(slot: number): number {
    return this.#taken[slot * SLOT_DOUBLES + SUM]!;
  }

  /** Makes a slot as it was at first; no program may be counting there. */
  clear(slot: number): void {
    const first = slot * SLOT_DOUBLES;
    this.#taken.fill(0, first, first + SLOT_DOUBLES);
    for (let at = first; at < this.#counters.length; at += this.#taken.length) {
      this.#counters.fill(0, at, at + SLOT_DOUBLES);
    }
  }

  #takeOne(at: number): number {
    const total = this.#total(at);
    const more = total - this.#taken[at]!;
    this.#taken[at] = total;
    return more;
  }

  /** One counter, over all lanes. */
  #total(at: number): number {
    const counters = this.#counters;
    const lane = this.#taken.length;
    let total = 0;
    for (let each = at; each < counters.length; each += lane) {
      this.#double[0] = counters[each]!;
      total += this.#words[0]! + this.#words[1]! * 2 ** 32;
    }
    return total;
  }
}
