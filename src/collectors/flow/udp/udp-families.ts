import { type Domain, PROTOCOLS } from "../../../flows/exporter.ts";
import { FLOW_EGRESS, FLOW_INGRESS } from "../../../flows/flow.ts";
import { REFUSALS } from "../../../flows/verdict.ts";
import { counter, type Family, gauge, type Sample } from "../../../page/family.ts";
import type { FlowInput } from "../flow-collector.ts";
import { type KnownExporter, MAX_EXPORTERS } from "./exporters.ts";
import type { UdpIntake } from "./udp-intake.ts";

const MS_PER_SECOND = 1000;
const DIRECTIONS = [
  [FLOW_INGRESS, "ingress"],
  [FLOW_EGRESS, "egress"],
] as const;

/** What receives datagrams. */
export interface Receiver {
  readonly sockets: readonly {
    readonly name: string;
    readonly socket: { memory(): { bufferBytes: number; drops: number } };
  }[];
  sync(): void;
}

/** What the page says of flows that come as datagrams, besides the flows. */
export class UdpFamilies implements FlowInput {
  readonly #receiver: Receiver;
  readonly #intake: UdpIntake;

  constructor(receiver: Receiver, intake: UdpIntake) {
    this.#receiver = receiver;
    this.#intake = intake;
  }

  get refusals(): Float64Array {
    return this.#intake.refusals;
  }

  sync(): void {
    this.#intake.exporters.refresh();
    this.#intake.systems?.refresh();
    this.#receiver.sync();
  }

  families(): Family[] {
    return [
      ...this.#datagrams(),
      ...this.#exporters(),
      ...this.#sequences(),
      ...this.#templates(),
      ...this.#sockets(),
      ...this.#accounts(),
    ];
  }

  /** There only if flows count as frames do. */
  #accounts(): Family[] {
    const { accounts } = this.#intake;
    if (accounts === undefined) return [];
    return [
      gauge("promtap_flow_accounted_exporters", "Exporters with series by customer and zone.", accounts.exporters),
      gauge("promtap_flow_accounted_exporters_limit", "Exporters that may have such series.", accounts.maxExporters),
      counter(
        "promtap_flow_other_exporter_records_total",
        'Records counted under interface="other" in such series because the limit was reached.',
        accounts.otherRecords,
      ),
      counter(
        "promtap_flow_unaddressed_records_total",
        "Records without addresses, which are in no such series.",
        accounts.unaddressedRecords,
      ),
    ];
  }

  #datagrams(): Family[] {
    const { verdicts, exporters, notAllowed, repeatedRecords } = this.#intake;
    return [
      counter(
        "promtap_flow_refused_datagrams_total",
        "Datagrams that were not read, or not to their end, by the reason.",
        [
          ...REFUSALS.map(([verdict, reason]) => ({ labels: { reason }, value: verdicts[verdict]! })),
          { labels: { reason: "not_allowed" }, value: notAllowed },
        ],
      ),
      counter(
        "promtap_flow_repeated_records_total",
        "Records of packets that count where they are reported in the other direction.",
        DIRECTIONS.map(([direction, name]) => ({ labels: { direction: name }, value: repeatedRecords[direction]! })),
      ),
      gauge("promtap_flow_exporters", "Exporters that are told apart.", exporters.count),
      gauge("promtap_flow_exporters_limit", "Exporters that may be told apart.", MAX_EXPORTERS),
      counter(
        "promtap_flow_evicted_exporters_total",
        "Exporters that gave their place to others.",
        exporters.evictions,
      ),
    ];
  }

  #exporters(): Family[] {
    const { exporters } = this.#intake;
    const all = [...exporters.all(), exporters.other].filter(({ datagrams }) => datagrams > 0);
    const each = (value: (known: KnownExporter) => number): Sample[] =>
      all.map((known) => ({ labels: { exporter: known.name }, value: value(known) }));
    return [
      counter(
        "promtap_flow_datagrams_total",
        "Datagrams of an exporter.",
        each((known) => known.datagrams),
      ),
      counter(
        "promtap_flow_exporter_records_total",
        "Records that were read of an exporter.",
        all.flatMap(({ name, exporter }) =>
          PROTOCOLS.flatMap((protocol, k) =>
            exporter.records[k] === 0 ? [] : [{ labels: { exporter: name, protocol }, value: exporter.records[k]! }],
          ),
        ),
      ),
      gauge(
        "promtap_flow_last_seen_timestamp_seconds",
        "When an exporter last sent a datagram.",
        each(({ lastSeenMs }) => lastSeenMs / MS_PER_SECOND),
      ),
      gauge(
        "promtap_flow_sampling_interval",
        "Of how many packets the exporter looks at one, as it last told.",
        each(({ exporter }) => exporter.interval).filter(({ value }) => value > 0),
      ),
    ];
  }

  #sequences(): Family[] {
    const all = [...this.#intake.exporters.all()].flatMap(({ name, exporter }) =>
      [...exporter.domains.values()].map((domain) => ({ name, domain })),
    );
    const each = (value: (domain: Domain) => number): Sample[] =>
      all.map(({ name, domain }) => {
        const labels = { exporter: name, protocol: PROTOCOLS[domain.protocol], domain: String(domain.id) };
        return { labels, value: value(domain) };
      });
    return [
      counter(
        "promtap_flow_lost_total",
        "Records (netflow5, ipfix) or datagrams (netflow9, sflow5) that sequence numbers say did not come.",
        each(({ sequence }) => sequence.lost),
      ),
      counter(
        "promtap_flow_missed_total",
        "Records or datagrams that sequence numbers say came from one run to the next, as far as their counts are not kept.",
        each(({ sequence }) => sequence.missed),
      ),
      counter(
        "promtap_flow_late_total",
        "Records or datagrams that came after later ones; they were counted as lost before.",
        each(({ sequence }) => sequence.late),
      ),
      counter(
        "promtap_flow_sequence_restarts_total",
        "Times that sequence numbers began somewhere else.",
        each(({ sequence }) => sequence.restarts),
      ),
    ];
  }

  #templates(): Family[] {
    const { room } = this.#intake;
    return [
      gauge("promtap_flow_templates", "Templates that are known.", room.templates),
      counter("promtap_flow_refused_templates_total", "Templates that found no room.", room.refusedTemplates),
      gauge("promtap_flow_interface_names", "Names of interfaces that exporters have told.", room.interfaceNames),
      counter(
        "promtap_flow_refused_interface_names_total",
        "Times that such a name found no room.",
        room.refusedInterfaceNames,
      ),
      gauge("promtap_flow_held_sets", "Sets of records that wait for their template.", room.held.count),
      counter(
        "promtap_flow_dropped_sets_total",
        "Sets of records that were given up because their template did not come.",
        room.held.dropped,
      ),
    ];
  }

  #sockets(): Family[] {
    const all = this.#receiver.sockets.map(({ name, socket }) => ({ labels: { address: name }, ...socket.memory() }));
    return [
      counter(
        "promtap_flow_socket_drops_total",
        "Datagrams that the kernel dropped because too many waited.",
        all.map(({ labels, drops }) => ({ labels, value: drops })),
      ),
      gauge(
        "promtap_flow_socket_buffer_bytes",
        "Bytes of datagrams that may wait, with what the kernel needs besides.",
        all.map(({ labels, bufferBytes }) => ({ labels, value: bufferBytes })),
      ),
    ];
  }
}
