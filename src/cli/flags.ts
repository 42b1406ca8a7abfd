import { BY, BY_DEFAULTS } from "../config/by.ts";
import { DEFAULTS, ENGINES, WIRE_SIZE_ENGINES } from "../config/config.ts";
import { FLOW_DEFAULTS, FLOW_STARTS, SASL_MECHANISMS } from "../config/features/flow.ts";
import { PRODUCE_DEFAULTS } from "../config/features/produce.ts";
import { GEOIP_DEFAULTS } from "../config/features/geoip.ts";
import { IPTABLES_DEFAULTS } from "../config/features/iptables.ts";
import { WIALON_DEFAULTS } from "../config/features/wialon.ts";
import { LISTEN_DEFAULTS } from "../config/listen.ts";
import { LOG_DEFAULTS, LOG_FORMATS, LOG_LEVELS } from "../config/logging.ts";

/** A flag of the command line. */
export interface Flag {
  name: string;
  short?: string;
  /** What replaced exporters call it. */
  aliases?: readonly string[];
  /** What the value is called in the help; a flag without it takes no value. */
  value?: string;
  default?: string;
  repeatable?: true;
  help: string;
}

/** All flags, in the groups and the order of the help. */
export const FLAGS: Readonly<Record<string, readonly Flag[]>> = {
  Traffic: [
    {
      name: "interface",
      short: "i",
      value: "NAME",
      default: DEFAULTS.interface,
      repeatable: true,
      help:
        "Interface, pattern of interfaces (veth*), or auto: those at which packets enter or leave the host, each " +
        "packet once; new ones as they come.",
    },
    {
      name: "range",
      short: "r",
      value: "RANGE",
      repeatable: true,
      help:
        "Addresses that get series of their own, IPv4 or IPv6: START-END, ADDRESS, NETWORK/PREFIX, or " +
        "NETWORK/PREFIX/ROLLUP for one series each /ROLLUP; then :KEY=VALUE for each label. An address in several " +
        "ranges belongs to the first.",
    },
    {
      name: "max-addresses",
      value: "N",
      default: DEFAULTS["max-addresses"],
      help: 'Most addresses that get series of their own; what the rest sends and receives goes to ip="other".',
    },
    {
      name: "by",
      value: BY.join("|"),
      repeatable: true,
      help:
        "Count the traffic of each interface by the country or the AS of the remote address as well, by the databases " +
        "of --geoip-db; countries are in the binary.",
    },
    {
      name: "max-asns",
      value: "N",
      default: BY_DEFAULTS["max-asns"],
      help: 'Most AS numbers that get series with --by=asn, those seen first; the rest goes to asn="other".',
    },
  ],
  Capture: [
    {
      name: "engine",
      value: ENGINES.join("|"),
      default: DEFAULTS.engine,
      help:
        "bpf counts in the kernel; tcx likewise, at less cost, and in the way of the traffic; ring reads the kernel's " +
        "packet ring; pcap goes through libpcap. auto takes the first of bpf, ring and pcap that works.",
    },
    {
      name: "pcap.filter",
      value: "EXPRESSION",
      help: "Count only what passes this filter, see pcap-filter(7). Needs --engine=pcap.",
    },
    {
      name: "wire-sizes",
      help:
        "Count packets as they are on the wire, where the kernel shows several TCP or UDP packets as one large frame " +
        `(GRO, TSO). Engines that can: ${WIRE_SIZE_ENGINES.join(", ")}.`,
    },
    {
      name: "keep-capabilities",
      help: "Keep all capabilities; else those that are not needed any more are given up once capture has started.",
    },
    { name: "read", value: "FILE", help: "Count a pcap or pcapng file instead of live traffic; - is standard input." },
  ],
  "Flows from Kafka": [
    {
      name: "flow-brokers",
      aliases: ["brokers"],
      value: "HOST:PORT,...",
      help: "Kafka brokers to ask for all the others.",
    },
    {
      name: "flow-topic",
      aliases: ["topic"],
      value: "TOPIC",
      help: "Topic with pmacct's flow records in JSON. With it, traffic is captured only where -i asks for it.",
    },
    {
      name: "flow-asn",
      aliases: ["asn"],
      value: "NUMBER",
      default: FLOW_DEFAULTS["flow-asn"],
      help: "Number of the AS whose traffic is ours.",
    },
    {
      name: "flow-group",
      value: "GROUP",
      default: FLOW_DEFAULTS["flow-group"],
      help: "Consumer group: its members share the partitions, and go on where it was.",
    },
    {
      name: "flow-partitions",
      aliases: ["partitions"],
      value: "all|N,...",
      help: "Read these partitions from now on, without a group.",
    },
    {
      name: "flow-from",
      value: FLOW_STARTS.join("|"),
      default: FLOW_DEFAULTS["flow-from"],
      help: "Where to begin; with a group, only where it has committed nothing yet.",
    },
    {
      name: "flow-labels",
      value: "KEY,...",
      default: FLOW_DEFAULTS["flow-labels"],
      help: "Keys of the records that make labels, by any of pmacct's names.",
    },
    {
      name: "flow-max-series",
      value: "N",
      default: FLOW_DEFAULTS["flow-max-series"],
      help: 'Most sets of labels that get series of their own; the rest is counted with "other" in every label.',
    },
    {
      name: "flow-apply-sampling",
      help: "Multiply bytes and packets by the record's sampling_rate.",
    },
    {
      name: "flow-as-names",
      value: "FILE",
      help: "Names of ASes, instead of those in the binary: lines such as 15169 GOOGLE, or an mmdb file.",
    },
    { name: "flow-tls", help: "Speak TLS with the brokers." },
    {
      name: "flow-tls-ca",
      value: "FILE",
      help: "Certificates (PEM) of authorities to trust instead of the usual ones.",
    },
    { name: "flow-tls-cert", value: "FILE", help: "Certificate (PEM) to show to the brokers." },
    { name: "flow-tls-key", value: "FILE", help: "Its key (PEM)." },
    {
      name: "flow-sasl",
      value: SASL_MECHANISMS.join("|"),
      default: FLOW_DEFAULTS["flow-sasl"],
      help: "How to log in, where there is a user.",
    },
    { name: "flow-sasl-user", value: "USER", help: "User to log in as." },
    { name: "flow-sasl-password-file", value: "FILE", help: "File whose first line is the password." },
  ],
  "Flows to Kafka": [
    {
      name: "flow-produce",
      value: "TOPIC",
      help: "Write the traffic of addresses to this topic, as flow records like pmacct's; needs --flow-brokers.",
    },
    {
      name: "flow-produce-interval",
      value: "SECONDS",
      default: PRODUCE_DEFAULTS["flow-produce-interval"],
      help: "Time between two records of an address that has traffic.",
    },
  ],
  "Connections by country": [
    { name: "geoip", help: "Count this host's TCP connections by the country and AS of the remote address." },
    {
      name: "geoip-db",
      value: "FILE",
      repeatable: true,
      help:
        "Countries or AS numbers, in the format of MaxMind DB (.mmdb), instead of the countries in the binary; read " +
        "again when it changes. The first file that knows an address has the word.",
    },
    {
      name: "geoip-exclude",
      aliases: ["blacklist"],
      value: "ADDRESS,...",
      repeatable: true,
      help: 'Remote addresses and networks that count for no country, but as "excluded".',
    },
    {
      name: "geoip-max-asns",
      value: "N",
      default: GEOIP_DEFAULTS["geoip-max-asns"],
      help: 'Most AS numbers that get series, those with the most connections; the rest goes to asn="other".',
    },
    {
      name: "interval",
      value: "SECONDS",
      help: "geoip-exporter's, without effect here: connections are read whenever the page is asked for.",
    },
  ],
  Firewall: [
    {
      name: "iptables",
      help: "Count what the rules of iptables, ip6tables and nftables match. Alone, no traffic is captured without -i.",
    },
    {
      name: "iptables-compat",
      help: "Show the metrics of iptables_exporter as that does: IPv4 by iptables-save, without labels of our own.",
    },
    { name: "iptables-comments", help: "Give the comments of rules a label of their own." },
    {
      name: "iptables-max-rules",
      value: "N",
      default: IPTABLES_DEFAULTS["iptables-max-rules"],
      help: 'Most chains and rules of a backend that get series of their own; the rest goes to rule="other".',
    },
    {
      name: "iptables-folder",
      value: "FOLDER",
      repeatable: true,
      help: "Where iptables-save, ip6tables-save and nft are, instead of where systems have them.",
    },
  ],
  "Wialon IPS": [
    {
      name: "wialon",
      help: "Count the packets of Wialon IPS that trackers and servers exchange. Alone, no traffic is captured without -i.",
    },
    {
      name: "wialon-interface",
      value: "NAME",
      repeatable: true,
      help: "Interface or pattern to read Wialon IPS on, instead of those of -i, or of auto where there is no -i.",
    },
    {
      name: "wialon-filter",
      aliases: ["filter"],
      value: "EXPRESSION",
      default: WIALON_DEFAULTS["wialon-filter"],
      help: "Which packets are Wialon IPS, see pcap-filter(7); on interfaces and in the file of --read.",
    },
    {
      name: "wialon-max-streams",
      value: "N",
      default: WIALON_DEFAULTS["wialon-max-streams"],
      help: 'Most pairs of addresses, and most devices, that get series of their own; the rest goes to "other".',
    },
    { name: "wialon-devices", help: "Count packets by the IMEI or name of the device, too." },
  ],
  Output: [
    { name: "once", help: "Print one page and exit; with --read, at the end of the file." },
    { name: "check", help: "Say what would run, or what is missing for it, and exit." },
    {
      name: "port",
      short: "p",
      value: "PORT",
      default: LISTEN_DEFAULTS.port,
      repeatable: true,
      help: "TCP port to serve on, on all addresses. The last one given counts.",
    },
    {
      name: "web.listen-address",
      aliases: ["addr", "metrics-listen-address"],
      value: "ADDRESS",
      repeatable: true,
      help: "Address to serve on, instead of -p: :9112, 127.0.0.1:9112, [::1]:9112 or unix:/run/promtap.sock.",
    },
    {
      name: "web.socket-mode",
      value: "MODE",
      default: LISTEN_DEFAULTS["web.socket-mode"],
      help: "Permissions of unix sockets that are served on.",
    },
    {
      name: "web.socket-group",
      value: "GROUP",
      help: "Group of unix sockets that are served on, by name or number; else it is that of the process.",
    },
    {
      name: "web.telemetry-path",
      value: "PATH",
      default: DEFAULTS["web.telemetry-path"],
      help: "Path of the page of metrics.",
    },
    {
      name: "collector-share",
      value: "PERCENT",
      default: DEFAULTS["collector-share"],
      help: "Part of the scrape's time that each collector may take; the page is made without one that takes longer.",
    },
  ],
  "Log and help": [
    {
      name: "log.level",
      value: LOG_LEVELS.join("|"),
      default: LOG_DEFAULTS["log.level"],
      help: "Least severe messages that are logged, on standard error.",
    },
    { name: "log.format", value: LOG_FORMATS.join("|"), default: LOG_DEFAULTS["log.format"], help: "Form of the log." },
    { name: "debug", help: "geoip-exporter's: the same as --log.level=debug." },
    { name: "version", help: "Print the version and exit." },
    { name: "help", short: "h", help: "Print this help and exit." },
  ],
};

export const ALL_FLAGS = Object.values(FLAGS).flat();
