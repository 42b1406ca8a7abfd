import { Cluster, type Topic } from "./cluster.ts";
import { errorNames, KafkaError } from "./kafka-error.ts";

/** In which brokers must answer; more than it takes to find out that one does not. */
const CHECK_MS = 15_000;
const NO_TOPIC = "UNKNOWN_TOPIC_OR_PARTITION";

/**
 * Finds out how many partitions a topic has, undefined if it is not there. Throws KafkaError if a broker that is
 * needed can't be reached: one that leads a partition, or looks after the group.
 */
export async function checkTopic({ brokers, topic }: Topic, group: string | null): Promise<number | undefined> {
  try {
    await using cluster = await Cluster.connect({ brokers, topic }, AbortSignal.timeout(CHECK_MS));
    const reasons = await cluster.unreachable();
    if (reasons.length > 0) throw new KafkaError(reasons.join("; "));
    if (group !== null) await cluster.coordinator(group);
    return cluster.partitionCount;
  } catch (error) {
    if (errorNames(error).includes(NO_TOPIC)) return undefined;
    throw error;
  }
}
