import assert from "node:assert/strict";
import { test } from "node:test";
import { framingOf } from "../../../src/capture/pcap/link-type.ts";

// linux/if_arp.h, and https://www.tcpdump.org/linktypes.html as Linux numbers them
const FRAMINGS = [
  ["Ethernet", 1, 1, false],
  ["loopback", 772, 1, false],
  ["no header, as of TUN and WireGuard", 0xfffe, 12, false],
  ["IPv4 in IPv4", 768, 12, false],
  ["IPv6 in IPv4", 776, 12, false],
  ["CAN", 280, 227, false],
  ["802.11 behind radiotap", 803, 127, false],
  ["PPP", 512, 113, true],
  ["GRE", 778, 113, true],
  ["InfiniBand", 32, 113, true],
  ["a type of the future", 12_345, 113, true],
] as const;

for (const [name, hardwareType, linkType, isCooked] of FRAMINGS) {
  test(`frames of ${name} are captured as link type ${linkType}${isCooked ? ", cooked" : ""}`, () => {
    assert.deepEqual(framingOf(hardwareType), { linkType, isCooked });
  });
}
