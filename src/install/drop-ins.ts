import type { CapabilityName } from "../native/capabilities.ts";

/** What a part of the program needs that the unit by itself keeps from it. */
interface DropIn {
  /** What it is for, for its first line. */
  readonly about: string;
  readonly capabilities?: readonly CapabilityName[];
  /** Families of sockets: address_families(7). */
  readonly families?: readonly string[];
  /** System calls, or groups of them. */
  readonly calls?: readonly string[];
  /** Other settings, by their section. */
  readonly settings?: Readonly<Record<string, readonly string[]>>;
}

/** To give capabilities up again, or to pass them on to a program. */
const CAPABILITY_CALLS = ["capset"];

export const DROP_INS = {
  "capture-bpf": {
    about: "traffic by engine bpf, or by ring if the kernel refuses it: what --engine=auto takes",
    capabilities: ["CAP_NET_RAW", "CAP_BPF", "CAP_PERFMON"],
    families: ["AF_PACKET"],
    calls: ["bpf", ...CAPABILITY_CALLS],
  },
  "capture-tcx": {
    about: "traffic by --engine=tcx",
    capabilities: ["CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON"],
    calls: ["bpf", ...CAPABILITY_CALLS],
  },
  "capture-ring": {
    about: "traffic by --engine=ring or --engine=pcap, and --wialon",
    capabilities: ["CAP_NET_RAW"],
    families: ["AF_PACKET"],
  },
  firewall: {
    about: "--iptables, by nft and the programs of iptables that work by nftables",
    capabilities: ["CAP_NET_ADMIN"],
    calls: CAPABILITY_CALLS,
  },
  "firewall-legacy": {
    about:
      "--iptables, by iptables-legacy-save, which opens a socket of its own and reads names of tables that are root's",
    capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_DAC_READ_SEARCH"],
    families: ["AF_INET", "AF_INET6"],
    calls: CAPABILITY_CALLS,
  },
  internet: {
    about: "a page that is not served on promtap.socket, flows by UDP, and Kafka",
    families: ["AF_INET", "AF_INET6"],
    settings: { Service: ["IPAddressAllow=any"] },
  },
  "low-ports": {
    about: "ports below 1024",
    capabilities: ["CAP_NET_BIND_SERVICE"],
    calls: CAPABILITY_CALLS,
  },
  "socket-group": {
    about: "--web.socket-group, of which SupplementaryGroups= makes the service a member",
    calls: ["@chown"],
    settings: { Service: ["PrivateUsers=no"] },
  },
  socket: {
    about: "a page that is served on promtap.socket",
    settings: { Unit: ["Requires=promtap.socket", "After=promtap.socket"] },
  },
} as const satisfies Readonly<Record<string, DropIn>>;

export type DropInName = keyof typeof DROP_INS;
export const DROP_IN_NAMES = Object.keys(DROP_INS) as readonly DropInName[];

/** The text of a drop-in of promtap.service: systemd.unit(5). Lists of several drop-ins are joined by systemd. */
export function dropInText(name: DropInName): string {
  const { about, capabilities = [], families = [], calls = [], settings = {} }: DropIn = DROP_INS[name];
  const own = [
    // what a service has in a user namespace of its own is of no use outside of it
    ...line("PrivateUsers", capabilities.length === 0 ? [] : ["no"]),
    ...line("AmbientCapabilities", capabilities),
    ...line("CapabilityBoundingSet", capabilities),
    ...line("RestrictAddressFamilies", families),
    ...line("SystemCallFilter", calls),
  ];
  const { Service: more = [], ...others } = settings;
  const sections = Object.entries({ ...others, Service: [...own, ...more] }).filter(([, lines]) => lines.length > 0);
  const texts = sections.map(([title, lines]) => `\n[${title}]\n${lines.join("\n")}\n`);
  return `# promtap.service.d/${name}.conf: ${about}\n${texts.join("")}`;
}

function line(setting: string, words: readonly string[]): string[] {
  return words.length === 0 ? [] : [`${setting}=${words.join(" ")}`];
}
