import {
  IPPROTO_EIGRP,
  IPPROTO_ESP,
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_IPV6,
  IPPROTO_OSPF,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./headers.ts";

/*
 * The protocols that have a label of their own, in promacct's order and with promacct's names. A protocol that is not
 * here has no `protocol` label at all, as in promacct.
 */

/** Column of a protocol in a row of counters → its label; column 0 is any other protocol. */
export const PROTOCOL_LABELS = [
  "",
  "icmp",
  "igmp",
  "tcp",
  "udp",
  "encap",
  "gre",
  "esp",
  "eigrp",
  "ospf",
  "sctp",
  "icmpv6",
] as const;

/** Counters a row holds for one direction. */
export const PROTOCOL_COLUMNS = PROTOCOL_LABELS.length;

const SHARED: readonly (readonly [number: number, label: (typeof PROTOCOL_LABELS)[number]])[] = [
  [IPPROTO_ICMP, "icmp"],
  [IPPROTO_IGMP, "igmp"],
  [IPPROTO_TCP, "tcp"],
  [IPPROTO_UDP, "udp"],
  [IPPROTO_IPV6, "encap"],
  [IPPROTO_GRE, "gre"],
  [IPPROTO_ESP, "esp"],
  [IPPROTO_EIGRP, "eigrp"],
  [IPPROTO_OSPF, "ospf"],
  [IPPROTO_SCTP, "sctp"],
];

/** IPv4 protocol number → column. ICMPv6 means nothing in IPv4. */
export const IPV4_COLUMN: Uint8Array = columns([]);

/** IPv6 next header → column. */
export const IPV6_COLUMN: Uint8Array = columns([[IPPROTO_ICMPV6, "icmpv6"]]);

function columns(more: typeof SHARED): Uint8Array {
  const table = new Uint8Array(256);
  for (const [number, label] of [...SHARED, ...more]) table[number] = PROTOCOL_LABELS.indexOf(label);
  return table;
}
