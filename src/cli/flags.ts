import { DEFAULTS, ENGINES, LOG_FORMATS, LOG_LEVELS, WIRE_SIZE_ENGINES } from "../config/config.ts";

/** A flag of the command line. */
export interface Flag {
  name: string;
  short?: string;
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
      help: "Interface, pattern of interfaces (veth*), or auto: all that are up but loopback, new ones as they come.",
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
  Output: [
    { name: "once", help: "Print one page and exit; with --read, at the end of the file." },
    { name: "check", help: "Say what would run, or what is missing for it, and exit." },
    {
      name: "port",
      short: "p",
      value: "PORT",
      default: DEFAULTS.port,
      repeatable: true,
      help: "TCP port to serve on, on all addresses. The last one given counts.",
    },
    {
      name: "web.listen-address",
      value: "ADDRESS",
      repeatable: true,
      help: "Address to serve on, instead of -p: :9112, 127.0.0.1:9112, [::1]:9112 or unix:/run/promtap.sock.",
    },
    {
      name: "web.telemetry-path",
      value: "PATH",
      default: DEFAULTS["web.telemetry-path"],
      help: "Path of the page of metrics.",
    },
  ],
  "Log and help": [
    {
      name: "log.level",
      value: LOG_LEVELS.join("|"),
      default: DEFAULTS["log.level"],
      help: "Least severe messages that are logged, on standard error.",
    },
    { name: "log.format", value: LOG_FORMATS.join("|"), default: DEFAULTS["log.format"], help: "Form of the log." },
    { name: "version", help: "Print the version and exit." },
    { name: "help", short: "h", help: "Print this help and exit." },
  ],
};

export const ALL_FLAGS = Object.values(FLAGS).flat();
