import assert from "node:assert/strict";
import { test } from "node:test";
import { IPV4_COLUMN, IPV6_COLUMN, PROTOCOL_COLUMNS, PROTOCOL_LABELS } from "../../src/packet/protocols.ts";

/** The numbers and names of promacct. */
const PROMACCT = new Map([
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
]);

test("IPv4 protocols have promacct's labels, and all others none", () => {
  for (let protocol = 0; protocol < 256; protocol++) {
    assert.equal(PROTOCOL_LABELS[IPV4_COLUMN[protocol]!], PROMACCT.get(protocol) ?? "", `protocol ${protocol}`);
  }
});

test("IPv6 has the same and ICMPv6", () => {
  for (let protocol = 0; protocol < 256; protocol++) {
    const label = protocol === 58 ? "icmpv6" : (PROMACCT.get(protocol) ?? "");
    assert.equal(PROTOCOL_LABELS[IPV6_COLUMN[protocol]!], label, `protocol ${protocol}`);
  }
});

test("every column has a label of its own", () => {
  assert.equal(new Set(PROTOCOL_LABELS).size, PROTOCOL_COLUMNS);
});
