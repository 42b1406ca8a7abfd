import { counter, type Family, gauge, MetricType, type WrittenFamily } from "../../page/family.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import { isTurnOver, SeriesLines } from "../../page/series-lines.ts";
import type { Collector } from "../collector.ts";
import { Looks } from "../looks.ts";
import type { AsNames } from "./as-names/as-names.ts";
import type { FlowIntake } from "./flow-intake.ts";
import { FlowKind, type FlowLedger, SLOT_COUNTERS } from "./flow-ledger.ts";
import { REFUSALS } from "./records/flow-record.ts";
import type { SlotLabels } from "./slot-labels.ts";

/** Where the records come from. */
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

/** What a page of flows is made of. */
export interface FlowParts {
  readonly source: FlowSource;
  readonly intake: FlowIntake;
  readonly ledger: FlowLedger;
  readonly labels: SlotLabels;
  readonly names: AsNames;
  readonly maxSeries: number;
}

const KINDS = [
  { kind: FlowKind.TRANSMIT, name: "transmit", of: "flows from our AS" },
  { kind: FlowKind.RECEIVE, name: "receive", of: "flows to our AS from others" },
  { kind: FlowKind.TRANSIT, name: "transit", of: "flows from and to other ASes" },
  { kind: FlowKind.INTERNAL, name: "internal", of: "flows within our AS, which are also among those from it" },
] as const;

/** Bytes and packets of flow records from Kafka: flow-exporter's families, and what it hides. */
export class FlowCollector implements Collector {
  readonly name = "flow";
  readonly #parts: FlowParts;
  readonly #looks: Looks;

  constructor(parts: FlowParts) {
    this.#parts = parts;
    this.#looks = new Looks(parts.ledger.quota);
  }

  async collect(): Promise<Family[]> {
    this.#parts.names.refresh();
    this.#parts.labels.refresh();
    this.#parts.ledger.sets.beginPage();
    void this.#looks.start();
    return [
      ...this.#consumption(),
      ...this.#refusals(),
      ...this.#bounds(),
      ...KINDS.flatMap(({ kind, name, of }) => [
        this.#family(`flow_${name}_bytes_total`, `Bytes of ${of}.`, kind, 0),
        this.#family(`flow_${name}_packets_total`, `Packets of ${of}.`, kind, 1),
      ]),
    ];
  }

  #consumption(): Family[] {
    const { source, intake, ledger } = this.#parts;
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
      counter("promtap_flow_messages_total", "Messages read from Kafka.", intake.messages),
      counter("promtap_flow_records_total", "Flow records counted; a message may hold several.", ledger.records),
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

  #refusals(): Family[] {
    const { intake } = this.#parts;
    return [
      counter(
        "promtap_flow_refused_records_total",
        "Records that were not counted, by the reason.",
        REFUSALS.map(([verdict, reason]) => ({ labels: { reason }, value: intake.refusals[verdict]! })),
      ),
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

  #bounds(): Family[] {
    const { ledger, maxSeries, names } = this.#parts;
    return [
      gauge("promtap_flow_series", "Sets of labels that have series.", ledger.series),
      gauge("promtap_flow_series_limit", "Sets of labels that may have series.", maxSeries),
      counter(
        "promtap_flow_other_records_total",
        'Records counted under "other" because the limit was reached.',
        ledger.otherRecords,
      ),
      counter(
        "promtap_flow_evicted_series_total",
        "Sets of labels that gave their series to others.",
        ledger.evictions,
      ),
      gauge("promtap_flow_as_names", "ASes whose name is known.", names.count),
      gauge(
        "promtap_flow_as_names_success",
        "Whether the names of ASes are what their file holds.",
        names.isCurrent ? 1 : 0,
      ),
    ];
  }

  #family(name: string, help: string, kind: FlowKind, counterIndex: 0 | 1): WrittenFamily {
    const { ledger, labels } = this.#parts;
    const lines = new SeriesLines(name);
    return {
      name,
      help,
      type: MetricType.COUNTER,
      *write(writer: PageWriter) {
        using _ = ledger.quota.hold();
        // What comes up while the page is written is for the next.
        const { count } = ledger;
        for (let slot = 0; slot < count; slot++) {
          // Makes the labels if they are not there yet.
          const end = labels.end(slot);
          if (ledger.hasSeen(slot, kind)) {
            const value = ledger.counters[slot * SLOT_COUNTERS + 2 * kind + counterIndex]!;
            lines.write(writer, value, labels.bytes, labels.start(slot), end);
          }
          if (isTurnOver(writer, slot)) yield;
        }
      },
    };
  }
}
