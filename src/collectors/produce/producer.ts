import { setTimeout as delay } from "node:timers/promises";
import { initProducerIdV1, type MessageRecord, NumericMap, produceV7 } from "@platformatic/kafka";
import { messageOf } from "../../errors.ts";
import { Cluster, type Source } from "../flow/kafka/cluster.ts";
import { call, KafkaError } from "../flow/kafka/connection.ts";

/*
 * Versions of requests: those of Kafka 2.3 (2019), which 4.x still takes, as in flow/kafka.
 */

const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;
/** For a broker to have a batch on all replicas that are in sync. */
const ACKNOWLEDGE_MS = 30_000;
const ALL_IN_SYNC = -1;
const NO_TRANSACTION = null;
/** Sequence numbers are 31 bits, and begin anew. */
const SEQUENCES = 2 ** 31;

/** Stands for a producer that the brokers do not number, because they do not allow it. */
const ANONYMOUS: Identity = { id: -1n, epoch: -1 };
/** The batch is there already: an answer was lost. */
const DELIVERED = "DUPLICATE_SEQUENCE_NUMBER";
const NO_TOPIC = "UNKNOWN_TOPIC_OR_PARTITION";
const TOO_LARGE = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"];
/** The brokers do not know us any more, or not at this point of the sequence: a new number is needed. */
const UNKNOWN = ["UNKNOWN_PRODUCER_ID", "OUT_OF_ORDER_SEQUENCE_NUMBER", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"];

interface Identity {
  readonly id: bigint;
  readonly epoch: number;
}

/** What goes into a partition in one piece; once a broker may have it, it goes to no other partition any more. */
interface Piece {
  readonly values: readonly Buffer[];
  partition: number | undefined;
}

/**
 * Appends records to a topic, a batch at a time. Whatever fails is tried again, for ever: batches are numbered, so that
 * the brokers take each only once however often it is sent.
 */
export class Producer implements AsyncDisposable {
  /** Times that brokers could not be reached, or refused a batch. */
  failures = 0;
  isUp = false;
  readonly #target: Source;
  readonly #onChange: (error: string | undefined) => void;
  #cluster: Cluster | undefined;
  #identity: Identity | undefined;
  /** By topic and partition, as the client wants them. */
  #sequences = new NumericMap();
  /** Partitions take turns, from anywhere: a fleet starts at once. */
  #turn = Math.floor(Math.random() * SEQUENCES);
  #error: string | undefined;

  /** `onChange` is told why brokers can't be reached or refuse, and undefined when they take records. */
  constructor(target: Source, onChange: (error: string | undefined) => void) {
    this.#target = target;
    this.#onChange = onChange;
  }

  /** Connects; resolves when brokers are ready to take records. Throws only when the signal aborts. */
  async reach(signal: AbortSignal): Promise<void> {
    await this.#insist(async () => {
      await this.#connect(signal);
      await this.#cluster!.refresh();
    }, signal);
  }

  /** Appends records; resolves when all of them are acknowledged. Throws only when the signal aborts. */
  async send(values: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const piece: Piece = { values, partition: undefined };
    const isTaken = await this.#insist(() => this.#append(piece, signal), signal);
    if (isTaken) return;
    const half = Math.ceil(values.length / 2);
    await this.send(values.slice(0, half), signal);
    await this.send(values.slice(half), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
  }

  /** Does it again and again, with pauses, until it does not throw. */
  async #insist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS)) {
      try {
        const result = await unlessAborted(work(), signal);
        this.#report(undefined);
        return result;
      } catch (error) {
        signal.throwIfAborted();
        this.failures++;
        this.#report(messageOf(error));
        await this.#disconnect();
        // Not all instances at once.
        await delay(backoffMs * (0.75 + Math.random() / 2), undefined, { signal });
      }
    }
  }

  #report(error: string | undefined): void {
    this.isUp = error === undefined;
    if (error !== this.#error) this.#onChange(error);
    this.#error = error;
  }

  async #connect(signal: AbortSignal): Promise<Cluster> {
    this.#cluster ??= await Cluster.connect(this.#target, signal);
    return this.#cluster;
  }

  async #disconnect(): Promise<void> {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    await cluster?.[Symbol.asyncDispose]();
  }

  /** False where the piece is too large for the brokers, and can be parted. */
  async #append(piece: Piece, signal: AbortSignal): Promise<boolean> {
    const cluster = await this.#connect(signal);
    const partition = this.#partitionFor(piece, cluster);
    const leader = cluster.leaderOf(partition);
    if (leader === undefined) throw new KafkaError(`partition ${partition} of ${cluster.topic} has no leader`);
    const connection = await cluster.connection(leader);
    const identity = (this.#identity ??= await this.#introduce(cluster, leader));
    piece.partition = partition;
    const messages = piece.values.map((value): MessageRecord => ({ value, topic: cluster.topic, partition }));
    try {
      await call(produceV7.api, connection, ALL_IN_SYNC, ACKNOWLEDGE_MS, messages, {
        compression: "gzip",
        producerId: identity.id,
        producerEpoch: identity.epoch,
        sequences: this.#sequences,
      });
    } catch (error) {
      const names = error instanceof KafkaError ? error.names : [];
      if (names.some((name) => TOO_LARGE.includes(name)) && piece.values.length > 1) return false;
      if (names.some((name) => UNKNOWN.includes(name))) this.#identity = undefined;
      if (!names.includes(DELIVERED)) throw error;
    }
    const key = `${cluster.topic}:${partition}`;
    const next = this.#sequences.getWithDefault(key, 0) + messages.length;
    this.#sequences.set(key, next % SEQUENCES);
    return true;
  }

  #partitionFor({ partition }: Piece, cluster: Cluster): number {
    if (partition !== undefined && partition < cluster.partitionCount) return partition;
    const all = Array.from({ length: cluster.partitionCount }, (_, each) => each);
    const led = all.filter((each) => cluster.leaderOf(each) !== undefined);
    if (led.length === 0) throw new KafkaError(`no partition of ${cluster.topic} has a leader`);
    return led[this.#turn++ % led.length]!;
  }

  /** Asks for a number, by which the brokers know what we have sent before. */
  async #introduce(cluster: Cluster, broker: number): Promise<Identity> {
    this.#sequences.clear();
    try {
      const connection = await cluster.connection(broker);
      const answer = await call(initProducerIdV1.api, connection, NO_TRANSACTION, 0);
      return { id: answer.producerId, epoch: answer.producerEpoch };
    } catch (error) {
      const names = error instanceof KafkaError ? error.names : [];
      if (!names.includes("CLUSTER_AUTHORIZATION_FAILED")) throw error;
      return ANONYMOUS;
    }
  }
}

/** How many partitions a topic has; 0 where it is not there, nor made. Throws where brokers can't be asked. */
export async function countPartitions({ brokers, topic }: Source, signal: AbortSignal): Promise<number> {
  try {
    await using cluster = await Cluster.connect({ brokers, topic }, signal);
    return cluster.partitionCount;
  } catch (error) {
    if (error instanceof KafkaError && error.names.includes(NO_TOPIC)) return 0;
    throw error;
  }
}

/** Waits for work, but throws as soon as the signal aborts; what the work comes to then is of no interest. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abandon = (): void => reject(signal.reason);
  work.catch(() => {});
  if (signal.aborted) abandon();
  signal.addEventListener("abort", abandon);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}
