import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LINKTYPE_ETHERNET } from "../../src/packet/link/link-types.ts";
import { noteVlan, Packet, Unopened } from "../../src/packet/packet.ts";
import { parseFrame, parsePayload } from "../../src/packet/parse.ts";
import { openTunnel } from "../../src/packet/tunnel.ts";
import { hex, IPV4, MACS } from "./frames.ts";
import { outerIpv4 } from "./tunnels.ts";

/** What stands before the IP header → the VLANs, the outer one first. */
const TAGS: Record<string, number[]> = {
  "0800": [],
  "8100 0007 0800": [7],
  "8100 efff 0800": [4095],
  "8100 0000 0800": [],
  "8100 e000 8100 0007 0800": [7],
  "88a8 0064 8100 0007 0800": [100, 7],
  "88a8 0064 8100 a000 0800": [100],
  "9100 0009 9200 0008 0800": [9, 8],
  "88a8 0064 8100 0007 8100 0006 0800": [100, 7],
  "8100 0007 8864 1100 0001 0016 0021": [7],
};

function vlanOf(packet: Packet): number[] {
  return packet.vlan > 0xfff ? [packet.vlan >> 12, packet.vlan & 0xfff] : packet.vlan === 0 ? [] : [packet.vlan];
}

function parsed(text: string, vlan = 0): Packet {
  const packet = new Packet();
  packet.vlan = vlan;
  const frame = hex(`${MACS} ${text}`);
  parseFrame(packet, LINKTYPE_ETHERNET, frame, 0, frame.length, frame.length);
  openTunnel(packet, frame, frame.length);
  return packet;
}

describe("the VLANs of a packet", () => {
  for (const [tags, vlans] of Object.entries(TAGS)) {
    test(`are those of its tags: ${tags}`, () => {
      assert.deepEqual(vlanOf(parsed(`${tags} ${IPV4}`)), vlans);
    });
  }

  test("begin with the one that the kernel has taken off", () => {
    assert.deepEqual(vlanOf(parsed(`0800 ${IPV4}`, 5)), [5]);
    assert.deepEqual(vlanOf(parsed(`8100 0007 0800 ${IPV4}`, 5)), [5, 7]);
    assert.deepEqual(vlanOf(parsed(`8100 0007 8100 0008 0800 ${IPV4}`, 5)), [5, 7]);
    const packet = new Packet();
    packet.vlan = 5;
    const payload = hex(`0007 0800 ${IPV4}`);
    parsePayload(packet, 0x8100, payload, 0, payload.length, payload.length);
    assert.deepEqual(vlanOf(packet), [5, 7]);
  });

  test("are of the packet inside of a tunnel, if that is opened", () => {
    const inner = (tags: string): string => outerIpv4(5, 47, `0000 6558 ${MACS} ${tags} ${IPV4}`);
    assert.deepEqual(vlanOf(parsed(`8100 0005 0800 ${inner("8100 0007 0800")}`)), [7]);
    assert.deepEqual(vlanOf(parsed(`0800 ${inner("0800")}`, 5)), []);
  });

  test("are of the packet outside, if it is not", () => {
    const packet = parsed(`8100 0005 0800 ${outerIpv4(5, 47, `0000 6558 ${MACS} 8100 0007 0806`)}`);
    assert.equal(packet.unopened, Unopened.NOT_IP);
    assert.deepEqual(vlanOf(packet), [5]);
  });
});

test("any number of tags is noted without a fault", () => {
  const packet = new Packet();
  for (let tag = 0; tag < 0x1_0000; tag++) noteVlan(packet, tag);
  assert.deepEqual(vlanOf(packet), [1, 2]);
});
