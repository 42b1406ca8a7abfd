import { listOffsetsV5 } from "@platformatic/kafka";
import type { Connection } from "../connection.ts";
import { KafkaError } from "../kafka-error.ts";

type Answer = ReturnType<typeof listOffsetsV5.parseResponse>;

/** What a consumer gives as its replica number. */
const NO_REPLICA = -1;
const UNCOMMITTED = 0;
const UNKNOWN_EPOCH = -1;

/** Stand for offsets, where a timestamp could stand. */
export const LATEST = -1n;
export const EARLIEST = -2n;

/** Where a partition begins or ends, or Kafka's number of the error for which its leader does not say so. */
export interface Bound {
  readonly partition: number;
  readonly offset: number;
  readonly errorCode: number;
}

/** Asks the leader of partitions for the first or next offset of each. */
export async function listOffsets(
  connection: Connection,
  topic: string,
  partitions: Iterable<readonly [partition: number, which: bigint]>,
): Promise<Bound[]> {
  const asked = Array.from(partitions, ([partitionIndex, timestamp]) => ({
    partitionIndex,
    currentLeaderEpoch: UNKNOWN_EPOCH,
    timestamp,
  }));
  const { topics } = await ask(connection, [{ name: topic, partitions: asked }]);
  return topics
    .flatMap((each) => each.partitions)
    .map(({ partitionIndex, offset, errorCode }) => ({ partition: partitionIndex, offset: Number(offset), errorCode }));
}

/** To the client, an answer with the error of one partition is none. */
async function ask(connection: Connection, topics: Parameters<typeof listOffsetsV5.createRequest>[2]): Promise<Answer> {
  try {
    return await connection.call(listOffsetsV5.api, NO_REPLICA, UNCOMMITTED, topics);
  } catch (error) {
    const answer = error instanceof KafkaError ? (error.response as Answer | undefined) : undefined;
    if (answer === undefined) throw error;
    return answer;
  }
}
