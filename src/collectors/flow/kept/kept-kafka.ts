import type { ByteReader } from "../../../state/byte-reader.ts";
import { ByteWriter } from "../../../state/byte-writer.ts";
import type { FlowIntake } from "../flow-intake.ts";
import { Verdict } from "../records/flow-record.ts";

const MAX_PARTITIONS = 2 ** 20;

/** What counters stand for, so that others are not taken for them. */
const SHAPE = JSON.stringify(Object.keys(Verdict));

/** How far a topic has been counted. */
export interface KeptTopic {
  readonly topic: string;
  /** Marks commits as those of whoever writes this file. */
  readonly mark: string;
  /** Partition → offset of the next record to count. */
  readonly positions: ReadonlyMap<number, number>;
}

/*
 * The part of Kafka. Numbers and texts are those of ByteWriter.
 *
 *     shape: text | messages | markers | damaged batches | lost messages | refusals of each verdict
 *     | topic: text | mark: text | number of partitions | partition, offset ... |
 */

/** What has been counted of a topic, and up to where, as it is now. */
export function writeKafka(intake: FlowIntake, { topic, mark, positions }: KeptTopic): Uint8Array {
  const writer = new ByteWriter();
  writer.text(SHAPE);
  writer.numbers([intake.messages, intake.markers, intake.damagedBatches, intake.lostMessages, ...intake.refusals]);
  writer.text(topic);
  writer.text(mark);
  writer.number(positions.size);
  for (const each of positions) writer.numbers(each);
  return writer.filled;
}

/** Adds what was kept to an intake that has counted nothing. Throws an Error with the reason. */
export function readKafka(reader: ByteReader, intake: FlowIntake): KeptTopic {
  if (reader.text() !== SHAPE) throw new Error("it refuses records for other reasons than this version");
  intake.messages = reader.count();
  intake.markers = reader.count();
  intake.damagedBatches = reader.count();
  intake.lostMessages = reader.count();
  for (const index of intake.refusals.keys()) intake.refusals[index] = reader.count();
  const [topic, mark] = [reader.text(), reader.text()];
  const positions = new Map<number, number>();
  for (let left = reader.whole(MAX_PARTITIONS); left > 0; left--) {
    positions.set(reader.whole(MAX_PARTITIONS), reader.whole(Number.MAX_SAFE_INTEGER));
  }
  return { topic, mark, positions };
}
