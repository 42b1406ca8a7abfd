/** Of packages; there is no address that reaches anybody. */
export const AUTHOR = "The promtap authors <promtap@promtap.invalid>";

export const SUMMARY = "network traffic accounting for Prometheus";

/** Lines of at most 79 characters; an empty one parts paragraphs. */
export const DESCRIPTION: readonly string[] = [
  "promtap counts the packets and bytes that pass the network interfaces of a",
  "machine, by interface, address, protocol and country, and serves the counts",
  "to Prometheus at port 9112.",
  "",
  "It takes the place of promacct, iptables_exporter, geoip-exporter,",
  "wialon_ips_exporter and flow-exporter, with their metrics and flags.",
];
