import { list, nonEmpty, single, toggle, wholeNumber } from "../../config/flag.ts";
import { patternsOf } from "../../config/interfaces.ts";
import { optional, section, type ValueOf } from "../../config/section.ts";

const MAX_MAX_STREAMS = 1_000_000;

const FLAGS = {
  isOn: toggle({
    name: "wialon",
    aliases: ["collector.wialon"],
    key: "wialon.enabled",
    help: "Count the packets of Wialon IPS that trackers and servers exchange. Alone, no traffic is captured without -i.",
  }),
  interfaces: list({
    name: "wialon-interface",
    key: "wialon.interfaces",
    value: "NAME",
    excludes: { read: "a file is read instead of an interface" },
    help: "Interface or pattern to read Wialon IPS on, as of -i, instead of those of -i, or of auto if there is no -i.",
    parse: String,
  }),
  /** Filter expression of libpcap. */
  filter: single({
    name: "wialon-filter",
    aliases: ["filter"],
    key: "wialon.filter",
    value: "EXPRESSION",
    default: "tcp port 20332",
    help: "Which packets are Wialon IPS, see pcap-filter(7); on interfaces and in the file of --read.",
    parse: nonEmpty("an expression of pcap-filter(7)"),
  }),
  /** Most pairs of addresses that have series, and most devices. */
  maxStreams: single({
    name: "wialon-max-streams",
    key: "wialon.max_streams",
    value: "N",
    default: "16384",
    help: 'Most pairs of addresses, and most devices, that get series of their own; the rest goes to "other".',
    parse: wholeNumber(MAX_MAX_STREAMS),
  }),
  /** Count by the names of devices, too. */
  hasDevices: toggle({
    name: "wialon-devices",
    key: "wialon.devices",
    help: "Count packets by the IMEI or name of the device, too.",
  }),
};

/** Which packets of Wialon IPS are counted, and how. `interfaces`: null stands for those of the traffic. */
export const wialonSection = optional(
  section("Wialon IPS", FLAGS, ({ interfaces, filter, maxStreams, hasDevices }) => ({
    interfaces: interfaces.length === 0 ? null : patternsOf("--wialon-interface", interfaces),
    filter,
    maxStreams,
    hasDevices,
  })),
  "wialon",
);
export type WialonConfig = NonNullable<ValueOf<typeof wialonSection>>;
