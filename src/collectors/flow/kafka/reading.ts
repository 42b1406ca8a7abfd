import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { type Connection, protocolErrorsCodesById } from "@platformatic/kafka";
import { type Cluster, EARLIEST, LATEST } from "./cluster.ts";
import { KafkaError } from "./connection.ts";
import { fetchBatches, type Fetched } from "./fetch.ts";
import { RecordCursor, Step } from "./record-cursor.ts";

/** How far a partition has been read. Offsets are those of the next record. */
export interface Progress {
  /** To count. */
  position: number;
  /** As committed; -1 where it is not known. */
  committed: number;
  /** End of the partition when it was last heard of. */
  endOffset: number;
}

/** Where the messages go. */
export interface MessageSink {
  /** Counts the message data[start, end); there is none where end is below start. Hot. */
  message(data: Buffer, start: number, end: number, partition: number, offset: number): void;
  /** Is told of a batch that could not be read, by its last offset. */
  damaged(partition: number, offset: number, reason: string): void;
  /** Is told of messages that were deleted before they could be read, by their first offset. */
  lost(partition: number, offset: number, messages: number): void;
}

/** Told of how it goes. */
export interface ReadingListener {
  /** A broker can't be read from; it is tried again. */
  failed(error: KafkaError): void;
  /** All partitions are being read, at first or again. */
  completed(): void;
}

/** For a fetch; a broker answers well before. */
const FETCH_TIMEOUT_MS = 10_000;
const REFRESH_MS = 10_000;
/** While a partition has no leader, or its leader can't be reached. */
const HURRIED_REFRESH_MS = 500;
/** After which other work of the event loop gets its turn. */
const TURN_MS = 8;
/** Between two looks at the clock: messages, and bytes of them, which may hold a thousand records each. */
const MESSAGES_A_LOOK = 64;
const BYTES_A_LOOK = 32 * 1024;

const OFFSET_OUT_OF_RANGE = 1;
/** Errors that say that somebody else leads the partition, or will soon. */
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

/** Reads partitions from whoever leads them, each broker on a connection of its own, until the signal aborts. */
export class Reading {
  /** While it is set, nothing is counted until it settles. */
  hold: Promise<unknown> | undefined;
  readonly #cluster: Cluster;
  readonly #progress: Map<number, Progress>;
  readonly #sink: MessageSink;
  readonly #listener: ReadingListener;
  readonly #signal: AbortSignal;
  /** Broker → its loop. */
  readonly #loops = new Map<number, Promise<void>>();
  /** Partitions in the order in which they are asked for: those that just had their turn last. */
  #order: number[];
  /** Partitions whose leader has answered. */
  readonly #served = new Set<number>();
  readonly #connections = new Set<Connection>();
  #hurry = Promise.withResolvers<void>();
  /** What trying again at once would not change. */
  #refusal: KafkaError | undefined;
  #hasEnded: boolean;

  constructor(
    cluster: Cluster,
    progress: Map<number, Progress>,
    sink: MessageSink,
    listener: ReadingListener,
    signal: AbortSignal,
  ) {
    this.#cluster = cluster;
    this.#progress = progress;
    this.#order = [...progress.keys()];
    this.#sink = sink;
    this.#listener = listener;
    this.#signal = signal;
    this.#hasEnded = signal.aborted;
    signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** Whether all partitions are being read. */
  get isComplete(): boolean {
    return this.#served.size === this.#progress.size;
  }

  /**
   * Reads until the signal aborts, or `isOver` says so after a look at the cluster. Throws KafkaError where that can't
   * be had, or a broker refuses.
   */
  async run(isOver: () => boolean): Promise<void> {
    if (this.isComplete) this.#listener.completed();
    try {
      while (!this.#hasEnded && !isOver()) {
        this.#startLoops();
        await this.#pause();
        if (this.#refusal !== undefined) throw this.#refusal;
        if (!this.#hasEnded) await this.#cluster.refresh();
      }
    } finally {
      this.#stop();
      await Promise.all(this.#loops.values());
    }
  }

  /** Waits until it is time to look at the cluster again. */
  async #pause(): Promise<void> {
    const timer = new AbortController();
    const signal = AbortSignal.any([timer.signal, this.#signal]);
    const isLed = this.#order.every((partition) => this.#cluster.leaderOf(partition) !== undefined);
    const time = delay(isLed ? REFRESH_MS : HURRIED_REFRESH_MS, undefined, { signal }).catch(() => {});
    await (isLed ? Promise.race([time, this.#hurry.promise]) : time);
    timer.abort();
    this.#hurry = Promise.withResolvers();
  }

  /** Breaks off what waits for an answer. */
  #stop(): void {
    this.#hasEnded = true;
    this.#hurry.resolve();
    for (const connection of this.#connections) connection.close(() => {});
  }

  #startLoops(): void {
    for (const partition of this.#order) {
      const leader = this.#cluster.leaderOf(partition);
      if (leader === undefined || this.#loops.has(leader)) continue;
      const loop = this.#readFrom(leader).finally(() => this.#loops.delete(leader));
      this.#loops.set(leader, loop);
    }
  }

  /** Reads what a broker leads until it leads none of ours, or can't be reached. */
  async #readFrom(broker: number): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await this.#cluster.open(broker, { requestTimeout: FETCH_TIMEOUT_MS }, this.#signal);
      this.#connections.add(connection);
      await this.#fetchAll(broker, connection);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      if (this.#hasEnded) return;
      for (const partition of this.#ledBy(broker)) this.#lose(partition);
      this.#listener.failed(error);
    } finally {
      if (connection !== undefined) this.#connections.delete(connection);
      connection?.close(() => {});
    }
  }

  async #fetchAll(broker: number, connection: Connection): Promise<void> {
    const { topic } = this.#cluster;
    let asked = this.#offsetsFrom(broker, new Map());
    let answer: Promise<Fetched[]> | undefined;
    while (asked.size > 0 && !this.#hasEnded) {
      const cursors = await this.#open(await (answer ?? fetchBatches(connection, topic, asked)), asked);
      // The broker looks for what comes next while this is counted.
      asked = this.#offsetsFrom(broker, cursors);
      answer = fetchBatches(connection, topic, asked);
      answer.catch(() => {});
      for (const [partition, cursor] of cursors) await this.#count(partition, cursor);
    }
  }

  /** Where to fetch from a broker, behind what is going to be counted. */
  #offsetsFrom(broker: number, cursors: ReadonlyMap<number, RecordCursor>): Map<number, number> {
    const offset = (each: number) => cursors.get(each)?.fetchOffset() ?? this.#progress.get(each)!.position;
    return new Map(this.#ledBy(broker).map((each) => [each, offset(each)]));
  }

  #ledBy(broker: number): number[] {
    return this.#order.filter((partition) => this.#cluster.leaderOf(partition) === broker);
  }

  /** Opens what has been fetched of the partitions that have something, and takes care of those that have not. */
  async #open(fetched: readonly Fetched[], asked: ReadonlyMap<number, number>): Promise<Map<number, RecordCursor>> {
    const cursors = new Map<number, RecordCursor>();
    for (const { partition, errorCode, endOffset, aborted: given, batches } of fetched) {
      const progress = this.#progress.get(partition);
      const offset = asked.get(partition);
      if (progress === undefined || offset === undefined) continue;
      if (errorCode !== 0) {
        await this.#recover(partition, progress, errorCode);
        continue;
      }
      progress.endOffset = endOffset;
      this.#serve(partition);
      // An answer to what was asked before the partition was set elsewhere is of no use.
      if (offset === progress.position && batches.length > 0) {
        cursors.set(partition, new RecordCursor(batches, offset, given));
      }
    }
    this.#order = [...this.#order.filter((each) => !cursors.has(each)), ...cursors.keys()];
    return cursors;
  }

  /** Counts what has been fetched of a partition, turn by turn, until reading ends. */
  async #count(partition: number, cursor: RecordCursor): Promise<void> {
    const progress = this.#progress.get(partition)!;
    for (let isOver = false; !isOver;) {
      await this.hold;
      if (this.#hasEnded) return;
      isOver = this.#countForATurn(partition, cursor);
      progress.position = cursor.nextOffset;
      if (!isOver) await nextTurn();
    }
  }

  /** Returns whether there is nothing left. Hot. */
  #countForATurn(partition: number, cursor: RecordCursor): boolean {
    const sink = this.#sink;
    const turnEnd = performance.now() + TURN_MS;
    for (;;) {
      for (let messages = 0, bytes = 0; messages < MESSAGES_A_LOOK && bytes < BYTES_A_LOOK; messages++) {
        const step = cursor.next();
        if (step === Step.END) return true;
        if (step === Step.RECORD) {
          sink.message(cursor.data, cursor.valueStart, cursor.valueEnd, partition, cursor.offset);
        } else {
          sink.damaged(partition, cursor.offset, cursor.damage);
        }
        bytes += cursor.valueEnd - cursor.valueStart;
      }
      if (performance.now() > turnEnd) return false;
    }
  }

  async #recover(partition: number, progress: Progress, errorCode: number): Promise<void> {
    if (errorCode === OFFSET_OUT_OF_RANGE) {
      const start = (await this.#cluster.offsets([partition], EARLIEST)).get(partition)!;
      const end = (await this.#cluster.offsets([partition], LATEST)).get(partition)!;
      const { position } = progress;
      if (position < start) this.#sink.lost(partition, position, start - position);
      // Beyond the end where the log was cut: counting all of it again would be worse than what may be missed.
      progress.position = Math.min(Math.max(position, start), end);
      return;
    }
    const name = protocolErrorsCodesById[errorCode] ?? `error ${errorCode}`;
    if (!MOVED.has(name)) this.#refusal = new KafkaError(`partition ${partition}: ${name}`);
    this.#lose(partition);
  }

  #serve(partition: number): void {
    if (this.#served.has(partition)) return;
    this.#served.add(partition);
    if (this.isComplete) this.#listener.completed();
  }

  #lose(partition: number): void {
    this.#cluster.forgetLeader(partition);
    this.#served.delete(partition);
    this.#hurry.resolve();
  }
}
