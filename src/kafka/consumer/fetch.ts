import { fetchV11, type Reader } from "@platformatic/kafka";
import type { Connection } from "../connection.ts";
import { KafkaError } from "../kafka-error.ts";
import type { AbortedTransaction } from "./record-cursor.ts";

/** A broker waits this long for something to send. */
const MAX_WAIT_MS = 500;
const MIN_BYTES = 1;
/** Twice this is in memory for each broker: one answer being counted, the next on its way. */
const MAX_BYTES = 2 * 2 ** 20;
const MAX_PARTITION_BYTES = 512 * 1024;
const READ_COMMITTED = 1;
/** Without a session of incremental fetches. */
const NO_SESSION = 0;
const NO_SESSION_EPOCH = -1;
const UNKNOWN_EPOCH = -1;

/** What a broker sent of a partition. */
export interface Fetched {
  readonly partition: number;
  /** Kafka's number of the error; 0 if there is none. */
  readonly errorCode: number;
  /** Where the partition ends, for readers of committed records only. */
  readonly endOffset: number;
  /** Where it begins. */
  readonly startOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Batches as they are on the broker's disk; the last may be cut. */
  readonly batches: Buffer;
  /** Whether the answer was too long, so that the batches are cut even if there is only one. */
  readonly isCut: boolean;
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
    partitionMaxBytes: MAX_PARTITION_BYTES,
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
    void connection.send(key, version, request, parseFetched, false, false, (error, fetched) => {
      if (error === null) resolve(fetched ?? []);
      else reject(error);
    });
  });
}

/** Reads the answer to version 11 of Fetch, as far as it goes. */
function parseFetched(_correlation: number, _key: number, _version: number, reader: Reader): Fetched[] {
  reader.readInt32(); // how long we were throttled
  const errorCode = reader.readInt16();
  if (errorCode !== 0) throw new KafkaError(`a fetch failed with error ${errorCode}`);
  reader.readInt32(); // session
  const fetched: Fetched[] = [];
  const parseTopic = (topic: Reader): void => {
    topic.readString(false);
    topic.readArray((partition) => fetched.push(parsePartition(partition)), false, false);
  };
  try {
    reader.readArray(parseTopic, false, false);
  } catch (error) {
    if (fetched.at(-1)?.isCut !== true) throw error;
  }
  return fetched;
}

function parsePartition(reader: Reader): Fetched {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt64(); // the end for readers of all records
  const endOffset = Number(reader.readInt64());
  const startOffset = Number(reader.readInt64());
  const aborted = reader.readNullableArray(
    (transaction) => ({ producer: Number(transaction.readInt64()), firstOffset: Number(transaction.readInt64()) }),
    false,
    false,
  );
  reader.readInt32(); // a replica that is nearer
  const length = Math.max(reader.readInt32(), 0);
  const isCut = length > reader.remaining;
  const start = reader.position;
  const batches = reader.buffer.slice(start, isCut ? reader.length : start + length);
  reader.position = start + length;
  return { partition, errorCode, endOffset, startOffset, aborted: aborted ?? [], batches, isCut };
}
