import { GO_PROCESS } from "./guise.ts";
import type { Personality } from "./personality.ts";
import { KINGPIN } from "./style/kingpin.ts";

export const iptables: Personality = {
  style: KINGPIN,
  switches: ["iptables", "iptables-compat"],
  flags: [
    {
      name: "web.listen-address",
      value: "string",
      default: ":9455",
      becomes: "web.listen-address",
      help: "Address on which to expose metrics and web interface.",
    },
    {
      name: "web.telemetry-path",
      value: "string",
      default: "/metrics",
      becomes: "web.telemetry-path",
      help: "Path under which to expose metrics.",
    },
    {
      name: "log.level",
      value: "string",
      default: "info",
      becomes: "log.level",
      help: "Only log messages with the given severity or above. Valid levels: [debug, info, warn, error, fatal]",
    },
    {
      name: "log.format",
      value: "string",
      default: "logger:stderr",
      becomes: "log.format",
      help: 'Set the log target and format. Example: "logger:stderr" or "logger:stderr?json=true"',
    },
  ],
  guise: {
    name: "iptables_exporter",
    families: {
      ...GO_PROCESS,
      iptables_default_bytes_total: null,
      iptables_default_packets_total: null,
      iptables_rule_bytes_total: null,
      iptables_rule_packets_total: null,
      iptables_scrape_duration_seconds: null,
      iptables_scrape_success: null,
    },
    otherPaths: "landing",
  },
};
