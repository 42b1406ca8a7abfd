import { Backoff } from "../backoff.ts";
import type { Connection } from "../connection.ts";
import type { Progress } from "./counting.ts";
import { type Fetched, fetchBatches } from "./fetch.ts";
import { KafkaError } from "../kafka-error.ts";
import { EARLIEST, LATEST, listOffsets } from "./offsets.ts";
import { RecordCursor } from "./record-cursor.ts";

/** What the fetchers of a topic have in common. */
export interface FetcherContext {
  readonly topic: string;
  /** Of the partitions whose position is known. */
  readonly progress: Map<number, Progress>;
  open(broker: number): Promise<Connection>;
  /** The partitions to read from a broker now, those first whose turn it is. */
  partitionsOf(broker: number): number[];
  /** Where to begin with a partition whose position is not known: EARLIEST or LATEST. */
  startOf(partition: number): bigint;
  /** Is told that a broker answers. */
  answered(broker: number): void;
  /** Is told that a broker can't be read from; it is tried again. */
  failed(broker: number, error: KafkaError): void;
  /** Is told that a partition is being read. */
  served(partition: number): void;
  /** Is told that the broker does not let a partition be read now, by Kafka's number of the reason. */
  refused(partition: number, errorCode: number): void;
  /** Is told of messages that were deleted before they could be read, by their first offset. */
  lost(partition: number, offset: number, messages: number): void;
  /** Counts what has been fetched of partitions. */
  count(cursors: ReadonlyMap<number, RecordCursor>): Promise<void>;
  /** Is told of partitions that have sent something, and come last from now on. */
  hadTurn(cursors: ReadonlyMap<number, RecordCursor>): void;
}

const OFFSET_OUT_OF_RANGE = 1;

/** Reads what one broker leads of a topic; whatever fails is tried again, and holds up no other broker. */
export class Fetcher {
  readonly #broker: number;
  readonly #context: FetcherContext;
  readonly #signal: AbortSignal;
  readonly #backoff = new Backoff();

  constructor(broker: number, context: FetcherContext, signal: AbortSignal) {
    this.#broker = broker;
    this.#context = context;
    this.#signal = signal;
  }

  /** Resolves when there is nothing to read from the broker any more, or the signal aborts. */
  async run(): Promise<void> {
    while (!this.#signal.aborted && this.#partitions.length > 0) {
      try {
        await this.#connectAndRead();
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (this.#signal.aborted) return;
        this.#context.failed(this.#broker, error);
        await this.#backoff.pause(this.#signal);
      }
    }
  }

  get #partitions(): number[] {
    return this.#context.partitionsOf(this.#broker);
  }

  async #connectAndRead(): Promise<void> {
    const connection = await this.#context.open(this.#broker);
    const stop = (): void => connection.close();
    this.#signal.addEventListener("abort", stop);
    try {
      if (!this.#signal.aborted) await this.#read(connection);
    } finally {
      this.#signal.removeEventListener("abort", stop);
      connection.close();
    }
  }

  async #read(connection: Connection): Promise<void> {
    const { topic } = this.#context;
    let asked = await this.#offsets(connection, new Map());
    let answer: Promise<Fetched[]> | undefined;
    while (asked.size > 0 && !this.#signal.aborted && !connection.isExpired) {
      const fetched = await (answer ?? fetchBatches(connection, topic, asked));
      this.#backoff.reset();
      this.#context.answered(this.#broker);
      const cursors = await this.#open(connection, fetched, asked);
      asked = await this.#offsets(connection, cursors);
      // The broker looks for what comes next while this is counted.
      answer = fetchBatches(connection, topic, asked);
      answer.catch(() => {});
      await this.#context.count(cursors);
    }
  }

  /** Where to fetch from, behind what is going to be counted. */
  async #offsets(connection: Connection, cursors: ReadonlyMap<number, RecordCursor>): Promise<Map<number, number>> {
    const { progress } = this.#context;
    const unknown = this.#partitions.filter((partition) => !progress.has(partition));
    if (unknown.length > 0) await this.#locate(connection, unknown);
    const offsets = new Map<number, number>();
    for (const partition of this.#partitions) {
      const offset = cursors.get(partition)?.fetchOffset() ?? progress.get(partition)?.position;
      if (offset !== undefined) offsets.set(partition, offset);
    }
    return offsets;
  }

  /** Finds out where partitions begin whose position is not known. */
  async #locate(connection: Connection, partitions: readonly number[]): Promise<void> {
    const { topic, progress } = this.#context;
    const asked = partitions.map((partition) => [partition, this.#context.startOf(partition)] as const);
    const bounds = await listOffsets(connection, topic, asked);
    for (const partition of partitions) {
      const bound = bounds.find((each) => each.partition === partition);
      if (bound === undefined) throw new KafkaError(`broker ${this.#broker} says nothing of partition ${partition}`);
      const { offset, errorCode } = bound;
      if (errorCode !== 0) this.#context.refused(partition, errorCode);
      else progress.set(partition, { position: offset, committed: -1, endOffset: offset });
    }
  }

  /** Opens what has been fetched of the partitions that have something, and takes care of those that have not. */
  async #open(
    connection: Connection,
    fetched: readonly Fetched[],
    asked: ReadonlyMap<number, number>,
  ): Promise<Map<number, RecordCursor>> {
    const cursors = new Map<number, RecordCursor>();
    for (const { partition, errorCode, endOffset, aborted, batches, isCut } of fetched) {
      const progress = this.#context.progress.get(partition);
      const offset = asked.get(partition);
      if (progress === undefined || offset === undefined) continue;
      if (errorCode === OFFSET_OUT_OF_RANGE) await this.#reenter(connection, partition, progress);
      else if (errorCode !== 0) this.#context.refused(partition, errorCode);
      if (errorCode !== 0) continue;
      progress.endOffset = endOffset;
      this.#context.served(partition);
      // An answer to what was asked before the partition was set elsewhere is of no use.
      if (offset === progress.position && batches.length > 0) {
        cursors.set(partition, new RecordCursor(batches, offset, aborted, isCut));
      }
    }
    this.#context.hadTurn(cursors);
    return cursors;
  }

  /** Goes where a partition still has records, or to its end if it was cut: all of it again would be worse. */
  async #reenter(connection: Connection, partition: number, progress: Progress): Promise<void> {
    const { topic } = this.#context;
    const [first] = await listOffsets(connection, topic, [[partition, EARLIEST]]);
    const [last] = await listOffsets(connection, topic, [[partition, LATEST]]);
    const errorCode = first?.errorCode || last?.errorCode;
    if (first === undefined || last === undefined || errorCode !== 0) {
      this.#context.refused(partition, errorCode ?? OFFSET_OUT_OF_RANGE);
      return;
    }
    const { position } = progress;
    if (position < first.offset) this.#context.lost(partition, position, first.offset - position);
    progress.position = Math.min(Math.max(position, first.offset), last.offset);
  }
}
