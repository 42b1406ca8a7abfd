import { initProducerIdV1, type MessageRecord, NumericMap, produceV7 } from "@platformatic/kafka";
import type { Connection } from "./connection.ts";
import { errorNames } from "./kafka-error.ts";

/** Time for a broker to have a batch on all replicas in sync. */
const ACKNOWLEDGE_MS = 30_000;
const ALL_IN_SYNC = -1;
const NO_TRANSACTION = null;
/** Between a refusal and the next batch. */
const REST_MS = 5000;
/** Sequence numbers are 31 bits, and begin again. */
const SEQUENCES = 2 ** 31;

/** Stands for a producer that the brokers do not number, because they do not allow it. */
const ANONYMOUS: Identity = { id: -1n, epoch: -1 };
/** The batch is there already: an answer was lost. */
const DELIVERED = "DUPLICATE_SEQUENCE_NUMBER";
const TOO_LARGE = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"];
/** The brokers do not know us any more, or not at this point of the sequence: a new number is needed. */
const UNKNOWN = ["UNKNOWN_PRODUCER_ID", "OUT_OF_ORDER_SEQUENCE_NUMBER", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"];

interface Identity {
  readonly id: bigint;
  readonly epoch: number;
}

/**
 * The way into one partition, for one batch at a time. Batches are numbered, so that brokers take each only once however
 * often it is sent, and in a numbering of its own, so that no other partition's trouble disturbs it.
 */
export class Lane {
  /** Whether a batch is on its way. */
  isBusy = false;
  readonly #topic: string;
  readonly #partition: number;
  #identity: Identity | undefined;
  #restEnd = 0;
  /** By topic and partition, as the client wants it. */
  readonly #sequences = new NumericMap();

  constructor(topic: string, partition: number) {
    this.#topic = topic;
    this.#partition = partition;
  }

  /** Takes no batch for a while, as long as others do. */
  rest(): void {
    this.#restEnd = performance.now() + REST_MS;
  }

  get isResting(): boolean {
    return performance.now() < this.#restEnd;
  }

  /** Makes sure that the brokers know us; before that, no batch is sent. */
  async introduce(connection: Connection): Promise<void> {
    this.#identity ??= await identify(connection);
  }

  /** Appends a batch. False if it is too large for the broker, and can be parted. */
  async append(connection: Connection, values: readonly Buffer[]): Promise<boolean> {
    const { id, epoch } = this.#identity ?? ANONYMOUS;
    const place = { topic: this.#topic, partition: this.#partition };
    const messages = values.map((value): MessageRecord => ({ value, ...place }));
    try {
      await connection.call(produceV7.api, ALL_IN_SYNC, ACKNOWLEDGE_MS, messages, {
        compression: "gzip",
        producerId: id,
        producerEpoch: epoch,
        sequences: this.#sequences,
      });
    } catch (error) {
      const names = errorNames(error);
      if (names.some((name) => TOO_LARGE.includes(name)) && values.length > 1) return false;
      if (names.some((name) => UNKNOWN.includes(name))) this.#forget();
      if (!names.includes(DELIVERED)) throw error;
    }
    const key = `${this.#topic}:${this.#partition}`;
    const next = this.#sequences.getWithDefault(key, 0) + values.length;
    this.#sequences.set(key, next % SEQUENCES);
    return true;
  }

  #forget(): void {
    this.#identity = undefined;
    this.#sequences.clear();
  }
}

/** Asks for a number, by which the brokers know what we have sent before. */
async function identify(connection: Connection): Promise<Identity> {
  try {
    const { producerId, producerEpoch } = await connection.call(initProducerIdV1.api, NO_TRANSACTION, 0);
    return { id: producerId, epoch: producerEpoch };
  } catch (error) {
    if (!errorNames(error).includes("CLUSTER_AUTHORIZATION_FAILED")) throw error;
    return ANONYMOUS;
  }
}
