import { counter, type Family, gauge } from "../../page/family.ts";
import type { FlowInput } from "./flow-collector.ts";
import type { FlowIntake } from "./flow-intake.ts";

/** A topic that is read. */
export interface FlowSource {
  readonly topic: string;
  /** Whether all partitions that are ours are being read. */
  readonly isUp: boolean;
  /** Partitions that are ours and are not being read. */
  readonly unread: number;
  readonly failures: number;
  readonly rebalances: number;
  readonly commits: number;
  /** By partition. */
  readonly progress: ReadonlyMap<number, { position: number; committed: number; endOffset: number }>;
}

/** What the page says of a topic that flows come from, besides the flows. */
export class KafkaFamilies implements FlowInput {
  readonly #source: FlowSource;
  readonly #intake: FlowIntake;

  constructor(source: FlowSource, intake: FlowIntake) {
    this.#source = source;
    this.#intake = intake;
  }

  get refusals(): Float64Array {
    return this.#intake.refusals;
  }

  /** Messages are counted as they come. */
  sync(): void {}

  families(): Family[] {
    return [...this.#consumption(), ...this.#losses()];
  }

  #consumption(): Family[] {
    const source = this.#source;
    const partitions = [...source.progress].toSorted(([a], [b]) => a - b);
    const perPartition = (value: (progress: { position: number; committed: number; endOffset: number }) => number) =>
      partitions.map(([partition, progress]) => ({
        labels: { topic: source.topic, partition: String(partition) },
        value: value(progress),
      }));
    return [
      gauge("promtap_flow_up", "Whether all partitions that are ours are being read.", source.isUp ? 1 : 0),
      gauge("promtap_flow_unread_partitions", "Partitions that are ours and are not being read.", source.unread),
      counter(
        "promtap_flow_reconnects_total",
        "Times that brokers could not be reached, or were lost.",
        source.failures,
      ),
      counter("promtap_flow_rebalances_total", "Times that the consumer group gave us partitions.", source.rebalances),
      counter("promtap_flow_commits_total", "Commits of offsets.", source.commits),
      counter("promtap_flow_messages_total", "Messages read from Kafka.", this.#intake.messages),
      gauge(
        "promtap_flow_lag_messages",
        "Messages of a partition that were not read yet when the broker last answered.",
        perPartition(({ endOffset, position }) => Math.max(endOffset - position, 0)),
      ),
      gauge(
        "promtap_flow_committed_offset",
        "Offset of a partition that is committed; what stands before it has been counted.",
        perPartition(({ committed }) => committed).filter(({ value }) => value >= 0),
      ),
    ];
  }

  #losses(): Family[] {
    const intake = this.#intake;
    return [
      counter("promtap_flow_markers_total", "Marks of pmacct, which are no records.", intake.markers),
      counter(
        "promtap_flow_damaged_batches_total",
        "Batches of messages that could not be read.",
        intake.damagedBatches,
      ),
      counter(
        "promtap_flow_lost_messages_total",
        "Messages that Kafka deleted before they were read.",
        intake.lostMessages,
      ),
    ];
  }
}
