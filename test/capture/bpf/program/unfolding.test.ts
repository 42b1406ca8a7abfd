import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Hook } from "../../../../src/capture/bpf/program/program.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { hex, IPV4, ipv6, MACS } from "../../../packet/frames.ts";
import { lacking } from "../../../support/requirements.ts";
import { frames, layers } from "../../ring/layered-frames.ts";
import { canRun, MAX_FRAME_BYTES } from "../test-run.ts";
import { Twins } from "../twins.ts";

const options = { skip: lacking("root") };
const RANGES = ["10.1.2.0/24:site=ams", "2001:db8::/64:site=ams", "0.0.0.0/0/8:site=all"].map(parseRange);

/** Ports, sequence numbers, then the length of the header in words, flags, window, checksum, urgent pointer. */
const TCP = "9c40 0009 00000001 00000001 50 10 ffff 0000 0000";
const TCP_WITH_OPTIONS = "9c40 0009 00000001 00000001 80 10 ffff 0000 0000 0101080a 00000001 00000002";
const TCP_TOO_SHORT = "9c40 0009 00000001 00000001 40 10 ffff 0000 0000";
const UDP = "9c40 0009 0008 0000";
const IPV4_TCP = IPV4.replace("40 11", "40 06");
const IPV4_LATER = IPV4.replace("40 00 40 11", "00 b9 40 06");
const IPV4_FIRST = IPV4.replace("40 00 40 11", "20 00 40 06");

/** Frame, bytes of its headers without the link header (0 if it cannot be unfolded), in front of the payload. */
const MERGED: Record<string, [headers: string, headerBytes: number]> = {
  "TCP over IPv4": [`0800 ${IPV4_TCP} ${TCP}`, 40],
  "TCP with options over IPv4 with options": [`0800 46 ${IPV4_TCP.slice(3)} 01010101 ${TCP_WITH_OPTIONS}`, 56],
  "UDP over IPv4": [`0800 ${IPV4} ${UDP}`, 28],
  "TCP over IPv4 in a VLAN": [`8100 0007 0800 ${IPV4_TCP} ${TCP}`, 40],
  "TCP over IPv4 in PPPoE": [`8864 11 00 0001 0000 0021 ${IPV4_TCP} ${TCP}`, 40],
  "TCP over IPv4 under labels": [`8847 000640ff 000641ff ${IPV4_TCP} ${TCP}`, 40],
  "TCP over IPv6": [`86dd ${ipv6("06")} ${TCP}`, 60],
  "UDP over IPv6": [`86dd ${ipv6("11")} ${UDP}`, 48],
  "TCP over IPv6 with extension headers": [`86dd ${ipv6("00")} 3c00010400000000 0600010400000000 ${TCP}`, 76],
  "TCP in the first fragment of IPv4": [`0800 ${IPV4_FIRST} ${TCP}`, 40],
  "TCP in the first fragment of IPv6": [`86dd ${ipv6("2c")} 0600000100000001 ${TCP}`, 68],
  "a later fragment of IPv4": [`0800 ${IPV4_LATER} ${TCP}`, 0],
  "a later fragment of IPv6": [`86dd ${ipv6("2c")} 0600000900000001 ${TCP}`, 0],
  "TCP with a header of 4 words": [`0800 ${IPV4_TCP} ${TCP_TOO_SHORT}`, 0],
  ICMP: [`0800 ${IPV4.replace("40 11", "40 01")}`, 0],
  SCTP: [`86dd ${ipv6("84")}`, 0],
  "no IP": ["0806", 0],
  "IPv4 of version 6": [`0800 6${IPV4_TCP.slice(1)} ${TCP}`, 0],
};

/** Sizes of the packets that a payload is cut into, piece by piece, each with the headers; link header left out. */
function wirePackets(payloadBytes: number, headerBytes: number, gsoSize: number): number[] {
  const sizes: number[] = [];
  for (let left = payloadBytes; left > 0; left -= gsoSize) sizes.push(headerBytes + Math.min(left, gsoSize));
  return sizes;
}

function frameOf(headers: string, payloadBytes: number): Uint8Array {
  const start = hex(`${MACS} ${headers}`);
  const frame = new Uint8Array(start.length + payloadBytes);
  frame.set(start);
  return frame;
}

const MAX_PAYLOAD_BYTES = 3000;
const GSO_SIZES = [1, 2, 7, 500, 1000, 1448, 65_535];

for (const hook of Object.values(Hook)) {
  describe(`with the sizes on the wire, the program at the hook ${hook}`, options, () => {
    for (const [name, [headers, headerBytes]] of Object.entries(MERGED)) {
      test(`counts ${name} ${headerBytes > 0 ? "as the packets that it stands for" : "as it is"}`, () => {
        using twins = new Twins(RANGES, { hook, wireSizes: true });
        let packets = 0;
        let bytes = 0;
        for (const gsoSize of GSO_SIZES) {
          for (const payloadBytes of [0, 1, gsoSize - 1, gsoSize, gsoSize + 1, 2 * gsoSize, MAX_PAYLOAD_BYTES]) {
            const frame = frameOf(headers, Math.min(payloadBytes, MAX_PAYLOAD_BYTES));
            twins.see(frame, { gsoSize });
            if (headerBytes === 0) continue;
            const sizes = wirePackets(Math.min(payloadBytes, MAX_PAYLOAD_BYTES), headerBytes, gsoSize);
            packets += Math.max(sizes.length, 1);
            bytes += sizes.length === 0 ? headerBytes : sizes.reduce((sum, size) => sum + size);
          }
        }
        const counted = twins.counted();
        assert.deepEqual(counted, twins.parsed());
        assert.equal(counted.aggregatedPackets, GSO_SIZES.length * 7);
        if (headerBytes === 0) return;
        assert.equal(
          counted.all.slice(0, -1).reduce((sum, count) => sum + count),
          packets,
        );
        assert.equal(counted.all.at(-1), bytes);
      });
    }

    test("counts any frame as the parser and the ledger do, cut anywhere, with any number from the kernel", () => {
      using twins = new Twins(RANGES, { hook, wireSizes: true });
      const sizes = fc.oneof(fc.constantFrom(...GSO_SIZES), fc.nat(65_535), fc.constant(0));
      const property = fc.property(fc.oneof(frames, mergedFrames), sizes, (frame, gsoSize) => {
        if (canRun(hook, frame)) twins.see(frame, { gsoSize });
      });
      fc.assert(property, { numRuns: 5000 });
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("counts frames that stand for themselves as they are", () => {
      using twins = new Twins(RANGES, { hook, wireSizes: true });
      for (const [headers] of Object.values(MERGED)) twins.see(frameOf(headers, 1000));
      const counted = twins.counted();
      assert.deepEqual(counted, twins.parsed());
      assert.equal(counted.aggregatedPackets, 0);
    });
  });

  test(
    `without them, the program at the hook ${hook} counts merged frames as they are, and tells them`,
    options,
    () => {
      using twins = new Twins(RANGES, { hook });
      for (const [headers] of Object.values(MERGED)) {
        twins.see(frameOf(headers, 3000), { gsoSize: 1000 });
        twins.see(frameOf(headers, 3000));
      }
      const counted = twins.counted();
      const frameCount = Object.keys(MERGED).length;
      assert.deepEqual(counted, twins.parsed());
      assert.equal(counted.aggregatedPackets, frameCount);
      assert.equal(
        counted.all.slice(0, -1).reduce((sum, count) => sum + count),
        2 * frameCount,
      );
    },
  );
}

test("packets without a link header are unfolded as the parser and the ledger do", options, () => {
  using twins = new Twins(RANGES, { isEthernet: false, wireSizes: true });
  const property = fc.property(layers, fc.nat(2000), ({ etherType, bytes }, gsoSize) => {
    if (etherType < 0x0600 || !canRun("bare", bytes, etherType)) return;
    twins.see(Uint8Array.from(bytes), { etherType, gsoSize });
  });
  fc.assert(property, { numRuns: 5000 });
  assert.deepEqual(twins.counted(), twins.parsed());
});

/** Frames that are meant to be unfolded, some of which end in a header. */
const mergedFrames = fc
  .tuple(fc.constantFrom(...Object.values(MERGED)), fc.nat(MAX_FRAME_BYTES - 200), fc.nat(400))
  .map(([[headers], payloadBytes, end]) => frameOf(headers, payloadBytes).slice(0, end < 200 ? 14 + end : undefined));
