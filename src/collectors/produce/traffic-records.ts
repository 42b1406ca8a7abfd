import type { TrafficSource } from "../traffic.ts";
import { accountingRecord } from "./accounting-record.ts";
import type { Differences } from "./differences.ts";
import type { RecordBatch, RecordSource } from "./record-source.ts";

/** What records of traffic tell besides counts. */
export interface TrafficContext {
  readonly label: string;
  readonly ownAs: number;
  /** Interface → the kernel's index of it, now or when it was last there. */
  indexes(): ReadonlyMap<string, number>;
}

/** Records of the traffic that is captured. */
export class TrafficRecords implements RecordSource {
  readonly hasEnded = false;
  readonly #source: TrafficSource;
  readonly #context: TrafficContext;
  readonly #differences: Differences;
  readonly #innerNames = new Set<string>();

  constructor(source: TrafficSource, differences: Differences, context: TrafficContext) {
    this.#source = source;
    this.#context = context;
    this.#differences = differences;
  }

  get droppedPackets(): number {
    return this.#differences.droppedPackets;
  }

  watch(): void {
    this.#differences.watch();
  }

  *batches(from: number): Generator<RecordBatch | undefined> {
    this.#source.sync();
    const indexes = this.#context.indexes();
    for (const batch of this.#differences.batches(this.#inner())) {
      if (batch === undefined) {
        yield undefined;
        continue;
      }
      const context = { ...this.#context, indexes, from, until: Date.now() / 1000 };
      const records = batch.counted.map((counted) => Buffer.from(accountingRecord(counted, context)));
      yield { records, take: () => batch.take() };
    }
    const { names } = this.#differences;
    for (const name of this.#innerNames) if (!names.has(name)) this.#innerNames.delete(name);
  }

  /** Interfaces whose packets count on another one too, where they enter or leave the host; those that went as before. */
  #inner(): ReadonlySet<string> {
    for (const { name, position } of this.#source.taps()) {
      if (position?.isEdge === false) this.#innerNames.add(name);
      else if (position !== undefined) this.#innerNames.delete(name);
    }
    return this.#innerNames;
  }
}
