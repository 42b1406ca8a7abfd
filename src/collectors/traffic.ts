import type { TapState } from "../capture/capture.ts";
import type { Position } from "../capture/edge.ts";
import { BUCKET_BOUNDS, SLOT_DOUBLES } from "../ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { Direction } from "../ledger/rows.ts";
import { REFUSALS, UNOPENED_REASONS } from "../packet/packet.ts";
import { PROTOCOL_COLUMNS, PROTOCOL_LABELS } from "../packet/protocols.ts";
import { counter, type Family, gauge, MetricType, type Sample, type WrittenFamily } from "../page/family.ts";
import { HistogramLines } from "../page/histogram-lines.ts";
import { labelText } from "../page/labels.ts";
import type { Format } from "../page/negotiation.ts";
import type { PageWriter } from "../page/page-writer.ts";
import { Piece } from "../page/piece.ts";
import { isTurnOver } from "../page/series-lines.ts";
import type { Collector } from "./collector.ts";
import { partLabels, RowLabels } from "./row-labels.ts";

/** Where the traffic comes from, whichever engine counts it. */
export interface TrafficSource {
  readonly engine: string;
  /** Brings the ledger up to date. */
  sync(): void;
  /** Likewise, but for what is counted by address: cheap enough for every second. Yields often. */
  syncTotals(): Iterable<void>;
  taps(): readonly TapState[];
}

const encoder = new TextEncoder();
const PROTOCOL_PIECES = PROTOCOL_LABELS.map(
  (label) => new Piece(label === "" ? "" : `,${labelText("protocol", label)}`),
);

/** Packet sizes by interface, and by address in the ranges: promacct's families, and what promacct hides. */
export class TrafficCollector implements Collector {
  readonly name = "traffic";
  readonly #source: TrafficSource;
  readonly #ledger: Ledger;
  readonly #labels = new WeakMap<InterfaceLedger, RowLabels>();

  constructor(source: TrafficSource, ledger: Ledger) {
    this.#source = source;
    this.#ledger = ledger;
  }

  async collect(): Promise<Family[]> {
    this.#source.sync();
    const departed = this.#ledger.takeDeparted();
    this.#ledger.beginPage();
    return [
      ...this.#health(),
      this.#allFamily(),
      this.#addressFamily(4, Direction.TX, departed),
      this.#addressFamily(4, Direction.RX, departed),
      this.#addressFamily(6, Direction.TX, departed),
      this.#addressFamily(6, Direction.RX, departed),
    ];
  }

  #health(): Family[] {
    const { engine } = this.#source;
    const taps = this.#source.taps();
    const ledgers = this.#ledger.interfaces();
    const lostBefore = new Map(ledgers.map((ledger) => [ledger.name, ledger.lostBefore]));
    const { addresses } = this.#ledger;
    return [
      gauge("promtap_capture_info", "The engine that counts packets.", [{ labels: { engine }, value: 1 }]),
      gauge(
        "promtap_interface_up",
        "Whether the interface is up and captured.",
        taps.map(({ name, isUp }) => ({ labels: { interface: name }, value: isUp ? 1 : 0 })),
      ),
      gauge(
        "promtap_interface_info",
        "Where the interface stands: its kind, what it is a port or slave of, what it is stacked on; " +
          'sums over those with edge="true" count a packet once that passes several.',
        taps.flatMap(({ name, position }) => (position === undefined ? [] : [infoSample(name, position)])),
      ),
      counter(
        "promtap_capture_lost_packets_total",
        "Packets that the kernel saw and that were dropped before they were counted.",
        taps.map(({ name, lostPackets }) => ({
          labels: { interface: name, engine },
          value: lostPackets + (lostBefore.get(name) ?? 0),
        })),
      ),
      counter(
        "promtap_traffic_unaccounted_packets_total",
        "Frames that count for the interface but for no address, by the reason.",
        ledgers.flatMap((ledger) =>
          REFUSALS.map(([verdict, reason]) => ({
            labels: { interface: ledger.name, reason },
            value: sumOf(ledger, ({ verdicts }) => verdicts[verdict]!),
          })),
        ),
      ),
      ...this.#unopened(),
      counter(
        "promtap_traffic_aggregated_packets_total",
        "Packets seen that the kernel carries merged (GRO, TSO), so that sizes exceed the MTU; " +
          "--wire-sizes counts what they are made of.",
        ledgers.map((ledger) => sampleOf(ledger, ({ aggregatedPackets }) => aggregatedPackets)),
      ),
      gauge("promtap_traffic_addresses", "Addresses that have series.", addresses.used),
      gauge("promtap_traffic_addresses_limit", "Addresses that may have series.", addresses.limit),
      counter(
        "promtap_traffic_other_packets_total",
        "Packets counted under ip=other because the limit of addresses was reached; one for each direction.",
        ledgers.map((ledger) => sampleOf(ledger, (part) => part.addresses.refusedPackets())),
      ),
      counter(
        "promtap_traffic_evicted_addresses_total",
        "Addresses that gave their series to others, because they were silent longest when the limit was reached.",
        ledgers.map((ledger) => sampleOf(ledger, (part) => part.addresses.evicted)),
      ),
      counter(
        "promtap_traffic_exhausted_packets_total",
        "Times that a kernel engine had no room for a new series, and counted a packet under ip=other.",
        ledgers.map((ledger) => sampleOf(ledger, ({ exhaustedPackets }) => exhaustedPackets)),
      ),
      ...this.#vlans(),
    ];
  }

  /** There only if VLANs are told apart. */
  #vlans(): Family[] {
    const { vlans } = this.#ledger;
    if (vlans === undefined) return [];
    return [
      gauge("promtap_traffic_vlans", "VLANs that have series, over all interfaces.", vlans.used),
      gauge("promtap_traffic_vlans_limit", 'VLANs that may have series; others are vlan="other".', vlans.limit),
    ];
  }

  /** There only if tunnels are opened. */
  #unopened(): Family[] {
    if (!this.#ledger.opensTunnels) return [];
    const samples = this.#ledger
      .interfaces()
      .flatMap(({ name, unopened }) =>
        UNOPENED_REASONS.map(([why, reason]) => ({ labels: { interface: name, reason }, value: unopened[why]! })),
      );
    return [
      counter(
        "promtap_traffic_unopened_packets_total",
        "Packets with a tunnel that count for their outer addresses, by the reason.",
        samples,
      ),
    ];
  }

  #allFamily(): WrittenFamily {
    const name = "promacct_packet_size_bytes_all";
    const ledgers = this.#ledger.parts();
    return {
      name,
      help: "Size of all frames, in bytes without the link header.",
      type: MetricType.HISTOGRAM,
      *write(writer: PageWriter, format: Format) {
        const lines = new HistogramLines(name, BUCKET_BOUNDS, format);
        for (const ledger of ledgers.filter((each) => !each.isEmpty())) {
          const labels = encoder.encode(
            partLabels(ledger)
              .map(([label, value]) => labelText(label, value))
              .join(","),
          );
          lines.write(writer, ledger.slots.counters, ALL_SLOT * SLOT_DOUBLES, labels, 0, labels.length);
          if (writer.isFull) yield;
        }
      },
    };
  }

  /** `departed`: ledgers that are told for the last time. */
  #addressFamily(version: 4 | 6, direction: Direction, departed: readonly InterfaceLedger[]): WrittenFamily {
    const isTx = direction === Direction.TX;
    const name = `promacct_packet_size_bytes_ipv${version}_${isTx ? "tx" : "rx"}`;
    return {
      name,
      help: `Size of IPv${version} packets ${isTx ? "from" : "to"} an address, in bytes without the link header.`,
      type: MetricType.HISTOGRAM,
      write: (writer, format) => {
        const ledgers = [...this.#ledger.parts(), ...departed];
        return this.#writeAddresses(
          writer,
          new HistogramLines(name, BUCKET_BOUNDS, format),
          ledgers,
          version,
          direction,
        );
      },
    };
  }

  *#writeAddresses(
    writer: PageWriter,
    lines: HistogramLines,
    ledgers: readonly InterfaceLedger[],
    version: 4 | 6,
    direction: Direction,
  ): Generator<void> {
    using _ = this.#ledger.addresses.hold();
    for (const ledger of ledgers) {
      const labels = this.#labelsOf(ledger);
      for (let row = 0; row < ledger.rows.count; row++) {
        const isWritten = ledger.rows.isUsed(row) && labels.version(row) === version;
        if (isWritten) writeRow(writer, lines, ledger, labels, row, direction);
        if (isTurnOver(writer, row)) yield;
      }
    }
  }

  #labelsOf(ledger: InterfaceLedger): RowLabels {
    let labels = this.#labels.get(ledger);
    if (labels === undefined) {
      labels = new RowLabels(ledger);
      this.#labels.set(ledger, labels);
    }
    return labels;
  }
}

/** What all parts of an interface have together. */
function sumOf(ledger: InterfaceLedger, count: (part: InterfaceLedger) => number): number {
  return ledger.parts().reduce((sum, part) => sum + count(part), 0);
}

function sampleOf(ledger: InterfaceLedger, count: (part: InterfaceLedger) => number): Sample {
  return { labels: { interface: ledger.name }, value: sumOf(ledger, count) };
}

/** Writes the histograms of one row in one direction. Hot; does not allocate. */
function writeRow(
  writer: PageWriter,
  lines: HistogramLines,
  ledger: InterfaceLedger,
  labels: RowLabels,
  row: number,
  direction: Direction,
): void {
  const { counters } = ledger.slots;
  for (let column = 0; column < PROTOCOL_COLUMNS; column++) {
    const slot = ledger.rows.slotOf(row, direction * PROTOCOL_COLUMNS + column);
    if (slot === 0) continue;
    const at = slot * SLOT_DOUBLES;
    lines.write(writer, counters, at, labels.bytes, labels.start(row), labels.end(row), PROTOCOL_PIECES[column]);
  }
}

function infoSample(name: string, { kind, master, lower, isEdge }: Position): Sample {
  return { labels: { interface: name, kind, master, lower, edge: String(isEdge) }, value: 1 };
}
