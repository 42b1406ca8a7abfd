import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { snapFilter } from "../../../src/capture/ring/snap-filter.ts";
import * as libc from "../../../src/native/libc.ts";
import { LINKTYPE_ETHERNET } from "../../../src/packet/link/link-types.ts";
import { Packet } from "../../../src/packet/packet.ts";
import { parseFrame, parsePayload } from "../../../src/packet/parse.ts";
import { parseSegments } from "../../../src/packet/transport.ts";
import { DatagramPair } from "../../native/sockets.ts";
import { facts, hex, IPV4, ipv6, MACS } from "../../packet/frames.ts";
import { runClassicBpf } from "./classic-bpf.ts";
import { frames, layers } from "./layered-frames.ts";

const ETHERNET = snapFilter({ isEthernet: true, ignoreOutgoing: false, hasTransport: false });
const COOKED = snapFilter({ isEthernet: false, ignoreOutgoing: false, hasTransport: false });
const TRANSPORT = snapFilter({ isEthernet: true, ignoreOutgoing: false, hasTransport: true });
const ANY_LINK = snapFilter({ isEthernet: false, ignoreOutgoing: false, hasTransport: true });
const LOOPBACK = snapFilter({ isEthernet: true, ignoreOutgoing: true, hasTransport: false });
const PACKET_HOST = 0;
const PACKET_OUTGOING = 4;

/** Bytes that are kept of a frame; 0 if it is dropped. */
function kept(program: Uint8Array, frame: Uint8Array, protocol = 0, packetType = PACKET_HOST): number {
  return Math.min(runClassicBpf(program, frame, { protocol, packetType }), frame.length);
}

function ethernet(text: string, paddingBytes = 1000): Uint8Array {
  return Uint8Array.from([...hex(`${MACS} ${text}`), ...new Uint8Array(paddingBytes)]);
}

describe("what is kept of an Ethernet frame", () => {
  test("is the parser's share and no more, for what most frames are", () => {
    const expectations: [what: string, frame: Uint8Array, bytes: number][] = [
      ["IPv4", ethernet(`0800 ${IPV4}`), 14 + 20],
      ["IPv6", ethernet(`86dd ${ipv6("11")}`), 14 + 40],
      ["ARP", ethernet("0806"), 16],
      ["IEEE 802.3 with a spanning tree", ethernet("0026 424203"), 16],
      ["a short IPv4 frame", ethernet(`0800 ${IPV4}`, 4), 14 + 24],
    ];
    for (const [what, frame, bytes] of expectations) assert.equal(kept(ETHERNET, frame), bytes, what);
  });

  test("is enough to parse it as if all of it were there", () => {
    const property = fc.property(frames, (frame) => {
      const [whole, snapped] = [new Packet(), new Packet()];
      parseFrame(whole, LINKTYPE_ETHERNET, frame, 0, frame.length, frame.length);
      // Bytes that are not kept are gone: nothing of them may be read.
      const bytes = frame.slice(0, kept(ETHERNET, frame));
      parseFrame(snapped, LINKTYPE_ETHERNET, bytes, 0, bytes.length, frame.length);
      assert.deepEqual(facts(snapped), facts(whole));
    });
    fc.assert(property, { numRuns: 20_000 });
  });

  test("is enough for the deepest stack that is looked through, and those beside it", () => {
    const pppoe = "8864 1100 0001 0100 ff03 0281";
    const authentication = "3c1d".padEnd(248, "0");
    for (let tags = 0; tags < 12; tags++) {
      for (let labels = 1; labels < 12; labels++) {
        const mpls = `${"00064040".repeat(labels - 1)}00064140`;
        // 124 bytes, and 4 of the next header: as far as extension headers are followed.
        const chain = `${ipv6("33")}${authentication}11000000`;
        const frame = ethernet(`${"8100 0064".repeat(tags)} ${pppoe} ${mpls} ${chain}`);
        const [whole, snapped] = [new Packet(), new Packet()];
        parseFrame(whole, LINKTYPE_ETHERNET, frame, 0, frame.length, frame.length);
        parseFrame(snapped, LINKTYPE_ETHERNET, frame, 0, kept(ETHERNET, frame), frame.length);
        assert.deepEqual(facts(snapped), facts(whole), `${tags} tags, ${labels} labels`);
      }
    }
  });

  test("is something, whatever the EtherType and however short the frame", () => {
    const property = fc.property(fc.nat(0xffff), fc.uint8Array({ maxLength: 80 }), (etherType, rest) => {
      const frame = Uint8Array.from([...hex(MACS), etherType >> 8, etherType & 0xff, ...rest]);
      assert.ok(runClassicBpf(ETHERNET, frame, { protocol: 0, packetType: PACKET_HOST }) > 0);
    });
    fc.assert(property, { numRuns: 5000 });
    for (let bytes = 0; bytes < 100; bytes++) {
      assert.ok(runClassicBpf(ETHERNET, new Uint8Array(bytes), { protocol: 0, packetType: PACKET_HOST }) > 0);
    }
  });

  test("is all of it or more than parsing needs, for every EtherType there is", () => {
    for (let etherType = 0; etherType <= 0xffff; etherType++) {
      const frame = Uint8Array.from([...hex(MACS), etherType >> 8, etherType & 0xff, ...new Uint8Array(60)]);
      const [whole, snapped] = [new Packet(), new Packet()];
      parseFrame(whole, LINKTYPE_ETHERNET, frame, 0, frame.length, frame.length);
      parseFrame(snapped, LINKTYPE_ETHERNET, frame, 0, kept(ETHERNET, frame), frame.length);
      assert.deepEqual(facts(snapped), facts(whole), `EtherType ${etherType}`);
    }
  });
});

test("what is kept of a packet without a link header is enough to parse it", () => {
  const property = fc.property(layers, ({ etherType, bytes }) => {
    const packet = Uint8Array.from(bytes);
    const [whole, snapped] = [new Packet(), new Packet()];
    parsePayload(whole, etherType, packet, 0, packet.length, packet.length);
    const captured = packet.slice(0, kept(COOKED, packet, etherType));
    parsePayload(snapped, etherType, captured, 0, captured.length, packet.length);
    assert.deepEqual(facts(snapped), facts(whole));
    assert.ok(runClassicBpf(COOKED, packet, { protocol: etherType, packetType: PACKET_HOST }) > 0);
  });
  fc.assert(property, { numRuns: 10_000 });
});

describe("what is kept if the transport header is parsed too", () => {
  /** Whatever the parser says of a frame that stands for several packets. */
  function merged(packet: Packet, bytes: Uint8Array, network: number): unknown {
    parseSegments(packet, 1000, bytes, network, bytes.length);
    return [facts(packet), packet.headerBytes];
  }

  test("is enough for it, in Ethernet frames", () => {
    let withHeaders = 0;
    const property = fc.property(frames, (frame) => {
      const parsed = [frame, frame.slice(0, kept(TRANSPORT, frame))].map((bytes) => {
        const packet = new Packet();
        parseFrame(packet, LINKTYPE_ETHERNET, bytes, 0, bytes.length, frame.length);
        const result = merged(packet, bytes, frame.length - packet.lengthBytes);
        if (packet.headerBytes > 0) withHeaders++;
        return result;
      });
      assert.deepEqual(parsed[1], parsed[0]);
    });
    fc.assert(property, { numRuns: 20_000 });
    assert.ok(withHeaders > 1000, `${withHeaders} of 40,000 have headers`);
  });

  test("is enough for it, behind a link header of any kind", () => {
    const property = fc.property(layers, fc.constantFrom(0, 4, 64), ({ etherType, bytes }, linkBytes) => {
      const frame = Uint8Array.from([...Array<number>(linkBytes).fill(0x2c), ...bytes]);
      const surroundings = { protocol: etherType, packetType: PACKET_HOST, networkOffset: linkBytes };
      const keptBytes = runClassicBpf(ANY_LINK, frame, surroundings);
      assert.ok(keptBytes > 0);
      const parsed = [frame, frame.slice(0, keptBytes)].map((captured) => {
        const packet = new Packet();
        parsePayload(packet, etherType, captured, linkBytes, captured.length, bytes.length);
        return merged(packet, captured, frame.length - packet.lengthBytes);
      });
      assert.deepEqual(parsed[1], parsed[0]);
    });
    fc.assert(property, { numRuns: 10_000 });
  });

  test("is the headers and no more, for what most frames are", () => {
    assert.equal(kept(TRANSPORT, ethernet(`0800 ${IPV4}`)), 14 + 60 + 13);
    assert.equal(kept(TRANSPORT, ethernet(`86dd ${ipv6("11")}`)), 14 + 40 + 13);
    assert.equal(kept(TRANSPORT, ethernet("0806")), 16);
  });
});

test("on loopback what goes out is dropped, and what comes in is kept as elsewhere", () => {
  const property = fc.property(frames, fc.nat(7), (frame, packetType) => {
    const surroundings = { protocol: 0, packetType };
    const expected = packetType === PACKET_OUTGOING ? 0 : runClassicBpf(ETHERNET, frame, surroundings);
    assert.equal(runClassicBpf(LOOPBACK, frame, surroundings), expected);
  });
  fc.assert(property, { numRuns: 2000 });
});

test("elsewhere what goes out is kept like what comes in", () => {
  const frame = ethernet(`0800 ${IPV4}`);
  assert.equal(kept(ETHERNET, frame, 0, PACKET_OUTGOING), kept(ETHERNET, frame, 0, PACKET_HOST));
});

test("the kernel takes the programs, and cuts frames as the interpreter of these tests does", () => {
  // A datagram that passes a filter of a unix socket is cut like a frame of a packet socket, and needs no privilege.
  using pair = new DatagramPair();
  const buffer = new Uint8Array(70_000);
  for (const program of [ETHERNET, COOKED, LOOPBACK, TRANSPORT]) {
    assert.equal(libc.attachFilter(pair.far, program), 0);
    const property = fc.property(frames, (frame) => {
      if (frame.length === 0) return;
      assert.equal(libc.send(pair.near, frame), frame.length);
      assert.equal(libc.recv(pair.far, buffer), kept(program, frame));
    });
    fc.assert(property, { numRuns: 500 });
  }
});
