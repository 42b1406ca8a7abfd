import { GO_PROCESS } from "./guise.ts";
import type { Personality } from "./personality.ts";
import { GO_FLAG } from "./style/go-flag.ts";

export const wialon: Personality = {
  style: GO_FLAG,
  switches: ["wialon"],
  flags: [
    { name: "filter", value: "string", default: "tcp port 20332", becomes: "wialon-filter", help: "BPF filter" },
    {
      name: "i",
      value: "string",
      default: "eth0",
      // libpcap's name of all interfaces at once.
      values: new Map([["any", "auto"]]),
      becomes: "wialon-interface",
      help: "Interface",
    },
    {
      name: "metrics-listen-address",
      value: "string",
      default: "0.0.0.0:9332",
      becomes: "web.listen-address",
      help: "Prometheus exporter metrics listen address",
    },
  ],
  guise: {
    name: "wialon_ips_exporter",
    families: {
      ...GO_PROCESS,
      wialon_ips_packets_total: "Total number of IPS packets",
      wialon_ips_parse_errors_total: "Total number of parse errors",
      wialon_ips_raw_packets_total: "Total number of packets handled",
      wialon_ips_streams_size: "Number of currently active streams",
      wialon_ips_streams_by_ip_size: "Number of currently active streams by src_ip and dst_ip",
      wialon_ips_stream_live_seconds: null,
    },
    otherPaths: "none",
  },
};
