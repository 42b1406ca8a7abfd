import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTypeOf } from "../../../src/capture/pcap/link-type.ts";

// https://www.tcpdump.org/linktypes.html
const LINK_TYPES = [
  ["NULL", 0],
  ["ETHERNET", 1],
  ["RAW", 101],
  ["LINKTYPE_LINUX_SLL", 113],
  ["Unknown linktype 276", 276],
  ["Unknown linktype 9", 9],
  ["IEEE802_11_RADIO", -1],
  ["", -1],
] as const;

for (const [name, number] of LINK_TYPES) {
  test(`the link type that cap calls "${name}" is ${number}`, () => assert.equal(linkTypeOf(name), number));
}
