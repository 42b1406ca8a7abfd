import { SLOT_DOUBLES, SUM } from "./histogram.ts";

const INITIAL_SLOTS = 64;

/**
 * Histograms of one interface, given out one by one as traffic first needs them, so that memory follows what is active
 * and not what is listed. Numbers are doubles: exact to 2^53, and what Prometheus stores.
 */
export class Slots {
  #counters = new Float64Array(INITIAL_SLOTS * SLOT_DOUBLES);
  #used = 0;

  /** Slots given out so far. */
  get used(): number {
    return this.#used;
  }

  /** The counters of all slots, SLOT_DOUBLES each; replaced by a larger array when slots are added. */
  get counters(): Float64Array {
    return this.#counters;
  }

  /** Gives out the next slot, all zeros. */
  add(): number {
    if ((this.#used + 1) * SLOT_DOUBLES > this.#counters.length) {
      const larger = new Float64Array(this.#counters.length * 2);
      larger.set(this.#counters);
      this.#counters = larger;
    }
    return this.#used++;
  }

  /** Counts packets of the same size into their bucket. Hot; does not allocate. */
  count(slot: number, bucket: number, lengthBytes: number, packets: number): void {
    const counters = this.#counters;
    const base = slot * SLOT_DOUBLES;
    counters[base + bucket]! += packets;
    counters[base + SUM]! += packets * lengthBytes;
  }
}
