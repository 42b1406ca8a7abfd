import { Unopened } from "../../../packet/packet.ts";

/** One for each `Unopened`, that of no reason included. */
export const UNOPENED_COUNTERS = Object.keys(Unopened).length;

/** Why tunnels were not opened → packets, which programs add to, and how many of them were taken. */
export class UnopenedCounters {
  readonly #counters: BigUint64Array;
  readonly #taken = new Float64Array(UNOPENED_COUNTERS);

  /** `memory`: of the value that they stand in. */
  constructor(memory: ArrayBuffer, offset: number) {
    this.#counters = new BigUint64Array(memory, offset, UNOPENED_COUNTERS);
  }

  /** Adds what was not taken yet. */
  take(unopened: Float64Array): void {
    for (let reason = 0; reason < UNOPENED_COUNTERS; reason++) unopened[reason]! += this.#takeOne(reason);
  }

  /** Takes all, for nobody. */
  discard(): void {
    for (let reason = 0; reason < UNOPENED_COUNTERS; reason++) this.#takeOne(reason);
  }

  #takeOne(reason: number): number {
    // In one step: a program may be adding to it.
    const total = Number(Atomics.load(this.#counters, reason));
    const more = total - this.#taken[reason]!;
    this.#taken[reason] = total;
    return more;
  }
}
