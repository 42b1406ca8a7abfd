import { type FlowDifference, FlowDifferences } from "../flow/flow-differences.ts";
import { FlowKind, type FlowLedger } from "../flow/flow-ledger.ts";
import { timeText } from "./accounting-record.ts";
import type { RecordBatch, RecordSource } from "./record-source.ts";

/** Keys whose values pmacct writes as numbers; those of ASes are numbers anyway. */
const NUMBER_KEYS = ["iface_in", "iface_out", "port_src", "port_dst", "tos", "vlan", "peer_as_src", "peer_as_dst"];
const NUMBER = /^(?:0|[1-9][0-9]{0,14})$/;
/** Of what has no place of its own. */
const OTHER = "other";

/** What a ledger counts flows by. */
export interface FlowRecordKeys {
  /** Keys of the labels. */
  readonly labels: readonly string[];
  readonly ownAs: number;
}

/** Records of flows that are received: one for each set of labels, with what was counted of it since the last. */
export class FlowRecords implements RecordSource, Disposable {
  readonly droppedPackets = 0;
  hasEnded = false;
  readonly #differences: FlowDifferences;
  readonly #keys: FlowRecordKeys;
  readonly #sync: () => void;

  /** `sync` has the ledger count what has come. */
  constructor(ledger: FlowLedger, keys: FlowRecordKeys, sync: () => void) {
    this.#differences = new FlowDifferences(ledger);
    this.#keys = keys;
    this.#sync = sync;
  }

  /** What is new is in the ledger. */
  watch(): void {}

  *batches(from: number): Generator<RecordBatch | undefined> {
    if (!this.hasEnded) this.#sync();
    for (const batch of this.#differences.batches()) {
      const until = Date.now() / 1000;
      yield (
        batch && {
          records: batch.differences.map((each) => Buffer.from(flowRecord(each, this.#keys, from, until))),
          take: () => batch.take(),
        }
      );
    }
  }

  /** Nothing more is counted; what was is still to be taken. */
  [Symbol.dispose](): void {
    this.hasEnded = true;
  }
}

/** Makes a record as pmacct would, in JSON. Whoever reads it and has the same AS has the same kind of flow. */
function flowRecord(
  difference: FlowDifference,
  { labels, ownAs }: FlowRecordKeys,
  from: number,
  until: number,
): string {
  const { kind, bytes, packets } = difference;
  const values = difference.labels ?? labels.map((key) => (key === "as_src" || key === "as_dst" ? 0 : OTHER));
  const entries = labels.flatMap((key, index) => {
    const value = values[index]!;
    if (value === "") return [];
    return [[key, NUMBER_KEYS.includes(key) && NUMBER.test(String(value)) ? Number(value) : value]];
  });
  const isFromUs = kind === FlowKind.TRANSMIT || kind === FlowKind.INTERNAL;
  const isToUs = kind === FlowKind.RECEIVE || kind === FlowKind.INTERNAL;
  return JSON.stringify({
    ...Object.fromEntries(entries),
    event_type: "purge",
    ...(isFromUs && ownAs !== 0 ? { as_src: ownAs } : {}),
    ...(isToUs && ownAs !== 0 ? { as_dst: ownAs } : {}),
    stamp_inserted: timeText(from),
    stamp_updated: timeText(until),
    packets,
    bytes,
  });
}
