import { grown } from "../../grown-array.ts";
import { Quota } from "../../ledger/quota/quota.ts";
import { FREE } from "../../ledger/quota/silence.ts";
import { LabelSets, NO_SLOT, OTHER_SLOT } from "./label-sets.ts";
import type { FlowRecord } from "./records/flow-record.ts";

/** Where a flow goes, as seen from our AS; in the order of its counters. */
export const FlowKind = { TRANSMIT: 0, RECEIVE: 1, TRANSIT: 2, INTERNAL: 3 } as const;
export type FlowKind = (typeof FlowKind)[keyof typeof FlowKind];
const KINDS = 4;
/** Counters of a set of labels: bytes and packets of each kind. */
export const SLOT_COUNTERS = 2 * KINDS;

const FIRST_SLOTS = 256;

export interface FlowLedgerOptions {
  readonly ownAs: number;
  /** Keys of the records that make labels. */
  readonly labels: readonly string[];
  /** Most sets of labels that have counters of their own. */
  readonly maxSeries: number;
}

/**
 * Bytes and packets by set of labels. Slots are given out on first use; when all are, a new set is given that of one
 * that is silent, whose counts go to "other". What comes back begins as new, after a page without it.
 */
export class FlowLedger {
  readonly sets: LabelSets;
  /** Of sets that have counters of their own. */
  readonly quota: Quota;
  /** Records that were counted under "other" for want of room. */
  otherRecords = 0;
  /** Records counted. */
  records = 0;
  /** Sets that gave their slot to others. */
  evictions = 0;
  counters = new Float64Array(FIRST_SLOTS * SLOT_COUNTERS);
  readonly #ownAs: number;
  /** Which kinds a slot has seen, one bit each; none if no set has the slot. */
  #seen = new Uint8Array(FIRST_SLOTS);
  #count = 1;
  readonly #free: number[] = [];
  /** Told of each slot whose counts are those of "other" from now on. */
  onVacate: (slot: number) => void = () => {};

  constructor({ ownAs, labels, maxSeries }: FlowLedgerOptions) {
    this.#ownAs = ownAs;
    this.sets = new LabelSets(labels);
    this.quota = new Quota(maxSeries, () => [this]);
  }

  /** Slots up to the highest that was ever in use; the first is that of "other". */
  get count(): number {
    return this.#count;
  }

  /** Sets of labels that have counters of their own. */
  get series(): number {
    return this.quota.used;
  }

  hasSeen(slot: number, kind: FlowKind): boolean {
    return (this.#seen[slot]! & (1 << kind)) !== 0;
  }

  /** Adds a record to its counters. What stays within our AS counts as sent and as internal. Hot. */
  add(record: FlowRecord): void {
    const found = this.sets.find(record);
    const slot = found === NO_SLOT ? this.#admit() : found;
    this.records++;
    if (record.sourceAs === this.#ownAs) {
      this.#addTo(slot, FlowKind.TRANSMIT, record);
      if (record.destinationAs === this.#ownAs) this.#addTo(slot, FlowKind.INTERNAL, record);
    } else {
      this.#addTo(slot, record.destinationAs === this.#ownAs ? FlowKind.RECEIVE : FlowKind.TRANSIT, record);
    }
  }

  /** Grows with every record of a slot that counts anything; FREE if no set has it that could lose it. */
  activity(slot: number): number {
    if (slot === OTHER_SLOT || this.#seen[slot] === 0) return FREE;
    let sum = 0;
    const end = (slot + 1) * SLOT_COUNTERS;
    for (let at = slot * SLOT_COUNTERS; at < end; at++) sum += this.counters[at]!;
    return sum;
  }

  /** A flow is no more than what a producer has sent. */
  hasSent(): boolean {
    return true;
  }

  /** Takes a slot from its set; its counts go to "other". */
  vacate(slot: number): void {
    const { counters } = this;
    for (let counter = 0; counter < SLOT_COUNTERS; counter++) {
      counters[OTHER_SLOT * SLOT_COUNTERS + counter]! += counters[slot * SLOT_COUNTERS + counter]!;
      counters[slot * SLOT_COUNTERS + counter] = 0;
    }
    this.#seen[OTHER_SLOT]! |= this.#seen[slot]!;
    this.#seen[slot] = 0;
    this.onVacate(slot);
    this.sets.forget(slot);
    this.#free.push(slot);
    this.evictions++;
  }

  /** All that is counted now, of each slot that has seen anything. */
  copy(): { readonly counters: Float64Array; readonly seen: Uint8Array } {
    const { count } = this;
    return { counters: this.counters.slice(0, count * SLOT_COUNTERS), seen: this.#seen.slice(0, count) };
  }

  /** Adds what another ledger has counted under the labels of a record; without, or if there is no room, to "other". */
  restore(record: FlowRecord | undefined, seen: number, counters: Float64Array): void {
    const found = record === undefined ? OTHER_SLOT : this.sets.find(record);
    const slot = found === NO_SLOT ? this.#admit() : found;
    for (let counter = 0; counter < SLOT_COUNTERS; counter++) {
      this.counters[slot * SLOT_COUNTERS + counter]! += counters[counter]!;
    }
    this.#seen[slot]! |= seen;
  }

  #addTo(slot: number, kind: FlowKind, record: FlowRecord): void {
    const at = slot * SLOT_COUNTERS + 2 * kind;
    this.counters[at]! += record.bytes;
    this.counters[at + 1]! += record.packets;
    this.#seen[slot]! |= 1 << kind;
  }

  /** The slot for labels that have none. */
  #admit(): number {
    // Its counters would go back from one page to the next.
    if (this.sets.isLeaving || !this.quota.take(true)) {
      this.otherRecords++;
      return OTHER_SLOT;
    }
    const slot = this.#free.pop() ?? this.#count++;
    if (slot >= this.#seen.length) this.#grow();
    this.sets.keep(slot);
    return slot;
  }

  #grow(): void {
    this.#seen = grown(this.#seen);
    this.counters = grown(this.counters);
  }
}
