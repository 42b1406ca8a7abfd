import { counter, type Family, gauge, MetricType, type WrittenFamily } from "../../page/family.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import { isTurnOver, SeriesLines } from "../../page/series-lines.ts";
import type { Collector } from "../collector.ts";
import { Looks } from "../looks.ts";
import type { AsNames } from "./as-names/as-names.ts";
import { FlowKind, type FlowLedger, SLOT_COUNTERS } from "./flow-ledger.ts";
import { REFUSALS } from "./records/flow-record.ts";
import type { SlotLabels } from "./slot-labels.ts";

/** Where records come from. */
export interface FlowInput {
  /** Records that were not counted, by Verdict. */
  readonly refusals: Float64Array;
  /** Has what has come by now counted. */
  sync(): void;
  families(): Family[];
}

/** What a page of flows is made of. */
export interface FlowParts {
  readonly inputs: readonly FlowInput[];
  readonly ledger: FlowLedger;
  readonly labels: SlotLabels;
  readonly names: AsNames;
}

const KINDS = [
  { kind: FlowKind.TRANSMIT, name: "transmit", of: "flows from our AS" },
  { kind: FlowKind.RECEIVE, name: "receive", of: "flows to our AS from others" },
  { kind: FlowKind.TRANSIT, name: "transit", of: "flows from and to other ASes" },
  { kind: FlowKind.INTERNAL, name: "internal", of: "flows within our AS, which are also among those from it" },
] as const;

/** Bytes and packets of flow records: flow-exporter's families, and what it hides. */
export class FlowCollector implements Collector {
  readonly name = "flow";
  readonly #parts: FlowParts;
  readonly #looks: Looks;

  constructor(parts: FlowParts) {
    this.#parts = parts;
    this.#looks = new Looks(parts.ledger.quota);
  }

  async collect(): Promise<Family[]> {
    const { inputs, names, labels, ledger } = this.#parts;
    for (const input of inputs) input.sync();
    names.refresh();
    labels.refresh();
    ledger.sets.beginPage();
    void this.#looks.start();
    return [
      ...inputs.flatMap((input) => input.families()),
      ...this.#counted(),
      ...this.#bounds(),
      ...KINDS.flatMap(({ kind, name, of }) => [
        this.#family(`flow_${name}_bytes_total`, `Bytes of ${of}.`, kind, 0),
        this.#family(`flow_${name}_packets_total`, `Packets of ${of}.`, kind, 1),
      ]),
    ];
  }

  #counted(): Family[] {
    const { inputs, ledger } = this.#parts;
    return [
      counter("promtap_flow_records_total", "Flow records counted; a message may hold several.", ledger.records),
      counter(
        "promtap_flow_refused_records_total",
        "Records that were not counted, by the reason.",
        REFUSALS.map(([verdict, reason]) => ({
          labels: { reason },
          value: inputs.reduce((sum, { refusals }) => sum + refusals[verdict]!, 0),
        })),
      ),
    ];
  }

  #bounds(): Family[] {
    const { ledger, names } = this.#parts;
    return [
      gauge("promtap_flow_series", "Sets of labels that have series.", ledger.series),
      gauge("promtap_flow_series_limit", "Sets of labels that may have series.", ledger.quota.limit),
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
