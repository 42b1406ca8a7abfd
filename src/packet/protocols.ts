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
  [1, "icmp"],
  [2, "igmp"],
  [6, "tcp"],
  [17, "udp"],
  [41, "encap"],
  [47, "gre"],
  [50, "esp"],
  [88, "eigrp"],
  [89, "ospf"],
  [132, "sctp"],
];
const IPPROTO_ICMPV6 = 58;

/** IPv4 protocol number → column. ICMPv6 means nothing in IPv4. */
export const IPV4_COLUMN: Uint8Array = columns([]);

/** IPv6 next header → column. */
export const IPV6_COLUMN: Uint8Array = columns([[IPPROTO_ICMPV6, "icmpv6"]]);

function columns(more: typeof SHARED): Uint8Array {
  const table = new Uint8Array(256);
  for (const [number, label] of [...SHARED, ...more]) table[number] = PROTOCOL_LABELS.indexOf(label);
  return table;
}
