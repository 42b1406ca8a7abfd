import { grown } from "../grown-array.ts";
import { BUCKETS, SLOT_DOUBLES, SUM } from "./histogram.ts";

const INITIAL_SLOTS = 64;

/**
 * Histograms of one interface, given out one by one as traffic first needs them, so that memory follows what is active
 * and not what is listed. Numbers are doubles: exact to 2^53, and what Prometheus stores.
 */
export class Slots {
  #counters = new Float64Array(INITIAL_SLOTS * SLOT_DOUBLES);
  #used = 0;
  /** Slots given back. */
  readonly #free: number[] = [];

  /** One more than the highest slot that was ever given out. */
  get used(): number {
    return this.#used;
  }

  /** The counters of all slots, SLOT_DOUBLES each; replaced by a larger array when slots are added. */
  get counters(): Float64Array {
    return this.#counters;
  }

  /** Gives out a slot, all zeros. */
  add(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if ((this.#used + 1) * SLOT_DOUBLES > this.#counters.length) this.#counters = grown(this.#counters);
    return this.#used++;
  }

  /** The counters of all slots as they are now. */
  copy(): Float64Array {
    return this.#counters.slice(0, this.#used * SLOT_DOUBLES);
  }

  /** Packets that were counted in a slot. */
  packets(slot: number): number {
    const start = slot * SLOT_DOUBLES;
    return this.#counters.subarray(start, start + BUCKETS).reduce((sum, count) => sum + count, 0);
  }

  /** Moves all counts of a slot to another one, and takes it back. */
  fold(slot: number, into: number): void {
    const counters = this.#counters;
    for (let k = 0; k < SLOT_DOUBLES; k++) {
      counters[into * SLOT_DOUBLES + k]! += counters[slot * SLOT_DOUBLES + k]!;
      counters[slot * SLOT_DOUBLES + k] = 0;
    }
    this.#free.push(slot);
  }

  /** Counts packets of the same size into their bucket. Hot; does not allocate. */
  count(slot: number, bucket: number, lengthBytes: number, packets: number): void {
    const counters = this.#counters;
    const base = slot * SLOT_DOUBLES;
    counters[base + bucket]! += packets;
    counters[base + SUM]! += packets * lengthBytes;
  }
}
