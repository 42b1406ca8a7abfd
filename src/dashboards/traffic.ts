import type { Plan } from "./layout.ts";
import { graph, heatmap, map, stat, table } from "./panels.ts";
import { growthBy, largest, OF_INTERFACE, OF_JOB, rate, rateBy } from "./queries.ts";

const ALL = "promacct_packet_size_bytes_all";

/** Of the histograms by address, which are one for each version of IP. */
function byAddress(direction: "tx" | "rx", part: "sum" | "count"): string {
  const [ipv4, ipv6] = ["ipv4", "ipv6"].map((version) =>
    rateBy("ip", `promacct_packet_size_bytes_${version}_${direction}_${part}`, `${OF_INTERFACE},ip=~"$ip"`),
  );
  return `${ipv4} or ${ipv6}`;
}

export const interfaces: Plan = {
  title: "Interfaces",
  about: "What interfaces carry, by size of packet, and what was lost.",
  family: `${ALL}_count`,
  labels: ["interface"],
  panels: [
    graph("Traffic", "bps", "All IP packets, both directions.", [
      `8 * ${rateBy("instance, interface", `${ALL}_sum`, OF_INTERFACE)}`,
      "{{instance}} {{interface}}",
    ]),
    graph("Packets", "pps", "All IP packets, both directions.", [
      rateBy("instance, interface", `${ALL}_count`, OF_INTERFACE),
      "{{instance}} {{interface}}",
    ]),
    graph("95th percentile", "bps", "Of five-minute averages over the last 31 days; needs the recording rules.", [
      `8 * instance_interface:${ALL}:p95_31d{instance=~"$instance",interface=~"$interface"}`,
      "{{instance}} {{interface}}",
    ]),
    graph("Highest second", "bps", "Between two scrapes, both directions; needs --peaks.", [
      `8 * promtap_traffic_peak_bytes_per_second{${OF_INTERFACE}}`,
      "{{instance}} {{interface}}",
    ]),
    heatmap(
      "Packet sizes",
      "bytes",
      "How many packets a second are of which size.",
      rateBy("le", `${ALL}_bucket`, OF_INTERFACE),
    ),
    graph("Lost packets", "pps", "Packets that the kernel saw and promtap could not count.", [
      rateBy("instance, interface", "promtap_capture_lost_packets_total", OF_INTERFACE),
      "{{instance}} {{interface}}",
    ]),
    graph("Unaccounted packets", "pps", "Frames without an IP packet that could be read, by the reason.", [
      rateBy("reason", "promtap_traffic_unaccounted_packets_total", OF_INTERFACE),
      "{{reason}}",
    ]),
    table("Interfaces", "none", "1 if it is up, and captured.", `promtap_interface_up{${OF_INTERFACE}}`),
  ],
};

export const addresses: Plan = {
  title: "Addresses",
  about: "Who sends and receives most, of the ranges that are accounted.",
  family: "promacct_packet_size_bytes_ipv4_tx_count",
  labels: ["interface", "ip"],
  panels: [
    graph("Sent", "bps", "By the address that sent it.", [`8 * ${largest(byAddress("tx", "sum"))}`, "{{ip}}"]),
    graph("Received", "bps", "By the address that it was sent to.", [
      `8 * ${largest(byAddress("rx", "sum"))}`,
      "{{ip}}",
    ]),
    graph("Packets sent", "pps", "By the address that sent them.", [largest(byAddress("tx", "count")), "{{ip}}"]),
    graph("Packets received", "pps", "By the address that they were sent to.", [
      largest(byAddress("rx", "count")),
      "{{ip}}",
    ]),
    graph("Sent, by protocol", "bps", "IPv4, of the ranges.", [
      `8 * ${rateBy("protocol", "promacct_packet_size_bytes_ipv4_tx_sum", `${OF_INTERFACE},ip=~"$ip"`)}`,
      "{{protocol}}",
    ]),
    graph(
      "Sum over what is shown",
      "bytes",
      "Sent and received, IPv4, by address.",
      [largest(growthBy("ip", "promacct_packet_size_bytes_ipv4_tx_sum", `${OF_INTERFACE},ip=~"$ip"`)), "{{ip}} sent"],
      [
        largest(growthBy("ip", "promacct_packet_size_bytes_ipv4_rx_sum", `${OF_INTERFACE},ip=~"$ip"`)),
        "{{ip}} received",
      ],
    ),
  ],
};

const NOT_CUSTOMER = "job, instance, interface";

export const customers: Plan = {
  title: "Customers",
  about: "What customers of lists of prefixes send and receive, and what it comes to.",
  family: "promtap_customer_bytes_total",
  labels: ["interface"],
  panels: [
    stat("Customers", "short", "That have series; with --customers.by, each with what is told apart of its traffic.", [
      `sum(promtap_customers{${OF_JOB}}) or sum(promtap_customer_accounts{${OF_JOB}})`,
    ]),
    stat("Sent", "bps", "By all customers.", [
      `8 * sum(${rate("promtap_customer_bytes_total", `${OF_INTERFACE},direction="tx"`)})`,
    ]),
    stat("Received", "bps", "By all customers.", [
      `8 * sum(${rate("promtap_customer_bytes_total", `${OF_INTERFACE},direction="rx"`)})`,
    ]),
    graph("Sent", "bps", "By customer.", [
      `8 * ${largest(`sum without (${NOT_CUSTOMER}) (${rate("promtap_customer_bytes_total", `${OF_INTERFACE},direction="tx"`)})`)}`,
    ]),
    graph("Received", "bps", "By customer.", [
      `8 * ${largest(`sum without (${NOT_CUSTOMER}) (${rate("promtap_customer_bytes_total", `${OF_INTERFACE},direction="rx"`)})`)}`,
    ]),
    graph("Highest second", "bps", "Between two scrapes, by customer and direction; needs --peaks.", [
      `8 * ${largest(`max without (${NOT_CUSTOMER}) (promtap_customer_peak_bytes_per_second{${OF_INTERFACE}})`)}`,
    ]),
    graph("Told apart", "bps", "Of all customers, by direction and by what --customers.by tells apart.", [
      `8 * ${largest(rateBy("direction, zone, protocol, vlan, country, asn", "promtap_customer_bytes_total", OF_INTERFACE))}`,
      "{{direction}} {{zone}} {{protocol}} {{vlan}} {{country}} {{asn}}",
    ]),
    table(
      "Over what is shown",
      "bytes",
      "Bytes by customer and direction.",
      `sort_desc(sum without (${NOT_CUSTOMER}) (increase(promtap_customer_bytes_total{${OF_INTERFACE}}[$__range])))`,
    ),
    table("95th percentile of 30 days", "bps", "Needs the recording rules.", "sort_desc(customer:bits:p95_30d)"),
  ],
};

/** Databases of several promtaps may name an AS differently. */
const AS_NAMES = "* on (asn) group_left (name) topk by (asn) (1, promtap_traffic_asn_info)";

export const countries: Plan = {
  title: "Countries",
  about: "Traffic by country and AS of the remote end.",
  family: "promtap_traffic_country_bytes_total",
  labels: ["interface"],
  panels: [
    map(
      "Traffic",
      "bps",
      "Both directions, of the last five minutes.",
      `8 * sum by (country) (rate(promtap_traffic_country_bytes_total{${OF_INTERFACE}}[5m]))`,
      "country",
    ),
    stat("Sent", "bps", "To all countries.", [
      `8 * sum(${rate("promtap_traffic_country_bytes_total", `${OF_INTERFACE},direction="tx"`)})`,
    ]),
    stat("Received", "bps", "From all countries.", [
      `8 * sum(${rate("promtap_traffic_country_bytes_total", `${OF_INTERFACE},direction="rx"`)})`,
    ]),
    graph("To countries", "bps", "By country of the remote end.", [
      `8 * ${largest(rateBy("country", "promtap_traffic_country_bytes_total", `${OF_INTERFACE},direction="tx"`))}`,
      "{{country}}",
    ]),
    graph("From countries", "bps", "By country of the remote end.", [
      `8 * ${largest(rateBy("country", "promtap_traffic_country_bytes_total", `${OF_INTERFACE},direction="rx"`))}`,
      "{{country}}",
    ]),
    graph("To ASes", "bps", "By AS of the remote end; needs --by asn.", [
      `8 * ${largest(`(${rateBy("asn", "promtap_traffic_asn_bytes_total", `${OF_INTERFACE},direction="tx"`)} ${AS_NAMES})`)}`,
      "AS{{asn}} {{name}}",
    ]),
    graph("From ASes", "bps", "By AS of the remote end; needs --by asn.", [
      `8 * ${largest(`(${rateBy("asn", "promtap_traffic_asn_bytes_total", `${OF_INTERFACE},direction="rx"`)} ${AS_NAMES})`)}`,
      "AS{{asn}} {{name}}",
    ]),
  ],
};
