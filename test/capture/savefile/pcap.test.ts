import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Verdict } from "../../../src/packet/packet.ts";
import {
  BYTE_ORDERS,
  LINKTYPE_ETHERNET,
  MAGIC_MICROSECONDS,
  MAGIC_MODIFIED,
  MAGIC_NANOSECONDS,
  pcap,
  pcapHeader,
  pcapRecord,
} from "./captures.ts";
import { countParts, onlyFrames } from "./counting.ts";
import { FACTS, FRAMES, TCP_FACTS, TCP_FRAME } from "./samples.ts";

const FORMATS = [
  { name: "microseconds", magic: MAGIC_MICROSECONDS },
  { name: "nanoseconds", magic: MAGIC_NANOSECONDS },
  { name: "modified records", magic: MAGIC_MODIFIED },
];
/** 2.3 is a version of both orders. */
const OLD_VERSIONS = [
  { version: [2, 0], originalFirst: true },
  { version: [2, 1], originalFirst: true },
  { version: [2, 2], originalFirst: true },
  { version: [2, 3], originalFirst: true },
  { version: [2, 3], originalFirst: false },
  { version: [2, 4], originalFirst: false },
  { version: [543, 0], originalFirst: true },
] as const;
const MAX_CAPTURED_BYTES = 262_144;
const LINKTYPE_USER0 = 147;
const LINKTYPE_RAW = 101;
/** The flag of the link type field, and a length of two 16-bit words. */
const FOUR_BYTES_OF_FCS = 0x24000000;
const FCS = [0xde, 0xad, 0xbe, 0xef];

for (const order of BYTE_ORDERS) {
  for (const { name, magic } of FORMATS) {
    test(`a ${order}-endian pcap file with ${name} counts like any other`, async () => {
      const counted = await countParts(...pcap({ order, magic }, FRAMES));
      assert.deepEqual(counted, { frames: new Map([["sample.pcap", FACTS]]), warnings: [], error: undefined });
    });
  }

  describe(`a ${order}-endian pcap file`, () => {
    test("without packets has no interface", async () => {
      const counted = await countParts(pcapHeader({ order }));
      assert.deepEqual(counted, { frames: new Map(), warnings: [], error: undefined });
    });

    test("with a short snaplen counts the size on the wire", async () => {
      const frames = [{ bytes: TCP_FRAME.bytes.slice(0, 34), originalBytes: 1514 }];
      assert.deepEqual(onlyFrames(await countParts(...pcap({ order }, frames))), [{ ...TCP_FACTS, lengthBytes: 1500 }]);
    });

    test("counts a frame that is cut too short as truncated", async () => {
      const frames = [{ bytes: TCP_FRAME.bytes.slice(0, 33), originalBytes: 74 }, TCP_FRAME];
      const expected = [{ verdict: Verdict.TRUNCATED, lengthBytes: 60 }, TCP_FACTS];
      assert.deepEqual(onlyFrames(await countParts(...pcap({ order }, frames))), expected);
    });

    test("takes what was captured for the size if the original length is below it", async () => {
      const frames = [{ ...TCP_FRAME, originalBytes: 0 }];
      assert.deepEqual(onlyFrames(await countParts(...pcap({ order }, frames))), [TCP_FACTS]);
    });

    test("counts without the frame check sequence that its link type field announces", async () => {
      const frames = [{ bytes: [...TCP_FRAME.bytes, ...FCS] }, { bytes: TCP_FRAME.bytes, originalBytes: 1518 }];
      const counted = await countParts(...pcap({ order, linkType: FOUR_BYTES_OF_FCS | LINKTYPE_ETHERNET }, frames));
      assert.deepEqual(onlyFrames(counted), [TCP_FACTS, { ...TCP_FACTS, lengthBytes: 1500 }]);
    });

    test("has no parsed bytes in the frame check sequence", async () => {
      const frames = [{ bytes: [...TCP_FRAME.bytes.slice(14, 33), ...FCS] }];
      const counted = await countParts(...pcap({ order, linkType: FOUR_BYTES_OF_FCS | LINKTYPE_RAW }, frames));
      assert.deepEqual(onlyFrames(counted), [{ verdict: Verdict.TRUNCATED, lengthBytes: 19 }]);
    });

    test("ignores an FCS length without its flag, and reserved bits", async () => {
      const counted = await countParts(...pcap({ order, linkType: 0x23ff0000 | LINKTYPE_ETHERNET }, FRAMES));
      assert.deepEqual(onlyFrames(counted), FACTS);
    });

    test("of an unknown link type counts sizes alone, and warns once", async () => {
      const counted = await countParts(...pcap({ order, linkType: LINKTYPE_USER0 }, [TCP_FRAME, TCP_FRAME]));
      const expected = { verdict: Verdict.UNKNOWN_LINK, lengthBytes: 74 };
      assert.deepEqual(onlyFrames(counted), [expected, expected]);
      assert.equal(counted.warnings.length, 1);
      assert.match(counted.warnings[0]!, /sample\.pcap: link type 147 isn't known/);
    });

    test("of an unknown link type without packets warns of nothing", async () => {
      assert.deepEqual((await countParts(pcapHeader({ order, linkType: LINKTYPE_USER0 }))).warnings, []);
    });

    test("of the largest packets there can be is read to its end", async () => {
      const bytes = [
        ...TCP_FRAME.bytes,
        ...Array.from({ length: MAX_CAPTURED_BYTES - TCP_FRAME.bytes.length }, () => 0),
      ];
      const counted = await countParts(
        ...pcap(
          { order },
          Array.from({ length: 9 }, () => ({ bytes })),
        ),
      );
      const expected = { ...TCP_FACTS, lengthBytes: MAX_CAPTURED_BYTES - 14 };
      assert.deepEqual(
        onlyFrames(counted),
        Array.from({ length: 9 }, () => expected),
      );
    });

    test("with a larger packet is damaged there, and counted up to there", async () => {
      const sound = pcap({ order }, FRAMES);
      const corrupt = pcapRecord(order, { bytes: Array.from({ length: MAX_CAPTURED_BYTES + 1 }, () => 0) });
      const counted = await countParts(...sound, corrupt);
      assert.deepEqual(counted.frames, new Map([["sample.pcap", FACTS]]));
      assert.match(counted.error!, new RegExp(`sample\\.pcap at byte ${sound.flat().length}: .*262145 captured bytes`));
    });

    for (const { version, originalFirst } of OLD_VERSIONS) {
      const first = originalFirst ? "original" : "captured";
      test(`of version ${version.join(".")} is counted with the ${first} length first`, async () => {
        const cut = TCP_FRAME.bytes.slice(0, 34);
        const lengths = originalFirst ? [74, 34] : [34, 74];
        const record = pcapRecord(order, { bytes: cut, capturedBytes: lengths[0]!, originalBytes: lengths[1]! });
        const counted = await countParts(pcapHeader({ order, version }), record, pcapRecord(order, TCP_FRAME));
        assert.deepEqual(onlyFrames(counted), [TCP_FACTS, TCP_FACTS]);
      });
    }

    for (const version of [
      [2, 5],
      [3, 4],
      [543, 1],
      [1, 0],
      [0, 0],
    ] as const) {
      test(`of version ${version.join(".")} is refused`, async () => {
        const { error, frames } = await countParts(...pcap({ order, version }, FRAMES));
        assert.match(error!, new RegExp(`at byte 0: pcap version ${version.join("\\.")} isn't supported`));
        assert.equal(frames.size, 0);
      });
    }
  });
}
