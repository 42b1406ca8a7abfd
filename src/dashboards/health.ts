import type { Plan } from "./layout.ts";
import { graph, stat, table } from "./panels.ts";
import { largest, OF_JOB, rate, rateBy } from "./queries.ts";

const ALL = "promacct_packet_size_bytes_all";

export const overview: Plan = {
  title: "Overview",
  about: "All promtaps: what they count, and whether something is wrong.",
  family: "promtap_build_info",
  panels: [
    stat("promtaps", "short", "That answer.", [`count(promtap_build_info{${OF_JOB}})`]),
    stat("Traffic", "bps", "Of all interfaces.", [`8 * sum(${rate(`${ALL}_sum`, OF_JOB)})`]),
    stat("Packets", "pps", "Of all interfaces.", [`sum(${rate(`${ALL}_count`, OF_JOB)})`]),
    stat("Lost packets", "pps", "That the kernel saw and promtap could not count.", [
      `sum(${rate("promtap_capture_lost_packets_total", OF_JOB)})`,
    ]),
    stat("Interfaces down", "short", "That are captured when they are up.", [
      `count(promtap_interface_up{${OF_JOB}} == 0) or vector(0)`,
    ]),
    stat("Collectors that fail", "short", "Whose families are missing on the last page.", [
      `count(promtap_collector_success{${OF_JOB}} == 0) or vector(0)`,
    ]),
    graph("Traffic", "bps", "All IP packets.", [`8 * ${rateBy("instance", `${ALL}_sum`, OF_JOB)}`, "{{instance}}"]),
    graph("Interfaces", "bps", "Those that carry most.", [
      `8 * ${largest(rateBy("instance, interface", `${ALL}_sum`, OF_JOB))}`,
      "{{instance}} {{interface}}",
    ]),
    table("Versions", "none", "What runs.", `promtap_build_info{${OF_JOB}}`, ["Value"]),
    table("Engines", "none", "How packets are captured.", `promtap_capture_info{${OF_JOB}}`, ["Value"]),
  ],
};

export const self: Plan = {
  title: "promtap itself",
  about: "What promtap takes, how full its limits are, how old its data is.",
  family: "promtap_build_info",
  panels: [
    graph("CPU", "percentunit", "Of one CPU.", [
      rateBy("instance", "process_cpu_seconds_total", OF_JOB),
      "{{instance}}",
    ]),
    graph("Memory", "bytes", "Resident.", [`process_resident_memory_bytes{${OF_JOB}}`, "{{instance}}"]),
    graph("Collectors", "s", "How long each took for the last page.", [
      `promtap_collector_duration_seconds{${OF_JOB}}`,
      "{{instance}} {{collector}}",
    ]),
    graph(
      "Limits",
      "percentunit",
      "How full they are; what is above goes to other.",
      [`promtap_traffic_addresses{${OF_JOB}} / promtap_traffic_addresses_limit`, "{{instance}} addresses"],
      [`promtap_customers{${OF_JOB}} / promtap_customers_limit`, "{{instance}} customers"],
      [`promtap_customer_accounts{${OF_JOB}} / promtap_customer_accounts_limit`, "{{instance}} accounts of customers"],
      [`promtap_flow_series{${OF_JOB}} / promtap_flow_series_limit`, "{{instance}} flows"],
      [`promtap_flow_exporters{${OF_JOB}} / promtap_flow_exporters_limit`, "{{instance}} exporters of flows"],
      [`promtap_traffic_asns{${OF_JOB}} / promtap_traffic_asns_limit`, "{{instance}} ASes"],
    ),
    graph("Open files", "percentunit", "Of those that the process may have.", [
      `process_open_fds{${OF_JOB}} / process_max_fds`,
      "{{instance}}",
    ]),
    graph("Packets without series of their own", "pps", "Counted as other, because there are too many addresses.", [
      rateBy("instance, interface", "promtap_traffic_other_packets_total", OF_JOB),
      "{{instance}} {{interface}}",
    ]),
    graph("Age of databases", "s", "Since they were built.", [
      `time() - promtap_geoip_database_build_timestamp_seconds{${OF_JOB}}`,
      "{{instance}} {{database}}",
    ]),
    graph(
      "Age of what is kept",
      "s",
      "Since the counts of --state were written, and since the end of the last sample for bills.",
      [`time() - promtap_state_last_write_timestamp_seconds{${OF_JOB}}`, "{{instance}} state"],
      [`time() - (promtap_bill_last_sample_timestamp_seconds{${OF_JOB}} > 0)`, "{{instance}} samples"],
    ),
    table(
      "Certificates",
      "dateTimeFromNow",
      "When what clients are shown ends.",
      `1000 * promtap_web_certificate_not_after_timestamp_seconds{${OF_JOB}}`,
    ),
    graph("Refused requests", "short", "Connections and requests a second, by the reason.", [
      rateBy("instance, reason", "promtap_web_refused_total", OF_JOB),
      "{{instance}} {{reason}}",
    ]),
    graph("Configuration", "none", "1 if it was taken over when it was last read.", [
      `promtap_config_last_reload_successful{${OF_JOB}}`,
      "{{instance}}",
    ]),
  ],
};
