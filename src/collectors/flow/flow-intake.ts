import type { FlowLedger } from "./flow-ledger.ts";
import { FlowReader } from "./records/flow-reader.ts";
import { REFUSALS, Verdict } from "./records/flow-record.ts";

/** Where something is that could not be counted, and why. */
export interface Refusal {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}

/** How often it is told of refusals: what sends one bad record sends many. */
const TELL_MS = 60_000;

/** Counts what comes from Kafka: flows into the ledger, and the rest by its reason. */
export class FlowIntake {
  messages = 0;
  markers = 0;
  damagedBatches = 0;
  lostMessages = 0;
  /** By Verdict. */
  readonly refusals = new Float64Array(Object.keys(Verdict).length);
  readonly #reader: FlowReader;
  readonly #tell: (refusal: Refusal) => void;
  #toldAt = Number.NEGATIVE_INFINITY;
  #partition = 0;
  #offset = 0;

  /** `tell` hears of what was refused, at most once a minute. */
  constructor(ledger: FlowLedger, appliesSampling: boolean, tell: (refusal: Refusal) => void) {
    this.#tell = tell;
    this.#reader = new FlowReader(ledger.sets.textKeys, appliesSampling, {
      flow: (record) => ledger.add(record),
      refused: (verdict) => this.#refuse(verdict),
    });
  }

  /** Counts the records of a message; `end` is below `start` if it has no value at all. Hot. */
  message(data: Buffer, start: number, end: number, partition: number, offset: number): void {
    this.messages++;
    this.#partition = partition;
    this.#offset = offset;
    this.#reader.read(data, start, end);
  }

  damaged(partition: number, offset: number, reason: string): void {
    this.damagedBatches++;
    this.#report({ partition, offset, reason });
  }

  lost(partition: number, offset: number, messages: number): void {
    this.lostMessages += messages;
    this.#report({ partition, offset, reason: `${messages} messages were deleted before they could be read` });
  }

  #refuse(verdict: Verdict): void {
    if (verdict === Verdict.MARKER) {
      this.markers++;
      return;
    }
    this.refusals[verdict]!++;
    const reason = REFUSALS.find(([refused]) => refused === verdict)?.[1] ?? "";
    this.#report({ partition: this.#partition, offset: this.#offset, reason });
  }

  #report(refusal: Refusal): void {
    const now = performance.now();
    if (now < this.#toldAt + TELL_MS) return;
    this.#toldAt = now;
    this.#tell(refusal);
  }
}
