import type { Flag } from "../config/flag.ts";
import type { Commands } from "./completions.ts";
import { SECTIONS } from "../daemon/config.ts";
import { TOPICS } from "./manuals.ts";

/** What the program is, in a sentence. */
export const SUMMARY =
  "Accounts network traffic for Prometheus: counts packets and bytes by interface, address and protocol, and serves " +
  "the counts at http://localhost:9112/metrics.";

/** Title → text, of what the help says besides commands and flags. */
export const NOTES = {
  Examples: `
  promtap
      count every interface
  promtap -i eth0 -i eth1 -p 9112 -r 192.168.1.100-192.168.1.200:customer=acmecorp
      count every address of a range, labelled
  promtap -i 'veth*' -r 10.0.0.0/8/24 -r 2001:db8::/48/64:site=ams
      count by network: one series a /24, one a /64
  promtap --web.listen-address=127.0.0.1:9112 --web.listen-address=unix:/run/promtap.sock
      serve to this machine only
  promtap --read capture.pcapng --once -r 10.0.0.0/24
      print what a capture file holds
  promtap --geoip --geoip-db GeoLite2-ASN.mmdb
      count this host's TCP connections by country and AS
  promtap --iptables
      count what the rules of iptables, ip6tables and nftables match
  promtap --check -i eth0 -r 10.0.0.0/24
      see whether it would run
`,
  Capabilities: `
  Live capture needs CAP_NET_RAW, files need none. Root has it, and any user after
      setcap cap_net_raw+ep "$(command -v promtap)"
  --iptables needs CAP_NET_ADMIN; for iptables-legacy, CAP_NET_RAW and CAP_DAC_READ_SEARCH too.
`,
  "Exit status": `
  0   done, or stopped by SIGTERM, SIGINT or SIGQUIT
  1   this host or its input does not allow it: the message says what and why
  2   a flag or its value is not legal
  70  a defect of promtap
`,
} as const;

const HELP_COLUMNS = 96;
const HELP_INDENT = 32;

/** What --help prints. */
export function helpText(commands: Commands): string {
  const titles = Map.groupBy(SECTIONS, ({ title }) => title);
  const groups = [...titles].map(([title, sections]) => {
    const flags = new Set(sections.flatMap((section) => section.flags));
    return `\n${title}:\n${[...flags].map(flagHelp).join("")}`;
  });
  const notes = Object.entries(NOTES).map(([title, text]) => `\n${title}:${text}`);
  const head = `Usage: promtap [COMMAND] [FLAG]...\n\n${wrap(SUMMARY, 0)}\n`;
  const words = [wordHelp("Commands", commands), wordHelp("Topics of promtap help", TOPICS)];
  return [head, ...words, ...groups, ...notes].join("");
}

function wordHelp(title: string, words: Commands): string {
  const lines = Object.entries(words).map(
    ([name, about]) => `  ${name.padEnd(HELP_INDENT - 2)}${wrap(about, HELP_INDENT)}\n`,
  );
  return `\n${title}:\n${lines.join("")}`;
}

function flagHelp(flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const left = `  ${short}--${flag.name}${flag.value === undefined ? "" : ` ${flag.value}`}`;
  const facts = [
    flag.default && `default: ${flag.default}`,
    flag.isRepeatable && "repeatable",
    flag.aliases && `alias: ${flag.aliases.map((alias) => `--${alias}`).join(", ")}`,
  ].filter(Boolean);
  const right = wrap(facts.length === 0 ? flag.help : `${flag.help} (${facts.join("; ")})`, HELP_INDENT);
  // A long flag has its first line to itself.
  const gap = left.length + 2 > HELP_INDENT ? `\n${" ".repeat(HELP_INDENT)}` : " ".repeat(HELP_INDENT - left.length);
  return `${left}${gap}${right}\n`;
}

/** Breaks a text between words; all lines but the first are indented. */
function wrap(text: string, indent: number): string {
  const line = new RegExp(`(.{1,${HELP_COLUMNS - indent}})(?: |$)`, "g");
  return text.replace(line, (_, words: string) => `${words}\n${" ".repeat(indent)}`).trimEnd();
}
