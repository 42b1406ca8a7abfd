import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import type { Ledger } from "../../ledger/ledger.ts";
import { counter, type Family, gauge } from "../../page/family.ts";
import type { Collector } from "../collector.ts";
import type { TrafficSource } from "../traffic.ts";
import { type Batch, Differences } from "./differences.ts";
import { accountingRecord, type RecordContext } from "./accounting-record.ts";

/** Where records go. */
export interface RecordTarget {
  readonly isUp: boolean;
  readonly failures: number;
  /** Resolves when records can be taken. Throws only when the signal aborts. */
  reach(signal: AbortSignal): Promise<void>;
  /**
   * Takes records: resolves when all of them are safe, or kept to be sent again beside others. `done` is told when they
   * are safe. Throws only when the signal aborts.
   */
  send(records: readonly Buffer[], signal: AbortSignal, done: () => void): Promise<void>;
  /** Resolves when nothing is kept any more. Throws only when the signal aborts. */
  settle(): Promise<void>;
}

/** What is produced, and how often. */
export interface Production {
  readonly intervalMs: number;
  readonly label: string;
  readonly ownAs: number;
  /** Interface → the kernel's index of it, now or when it was last there. */
  indexes(): ReadonlyMap<string, number>;
}

/** Between two looks for new interfaces, while records can't be delivered. */
const WATCH_MS = 60_000;
/** For what is delivered at the end. */
const END_MS = 1500;

/** Delivers the differences of the ledger, every so often, as flow records; what can't be delivered stays a difference. */
export class ProduceCollector implements Collector, AsyncDisposable {
  readonly name = "flow-produce";
  readonly #source: TrafficSource;
  readonly #target: RecordTarget;
  readonly #production: Production;
  readonly #differences: Differences;
  readonly #end = new AbortController();
  /** Some time after the end. */
  readonly #abandonment = new AbortController();
  readonly #running: Promise<void>;
  readonly #watching: NodeJS.Timeout;
  readonly #innerNames = new Set<string>();
  #since = now();
  #records = 0;
  #recordBytes = 0;
  /** Records that were handed over and are not acknowledged. */
  #unsafe = 0;
  #lastSuccess = 0;

  constructor(source: TrafficSource, ledger: Ledger, target: RecordTarget, production: Production) {
    this.#source = source;
    this.#target = target;
    this.#production = production;
    this.#differences = new Differences(ledger);
    this.#watching = setInterval(() => this.#differences.watch(), WATCH_MS);
    this.#running = this.#run();
  }

  async collect(): Promise<Family[]> {
    const { isUp, failures } = this.#target;
    return [
      gauge("promtap_flow_produce_up", "Whether the brokers took what they were last sent.", isUp ? 1 : 0),
      counter("promtap_flow_produce_records_total", "Flow records that brokers have acknowledged.", this.#records),
      counter("promtap_flow_produce_bytes_total", "Bytes of those records, before compression.", this.#recordBytes),
      counter(
        "promtap_flow_produce_failures_total",
        "Times that brokers could not be reached, or refused records.",
        failures,
      ),
      gauge(
        "promtap_flow_produce_last_success_timestamp_seconds",
        "When all that had been counted was last acknowledged; 0 before.",
        this.#lastSuccess,
      ),
      counter(
        "promtap_flow_produce_dropped_packets_total",
        "Packets of interfaces that went, and of which records could not be delivered in time.",
        this.#differences.droppedPackets,
      ),
    ];
  }

  /** Delivers what was counted since the last time, if brokers take it soon. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    const patience = setTimeout(() => this.#abandonment.abort(), END_MS);
    await this.#running;
    clearTimeout(patience);
    clearInterval(this.#watching);
  }

  async #run(): Promise<void> {
    const end = this.#end.signal;
    try {
      for (let isLast = end.aborted; ; isLast = end.aborted) {
        const started = performance.now();
        await this.#deliver();
        if (isLast) return await this.#target.settle();
        const leftMs = Math.max(0, started + this.#production.intervalMs - performance.now());
        await delay(leftMs, undefined, { signal: end }).catch(() => {});
      }
    } catch (error) {
      if (!this.#abandonment.signal.aborted) throw error;
    }
  }

  /** Delivers all differences there are; that brokers can be reached is made sure of even if there are none. */
  async #deliver(): Promise<void> {
    await this.#target.reach(this.#abandonment.signal);
    this.#source.sync();
    const from = this.#since;
    this.#since = now();
    const indexes = this.#production.indexes();
    for (const batch of this.#differences.batches(this.#inner())) {
      if (batch === undefined) await nextTurn();
      else await this.#send(batch, { ...this.#production, indexes, from, until: now() });
    }
    const { names } = this.#differences;
    for (const name of this.#innerNames) if (!names.has(name)) this.#innerNames.delete(name);
    if (this.#unsafe === 0) this.#lastSuccess = now();
  }

  /** Interfaces whose packets count on another one too, where they enter or leave the host; those that went as before. */
  #inner(): ReadonlySet<string> {
    for (const { name, position } of this.#source.taps()) {
      if (position?.isEdge === false) this.#innerNames.add(name);
      else if (position !== undefined) this.#innerNames.delete(name);
    }
    return this.#innerNames;
  }

  async #send(batch: Batch, context: RecordContext): Promise<void> {
    const records = batch.counted.map((counted) => Buffer.from(accountingRecord(counted, context)));
    const done = (): void => {
      this.#records += records.length;
      for (const { length } of records) this.#recordBytes += length;
      this.#unsafe -= records.length;
    };
    this.#unsafe += records.length;
    await this.#target.send(records, this.#abandonment.signal, done);
    batch.take();
  }
}

function now(): number {
  return Date.now() / 1000;
}
