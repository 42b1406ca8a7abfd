import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { counter, type Family, gauge } from "../../page/family.ts";
import type { Collector } from "../collector.ts";
import type { RecordBatch, RecordSource } from "./record-source.ts";

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

/** Between two looks for new interfaces, while records can't be delivered. */
const WATCH_MS = 60_000;
/** For what is delivered at the end. */
const END_MS = 1500;

/** What is delivered: those that there are now. */
export interface RecordSources {
  all(): readonly RecordSource[];
  /** Told that all of one that has ended is delivered. */
  forget(source: RecordSource): void;
}

/** Delivers what sources have counted, every so often, as flow records; what can't be delivered stays with them. */
export class ProduceCollector implements Collector, AsyncDisposable {
  readonly name = "flow-produce";
  readonly #sources: RecordSources;
  readonly #target: RecordTarget;
  readonly #intervalMs: number;
  readonly #end = new AbortController();
  /** Some time after the end. */
  readonly #abandonment = new AbortController();
  readonly #running: Promise<void>;
  readonly #watching: NodeJS.Timeout;
  #since = now();
  #records = 0;
  #recordBytes = 0;
  /** Records that were handed over and are not acknowledged. */
  #unsafe = 0;
  #lastSuccess = 0;

  constructor(sources: RecordSources, target: RecordTarget, intervalMs: number) {
    this.#sources = sources;
    this.#target = target;
    this.#intervalMs = intervalMs;
    this.#watching = setInterval(() => {
      for (const source of sources.all()) source.watch();
    }, WATCH_MS);
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
        this.#sources.all().reduce((sum, { droppedPackets }) => sum + droppedPackets, 0),
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
        const leftMs = Math.max(0, started + this.#intervalMs - performance.now());
        await delay(leftMs, undefined, { signal: end }).catch(() => {});
      }
    } catch (error) {
      if (!this.#abandonment.signal.aborted) throw error;
    }
  }

  /** Delivers all that there is; that brokers can be reached is made sure of even if there is nothing. */
  async #deliver(): Promise<void> {
    await this.#target.reach(this.#abandonment.signal);
    const from = this.#since;
    this.#since = now();
    for (const source of this.#sources.all()) {
      const { hasEnded } = source;
      for (const batch of source.batches(from)) {
        if (batch === undefined) await nextTurn();
        else await this.#send(batch);
      }
      if (hasEnded) this.#sources.forget(source);
    }
    if (this.#unsafe === 0) this.#lastSuccess = now();
  }

  async #send({ records, take }: RecordBatch): Promise<void> {
    const done = (): void => {
      this.#records += records.length;
      for (const { length } of records) this.#recordBytes += length;
      this.#unsafe -= records.length;
    };
    this.#unsafe += records.length;
    await this.#target.send(records, this.#abandonment.signal, done);
    take();
  }
}

function now(): number {
  return Date.now() / 1000;
}
