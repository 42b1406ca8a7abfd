import type { Plan } from "./layout.ts";
import { graph, map, stat, table } from "./panels.ts";
import { largest, OF_JOB, rate, rateBy } from "./queries.ts";

export const firewall: Plan = {
  title: "Firewall",
  about: "What rules of iptables and nftables match.",
  family: "iptables_rule_packets_total",
  labels: ["table", "chain"],
  panels: [
    graph("Rules", "pps", "Packets that rules match.", [
      largest(rateBy("chain, rule", "iptables_rule_packets_total", `${OF_JOB},table=~"$table",chain=~"$chain"`)),
      "{{chain}} {{rule}}",
    ]),
    graph("Rules", "bps", "Traffic that rules match.", [
      `8 * ${largest(rateBy("chain, rule", "iptables_rule_bytes_total", `${OF_JOB},table=~"$table",chain=~"$chain"`))}`,
      "{{chain}} {{rule}}",
    ]),
    graph("Policies", "pps", "Packets that no rule decided on.", [
      rateBy("family, chain, policy", "iptables_default_packets_total", `${OF_JOB},table=~"$table",chain=~"$chain"`),
      "{{family}} {{chain}} {{policy}}",
    ]),
    graph("Named counters", "bps", "Of nftables.", [
      `8 * ${rateBy("family, table, name", "promtap_nftables_named_bytes_total", OF_JOB)}`,
      "{{family}} {{table}} {{name}}",
    ]),
    graph("Sets", "short", "Elements of sets of nftables.", [
      `sum by (family, table, name) (promtap_nftables_set_elements{${OF_JOB}})`,
      "{{family}} {{table}} {{name}}",
    ]),
    graph("Quotas", "percentunit", "How much of quotas of nftables is used.", [
      `promtap_nftables_quota_used_bytes{${OF_JOB}} / promtap_nftables_quota_bytes`,
      "{{family}} {{table}} {{name}}",
    ]),
    graph("Age", "s", "How old the rules on the page are.", [
      `promtap_iptables_age_seconds{${OF_JOB}}`,
      "{{instance}} {{family}} {{backend}}",
    ]),
    table(
      "Rules, by packets a second",
      "pps",
      "Of the last five minutes.",
      `topk(100, sum by (family, backend, table, chain, rule) (rate(iptables_rule_packets_total{${OF_JOB},table=~"$table",chain=~"$chain"}[5m])))`,
    ),
  ],
};

export const connections: Plan = {
  title: "Connections",
  about: "TCP connections by country of the remote end.",
  family: "promtap_tcp_source_info",
  panels: [
    map(
      "Connections",
      "short",
      "Now, by country of the remote end.",
      `sum by (location) (job_location{${OF_JOB}})`,
      "location",
    ),
    stat("Connections", "short", "Of all countries.", [`sum(job_location{${OF_JOB}})`]),
    stat("Countries", "short", "That have connections.", [`count(count by (location) (job_location{${OF_JOB}}))`]),
    graph("By country", "short", "The countries that have most.", [
      largest(`sum by (location) (job_location{${OF_JOB}})`),
      "{{location}}",
    ]),
    graph("By state", "short", "Incoming and outgoing ones.", [
      `sum by (state, direction) (promtap_tcp_connections{${OF_JOB}})`,
      "{{state}} {{direction}}",
    ]),
    graph("By AS", "short", "Of the remote end, if there is an AS database.", [
      largest(`sum by (asn, organization) (promtap_tcp_asn_connections{${OF_JOB}})`),
      "AS{{asn}} {{organization}}",
    ]),
  ],
};

export const wialon: Plan = {
  title: "Wialon IPS",
  about: "What GPS trackers send, and what servers answer.",
  family: "wialon_ips_streams_size",
  panels: [
    stat("Streams", "short", "Connections that are alive.", [`sum(wialon_ips_streams_size{${OF_JOB}})`]),
    stat("Trackers", "short", "Devices that have series.", [
      `count(wialon_ips_device_last_packet_timestamp_seconds{${OF_JOB}})`,
    ]),
    stat("Packets", "pps", "Of all types.", [`sum(${rate("wialon_ips_packets_total", OF_JOB)})`]),
    graph("Packets", "pps", "By type.", [rateBy("type", "wialon_ips_packets_total", OF_JOB), "{{type}}"]),
    graph(
      "Errors",
      "pps",
      "Packets that can't be read, or whose checksum is wrong.",
      [`sum(${rate("wialon_ips_parse_errors_total", OF_JOB)})`, "parse"],
      [`sum(${rate("wialon_ips_crc_errors_total", OF_JOB)})`, "CRC"],
    ),
    graph("Logins", "pps", "By the code that the server answers with.", [
      rateBy("code", "wialon_ips_logins_total", OF_JOB),
      "{{code}}",
    ]),
    graph("Refused packets", "pps", "By type and code of the answer.", [
      rateBy("type, code", "wialon_ips_rejected_packets_total", OF_JOB),
      "{{type}} {{code}}",
    ]),
    graph("Answers, 95th percentile", "s", "From a packet to its answer.", [
      `histogram_quantile(0.95, ${rateBy("le, type", "wialon_ips_answer_latency_seconds_bucket", OF_JOB)})`,
      "{{type}}",
    ]),
    graph("Life of streams", "s", "From the first packet of a stream to its last, of those that ended.", [
      `max by (quantile) (wialon_ips_stream_live_seconds{${OF_JOB},quantile!=""})`,
      "{{quantile}}",
    ]),
    table(
      "Silent longest",
      "s",
      "Seconds since the last packet of a tracker.",
      `topk(100, time() - max by (imei) (wialon_ips_device_last_packet_timestamp_seconds{${OF_JOB}}))`,
    ),
  ],
};

export const flows: Plan = {
  title: "Flows",
  about: "Traffic of routers by AS, from flow records.",
  family: "promtap_flow_records_total",
  panels: [
    graph("Received", "bps", "By the AS it comes from.", [
      `8 * ${largest(rateBy("source_as, source_as_name", "flow_receive_bytes_total", OF_JOB))}`,
      "AS{{source_as}} {{source_as_name}}",
    ]),
    graph("Transmitted", "bps", "By the AS it goes to.", [
      `8 * ${largest(rateBy("destination_as, destination_as_name", "flow_transmit_bytes_total", OF_JOB))}`,
      "AS{{destination_as}} {{destination_as_name}}",
    ]),
    graph("Transit", "bps", "By the ASes it comes from and goes to.", [
      `8 * ${largest(rateBy("source_as, destination_as", "flow_transit_bytes_total", OF_JOB))}`,
      "AS{{source_as}} to AS{{destination_as}}",
    ]),
    graph("By router", "bps", "All that its records tell of.", [
      `8 * (${["receive", "transmit", "transit", "internal"].map((kind) => rateBy("hostname", `flow_${kind}_bytes_total`, OF_JOB)).join(" or ")})`,
      "{{hostname}}",
    ]),
    graph("Records", "short", "Flow records counted a second.", [
      rateBy("instance", "promtap_flow_records_total", OF_JOB),
      "{{instance}}",
    ]),
    graph("Refused records", "short", "A second, by the reason.", [
      rateBy("reason", "promtap_flow_refused_records_total", OF_JOB),
      "{{reason}}",
    ]),
    graph(
      "Lost datagrams and records",
      "short",
      "A second, between routers and page: by sequence numbers, and what the kernel dropped.",
      [rateBy("exporter, protocol", "promtap_flow_lost_total", OF_JOB), "{{exporter}} {{protocol}}"],
      [rateBy("instance, address", "promtap_flow_socket_drops_total", OF_JOB), "{{instance}} {{address}} dropped"],
    ),
    graph("Lag", "short", "Messages that have not been read yet, by topic.", [
      `sum by (topic) (promtap_flow_lag_messages{${OF_JOB}})`,
      "{{topic}}",
    ]),
    graph(
      "Series",
      "short",
      "Sets of labels that have series, and how many may.",
      [`promtap_flow_series{${OF_JOB}}`, "{{instance}}"],
      [`promtap_flow_series_limit{${OF_JOB}}`, "{{instance}} limit"],
    ),
  ],
};
