import { type Connection, fetchV11, type Reader } from "@platformatic/kafka";
import { KafkaError, reasonOf } from "./connection.ts";
import type { AbortedTransaction } from "./record-cursor.ts";

/** A broker waits this long for something to send. */
const MAX_WAIT_MS = 500;
const MIN_BYTES = 1;
/** Twice this is in memory for each broker: one answer being counted, the next on its way. */
const MAX_BYTES = 2 * 2 ** 20;
const PARTITION_MAX_BYTES = 512 * 1024;
const READ_COMMITTED = 1;
/** Without a session of incremental fetches. */
const NO_SESSION = 0;
const NO_SESSION_EPOCH = -1;
const UNKNOWN_EPOCH = -1;

/** What a broker sent of a partition. */
export interface Fetched {
  readonly partition: number;
  /** Kafka's number of the error; 0 where there is none. */
  readonly errorCode: number;
  /** Where the partition ends, for those who read committed records only. */
  readonly endOffset: number;
  /** Where it begins. */
  readonly startOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Batches as they are on the broker's disk; the last may be cut. */
  readonly batches: Buffer;
}

/**
 * Fetches from these offsets. The client's own fetch makes a tree of objects of every record; this one leaves the
 * records where they are.
 */
export function fetchBatches(
  connection: Connection,
  topic: string,
  offsets: Iterable<readonly [partition: number, offset: number]>,
): Promise<Fetched[]> {
  const partitions = [...offsets].map(([partition, offset]) => ({
    partition,
    currentLeaderEpoch: UNKNOWN_EPOCH,
    lastFetchedEpoch: UNKNOWN_EPOCH,
    fetchOffset: BigInt(offset),
    partitionMaxBytes: PARTITION_MAX_BYTES,
  }));
  const request = () =>
    fetchV11.createRequest(
      MAX_WAIT_MS,
      MIN_BYTES,
      MAX_BYTES,
      READ_COMMITTED,
      NO_SESSION,
      NO_SESSION_EPOCH,
      [{ topicId: topic, partitions }],
      [],
      "",
    );
  return new Promise((resolve, reject) => {
    const { key, version } = fetchV11.api;
    connection.send(key, version, request, parseFetched, false, false, (error, fetched) => {
      if (error) reject(new KafkaError(reasonOf(error), error));
      else resolve(fetched as Fetched[]);
    });
  });
}

/** Reads the answer to version 11 of Fetch. */
function parseFetched(_correlation: number, _key: number, _version: number, reader: Reader): Fetched[] {
  reader.readInt32(); // how long we were throttled
  const errorCode = reader.readInt16();
  if (errorCode !== 0) throw new KafkaError(`a fetch failed with error ${errorCode}`);
  reader.readInt32(); // session
  const topics = reader.readArray(
    (topic) => {
      topic.readString(false);
      return topic.readArray(parsePartition, false, false);
    },
    false,
    false,
  );
  return topics.flat();
}

function parsePartition(reader: Reader): Fetched {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt64(); // the end for those who read all
  const endOffset = Number(reader.readInt64());
  const startOffset = Number(reader.readInt64());
  const aborted = reader.readNullableArray(
    (transaction) => ({ producer: Number(transaction.readInt64()), firstOffset: Number(transaction.readInt64()) }),
    false,
    false,
  );
  reader.readInt32(); // a replica that is nearer
  const length = reader.readInt32();
  const start = reader.position;
  const batches = length > 0 ? reader.buffer.slice(start, start + length) : Buffer.alloc(0);
  reader.skip(Math.max(length, 0));
  return { partition, errorCode, endOffset, startOffset, aborted: aborted ?? [], batches };
}
