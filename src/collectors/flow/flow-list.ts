import { type CountedList, type CountedSet, labelWords } from "../status.ts";
import type { FlowInput } from "./flow-collector.ts";
import { FlowKind, type FlowLedger, SLOT_COUNTERS } from "./flow-ledger.ts";
import { OTHER_SLOT } from "./label-sets.ts";
import type { SlotLabels } from "./slot-labels.ts";

/** What is within our AS is counted as sent as well. */
const KINDS = [FlowKind.TRANSMIT, FlowKind.RECEIVE, FlowKind.TRANSIT];

/** Flows by their labels. */
export class FlowList implements CountedList, CountedSet {
  readonly title = "flows";
  readonly isPrivate = true;
  readonly unit = "bytes";
  readonly #ledger: FlowLedger;
  readonly #labels: SlotLabels;
  readonly #inputs: readonly FlowInput[];

  constructor(ledger: FlowLedger, labels: SlotLabels, inputs: readonly FlowInput[]) {
    this.#ledger = ledger;
    this.#labels = labels;
    this.#inputs = inputs;
  }

  get count(): number {
    return this.#ledger.count;
  }

  async refresh(): Promise<void> {
    for (const input of this.#inputs) input.sync();
  }

  hold(): Disposable {
    return this.#ledger.quota.hold();
  }

  sets(): CountedSet[] {
    return [this];
  }

  countOf(slot: number): number {
    if (slot === OTHER_SLOT) return 0;
    const { counters } = this.#ledger;
    let sum = 0;
    for (const kind of KINDS) sum += counters[slot * SLOT_COUNTERS + 2 * kind]!;
    return sum;
  }

  editionOf(slot: number): number {
    return this.#ledger.sets.editionOf(slot);
  }

  nameOf(slot: number): string {
    return labelWords(this.#labels.textOf(slot));
  }

  whereOf(): string {
    return "";
  }
}
