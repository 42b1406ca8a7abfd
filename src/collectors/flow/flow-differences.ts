import { lengthened } from "../../grown-array.ts";
import { FlowKind, type FlowLedger, SLOT_COUNTERS } from "./flow-ledger.ts";
import { OTHER_SLOT } from "./label-sets.ts";

/** About 200 kB of JSON; brokers take 1 MB unless they are told otherwise. */
const BATCH_RECORDS = 1000;
/** Slots that are looked at before the event loop gets its turn. */
const SLOTS_PER_TURN = 4096;
const KINDS = Object.values(FlowKind);

/** What was counted of one kind and nobody has taken yet; whole numbers. What stays within our AS is no transmission here. */
export interface FlowDifference {
  readonly kind: FlowKind;
  /** Of the set of labels; those of "other" have none. */
  readonly labels: readonly (number | string)[] | undefined;
  readonly bytes: number;
  readonly packets: number;
}

export interface FlowBatch {
  readonly differences: readonly FlowDifference[];
  /** Takes note that all of it has been taken. */
  take(): void;
}

interface Open extends FlowDifference {
  /** Where it stands now. */
  slot: number;
}

/** What a ledger of flows has counted from now on and nobody has taken yet. It costs as much as its counters. */
export class FlowDifferences {
  readonly #ledger: FlowLedger;
  /** What was taken, as the ledger has its counters; the last ones may be missing. */
  #taken: Float64Array;
  /** Given to a taker, or about to be, and not taken. */
  #open: Open[] = [];

  constructor(ledger: FlowLedger) {
    this.#ledger = ledger;
    this.#taken = ledger.copy().counters;
    ledger.onVacate = (slot) => this.#fold(slot);
  }

  /** Goes through all differences once: the next batch is made when it is asked for, after the last was taken. */
  *batches(): Generator<FlowBatch | undefined> {
    const { count } = this.#ledger;
    this.#open = [];
    for (let slot = 0; slot < count; slot++) {
      if (slot % SLOTS_PER_TURN === SLOTS_PER_TURN - 1) yield undefined;
      this.#open.push(...this.#differencesOf(slot));
      if (this.#open.length < BATCH_RECORDS) continue;
      yield this.#batch();
      this.#open = [];
    }
    if (this.#open.length > 0) yield this.#batch();
    this.#open = [];
  }

  #batch(): FlowBatch {
    const differences = this.#open;
    return { differences, take: () => differences.forEach((each) => this.#take(each)) };
  }

  #differencesOf(slot: number): Open[] {
    const labels = slot === OTHER_SLOT ? undefined : this.#ledger.sets.labelsOf(slot);
    return KINDS.flatMap((kind) => {
      const [bytes, packets] = [this.#left(slot, kind, 0), this.#left(slot, kind, 1)];
      return bytes === 0 && packets === 0 ? [] : [{ slot, kind, labels, bytes, packets }];
    });
  }

  /** Bytes (0) or packets (1) that were not taken yet; of a fraction, which sampling may make, nothing. */
  #left(slot: number, kind: FlowKind, counter: number): number {
    const leftOf = (each: FlowKind): number => {
      const at = slot * SLOT_COUNTERS + 2 * each + counter;
      return this.#ledger.counters[at]! - (this.#taken[at] ?? 0);
    };
    return Math.floor(leftOf(kind) - (kind === FlowKind.TRANSMIT ? leftOf(FlowKind.INTERNAL) : 0));
  }

  #take({ slot, kind, bytes, packets }: Open): void {
    const end = (slot + 1) * SLOT_COUNTERS;
    if (end > this.#taken.length) this.#taken = lengthened(this.#taken, this.#ledger.counters.length);
    for (const each of kind === FlowKind.INTERNAL ? [kind, FlowKind.TRANSMIT] : [kind]) {
      const at = slot * SLOT_COUNTERS + 2 * each;
      this.#taken[at]! += bytes;
      this.#taken[at + 1]! += packets;
    }
  }

  /** What a slot has counted is that of "other" now: so is what was taken of it, and what is about to be. */
  #fold(slot: number): void {
    for (const each of this.#open) if (each.slot === slot) each.slot = OTHER_SLOT;
    const taken = this.#taken;
    for (let counter = 0; counter < SLOT_COUNTERS; counter++) {
      const at = slot * SLOT_COUNTERS + counter;
      if (at >= taken.length) return;
      taken[OTHER_SLOT * SLOT_COUNTERS + counter]! += taken[at]!;
      taken[at] = 0;
    }
  }
}
