import { setTimeout as delay } from "node:timers/promises";
import { protocolErrorsCodesById } from "@platformatic/kafka";
import type { Cluster } from "../cluster.ts";
import type { Connection } from "../connection.ts";
import { Counting, type MessageSink, type Progress } from "./counting.ts";
import { Fetcher, type FetcherContext } from "./fetcher.ts";
import type { KafkaError } from "../kafka-error.ts";
import type { RecordCursor } from "./record-cursor.ts";

/** Partitions to read. */
export interface Assignment {
  readonly partitions: readonly number[];
  /** Of those whose position is known. */
  readonly progress: Map<number, Progress>;
  /** Where to begin with one whose position is not known: EARLIEST or LATEST. */
  startOf(partition: number): bigint;
}

/** Told of how it goes. */
export interface ReadingListener {
  /** A broker can't be read from; it is tried again. */
  failed(): void;
  /** `troubles` or `isComplete` may be others than before. */
  changed(): void;
}

const REFRESH_MS = 10_000;
/** While a partition is not being read. */
const HURRIED_REFRESH_MS = 1000;
/** Between attempts to read a partition that its leader refuses. */
const FIRST_REFUSAL_MS = 1000;
const MAX_REFUSAL_MS = 60_000;
/** Partitions that a message lists. */
const LISTED = 10;

/** Errors that say that another broker leads the partition, or will soon. */
const MOVED: ReadonlySet<string> = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "REPLICA_NOT_AVAILABLE",
  "KAFKA_STORAGE_ERROR",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "OFFSET_NOT_AVAILABLE",
]);

/** Why a partition can't be read, and when it is tried again. */
interface Refusal {
  readonly reason: string;
  readonly pauseMs: number;
  readonly end: number;
}

/** Reads partitions from the brokers that lead them, by a fetcher for each broker, until the signal aborts. */
export class Reading implements FetcherContext {
  readonly counting: Counting;
  readonly #cluster: Cluster;
  readonly #assignment: Assignment;
  readonly #sink: MessageSink;
  readonly #listener: ReadingListener;
  readonly #end = new AbortController();
  readonly #signal: AbortSignal;
  /** Broker → its fetcher, while that runs. */
  readonly #fetchers = new Map<number, Promise<void>>();
  /** Partitions in the order in which they are asked for: those that just had their turn last. */
  #order: number[];
  /** Partitions whose leader has answered. */
  readonly #served = new Set<number>();
  /** Broker → why it can't be read from. */
  readonly #failures = new Map<number, string>();
  readonly #refusals = new Map<number, Refusal>();
  /** Partitions that nobody led when the cluster was last looked at. */
  #leaderless: readonly number[] = [];
  #hurry = Promise.withResolvers<void>();

  constructor(
    cluster: Cluster,
    assignment: Assignment,
    sink: MessageSink,
    listener: ReadingListener,
    signal: AbortSignal,
  ) {
    this.#cluster = cluster;
    this.#assignment = assignment;
    this.#order = [...assignment.partitions];
    this.#sink = sink;
    this.#listener = listener;
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
    this.#signal.addEventListener("abort", () => this.#hurry.resolve(), { once: true });
    this.counting = new Counting(sink, this.#signal);
  }

  get topic(): string {
    return this.#cluster.topic;
  }

  get progress(): Map<number, Progress> {
    return this.#assignment.progress;
  }

  /** Partitions that are not being read. */
  get unread(): number {
    return this.counting.isGood ? this.#order.length - this.#served.size : this.#order.length;
  }

  /** Why partitions are not being read, as far as that is known. */
  get troubles(): string[] {
    const failed = [...this.#failures].flatMap(([broker, reason]) => {
      const led = this.partitionsOf(broker);
      return led.length === 0 ? [] : [`${reason} (${listed(led)})`];
    });
    const byReason = Map.groupBy(this.#refusals.keys(), (partition) => this.#refusals.get(partition)!.reason);
    const refused = [...byReason].map(([reason, partitions]) => `${listed(partitions)}: ${reason}`);
    const leaderless = this.#leaderless.length === 0 ? [] : [`${listed(this.#leaderless)}: no leader`];
    return [...failed, ...refused, ...leaderless];
  }

  /**
   * Reads until the signal aborts, or `isOver` says so after a look at the cluster. Throws KafkaError if no broker
   * can be asked.
   */
  async run(isOver: () => boolean): Promise<void> {
    this.#listener.changed();
    try {
      while (!this.#signal.aborted && !isOver()) {
        this.#startFetchers();
        await this.#pause();
        if (this.#signal.aborted) return;
        await this.#cluster.refresh();
        this.#leaderless = this.#order.filter((partition) => this.#cluster.leaderOf(partition) === undefined);
        for (const partition of this.#leaderless) this.#served.delete(partition);
        this.#listener.changed();
      }
    } finally {
      this.#end.abort();
      await Promise.all(this.#fetchers.values());
    }
  }

  open(broker: number): Promise<Connection> {
    return this.#cluster.open(broker, this.#signal);
  }

  partitionsOf(broker: number): number[] {
    const now = performance.now();
    return this.#order.filter(
      (partition) =>
        this.#cluster.leaderOf(partition) === broker && !((this.#refusals.get(partition)?.end ?? now) > now),
    );
  }

  startOf(partition: number): bigint {
    return this.#assignment.startOf(partition);
  }

  answered(broker: number): void {
    if (this.#failures.delete(broker)) this.#listener.changed();
  }

  failed(broker: number, error: KafkaError): void {
    this.#failures.set(broker, error.message);
    for (const partition of this.partitionsOf(broker)) this.#served.delete(partition);
    this.#reportFailure();
  }

  served(partition: number): void {
    const wasRefused = this.#refusals.delete(partition);
    if (this.#served.has(partition) && !wasRefused) return;
    this.#served.add(partition);
    this.#listener.changed();
  }

  refused(partition: number, errorCode: number): void {
    const reason = protocolErrorsCodesById[errorCode] ?? `error ${errorCode}`;
    this.#served.delete(partition);
    this.#hurry.resolve();
    if (MOVED.has(reason)) {
      this.#cluster.forgetLeader(partition);
      return;
    }
    const lastMs = this.#refusals.get(partition)?.pauseMs;
    const pauseMs = lastMs === undefined ? FIRST_REFUSAL_MS : Math.min(lastMs * 2, MAX_REFUSAL_MS);
    this.#refusals.set(partition, { reason, pauseMs, end: performance.now() + pauseMs });
    this.#reportFailure();
  }

  lost(partition: number, offset: number, messages: number): void {
    this.#sink.lost(partition, offset, messages);
  }

  async count(cursors: ReadonlyMap<number, RecordCursor>): Promise<void> {
    for (const [partition, cursor] of cursors) {
      await this.counting.count(partition, this.progress.get(partition)!, cursor);
    }
  }

  hadTurn(cursors: ReadonlyMap<number, RecordCursor>): void {
    this.#order = [...this.#order.filter((each) => !cursors.has(each)), ...cursors.keys()];
  }

  #reportFailure(): void {
    this.#hurry.resolve();
    this.#listener.failed();
    this.#listener.changed();
  }

  #startFetchers(): void {
    for (const broker of this.#cluster.leaders) {
      if (this.#fetchers.has(broker) || this.partitionsOf(broker).length === 0) continue;
      const fetcher = new Fetcher(broker, this, this.#signal);
      const running = fetcher.run().finally(() => {
        this.#fetchers.delete(broker);
        this.#failures.delete(broker);
      });
      this.#fetchers.set(broker, running);
    }
  }

  /** Waits until it is time to look at the cluster again. */
  async #pause(): Promise<void> {
    const timer = new AbortController();
    const signal = AbortSignal.any([timer.signal, this.#signal]);
    const isHurried = this.unread > 0;
    const time = delay(isHurried ? HURRIED_REFRESH_MS : REFRESH_MS, undefined, { signal }).catch(() => {});
    await (isHurried ? time : Promise.race([time, this.#hurry.promise]));
    timer.abort();
    this.#hurry = Promise.withResolvers();
  }
}

function listed(partitions: readonly number[]): string {
  const first = partitions.toSorted((a, b) => a - b).slice(0, LISTED);
  const rest = partitions.length - first.length;
  const names = rest === 0 ? first.join(",") : `${first.join(",")} and ${rest} more`;
  return `${partitions.length === 1 ? "partition" : "partitions"} ${names}`;
}
