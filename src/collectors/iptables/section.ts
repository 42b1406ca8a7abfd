import { isAbsolute } from "node:path";
import { illegal, list, single, toggle, wholeNumber } from "../../config/flag.ts";
import { optional, section, type ValueOf } from "../../config/section.ts";

const MAX_MAX_RULES = 1_000_000;

const FLAGS = {
  isOn: toggle({
    name: "iptables",
    aliases: ["collector.iptables"],
    key: "iptables.enabled",
    help: "Count what the rules of iptables, ip6tables and nftables match. Alone, no traffic is captured without -i.",
  }),
  /** Show what iptables_exporter shows, in its form, and nothing else. */
  isCompat: toggle({
    name: "iptables-compat",
    key: "iptables.compat",
    help: "Show the metrics of iptables_exporter as that does: IPv4 by iptables-save, without labels of our own.",
  }),
  /** Give the comments of rules a label of their own. */
  withComments: toggle({
    name: "iptables-comments",
    key: "iptables.comments",
    excludes: { "iptables-compat": "iptables_exporter has no label for comments" },
    help: "Give the comments of rules a label of their own.",
  }),
  /** Most chains and rules of a backend that have series. */
  maxSeries: single({
    name: "iptables-max-rules",
    key: "iptables.max_rules",
    value: "N",
    default: "100000",
    help: 'Most chains and rules of a backend that get series of their own; the rest goes to rule="other".',
    parse: wholeNumber(MAX_MAX_RULES),
  }),
  /** Where the programs are; none stands for where systems have them. */
  folders: list({
    name: "iptables-folder",
    key: "iptables.folders",
    value: "FOLDER",
    help: "Where iptables-save, ip6tables-save and nft are, instead of where systems have them.",
    parse: folderOf,
  }),
};

/** How the counters of the firewall are read. */
export const iptablesSection = optional(section("Firewall", FLAGS), "iptables");
export type IptablesConfig = Omit<NonNullable<ValueOf<typeof iptablesSection>>, "isOn">;

function folderOf(path: string, spelling: string): string {
  if (isAbsolute(path)) return path;
  throw illegal(spelling, path, "an absolute path such as /usr/sbin");
}
