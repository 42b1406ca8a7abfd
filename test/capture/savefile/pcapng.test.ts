import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Verdict } from "../../../src/packet/packet.ts";
import {
  block,
  BYTE_ORDERS,
  enhancedPacket,
  IF_FCSLEN,
  IF_NAME,
  interfaceBlock,
  nameOption,
  obsoletePacket,
  option,
  type Part,
  sectionHeader,
  simplePacket,
  u16,
  u32,
} from "./captures.ts";
import { countParts, onlyFrames } from "./counting.ts";
import { FACTS, FRAMES, TCP_FACTS, TCP_FRAME, UDP6_FACTS, UDP6_FRAME } from "./samples.ts";

const NAME_RESOLUTION_BLOCK = 4;
const CUSTOM_BLOCK = 0xbad;
const IF_TSRESOL = 9;
const MAX_INTERFACES = 256;
const LINKTYPE_RAW = 101;

for (const order of BYTE_ORDERS) {
  const section = sectionHeader(order);
  const plain = interfaceBlock(order);
  const named = (name: string): Part => interfaceBlock(order, { options: nameOption(order, name) });
  const packet = (index = 0): Part => enhancedPacket(order, index, TCP_FRAME);

  describe(`a ${order}-endian pcapng file`, () => {
    const writers = {
      "enhanced packet": (frame: (typeof FRAMES)[0]) => enhancedPacket(order, 0, frame),
      "simple packet": (frame: (typeof FRAMES)[0]) => simplePacket(order, frame),
      "obsolete packet": (frame: (typeof FRAMES)[0]) => obsoletePacket(order, 0, frame),
    };
    for (const [name, write] of Object.entries(writers)) {
      test(`of ${name} blocks counts like any other`, async () => {
        const counted = await countParts(section, plain, ...FRAMES.map(write));
        assert.deepEqual(counted, { frames: new Map([["sample.pcap", FACTS]]), warnings: [], error: undefined });
      });
    }

    test("counts each interface under its own name", async () => {
      const counted = await countParts(
        section,
        named("eth0"),
        interfaceBlock(order, { linkType: LINKTYPE_RAW, options: nameOption(order, "wg0") }),
        enhancedPacket(order, 1, { bytes: UDP6_FRAME.bytes.slice(14) }),
        packet(0),
        obsoletePacket(order, 1, { bytes: TCP_FRAME.bytes.slice(14) }),
      );
      assert.deepEqual(
        counted.frames,
        new Map([
          ["wg0", [UDP6_FACTS, TCP_FACTS]],
          ["eth0", [TCP_FACTS]],
        ]),
      );
    });

    test("calls interfaces without a name as the file, numbered from the second on", async () => {
      const { frames } = await countParts(
        section,
        plain,
        named(""),
        named("x"),
        plain,
        packet(0),
        packet(1),
        packet(3),
      );
      assert.deepEqual([...frames.keys()], ["sample.pcap", "sample.pcap:1", "sample.pcap:3"]);
    });

    test("numbers interfaces from 0 again in each section, in the byte order of each", async () => {
      const other = order === "big" ? "little" : "big";
      const counted = await countParts(
        section,
        named("eth0"),
        named("eth1"),
        packet(1),
        sectionHeader(other),
        interfaceBlock(other, { options: nameOption(other, "eth2") }),
        enhancedPacket(other, 0, UDP6_FRAME),
        section,
        named("eth1"),
        packet(0),
      );
      assert.deepEqual(
        counted.frames,
        new Map([
          ["eth1", [TCP_FACTS, TCP_FACTS]],
          ["eth2", [UDP6_FACTS]],
        ]),
      );
      assert.equal(counted.error, undefined);
    });

    test("keeps hostile names as they are, cut to 255 bytes", async () => {
      const names = ['"\\\n{}', "\u0000", "é".repeat(200), "ok\u0000hidden", "\u202egnp"];
      const { frames } = await countParts(section, ...names.map(named), ...names.map((_, index) => packet(index)));
      assert.deepEqual([...frames.keys()], ['"\\\n{}', "sample.pcap:1", "é".repeat(127), "ok", "\u202egnp"]);
    });

    test("counts interfaces apart whose names differ in bytes that are not UTF-8", async () => {
      const names = [[0x61, 0xff], [0x61, 0xfe], [0x61, 0xc3], [...Buffer.from("a\ufffd")]];
      const interfaces = names.map((name) => interfaceBlock(order, { options: option(order, IF_NAME, name) }));
      const { frames } = await countParts(section, ...interfaces, ...names.map((_, index) => packet(index)));
      assert.deepEqual([...frames.keys()], ["a\\xff", "a\\xfe", "a\\xc3", "a\ufffd"]);
    });

    test("finds the name among other options, and none behind the end of options", async () => {
      const others = [...option(order, 1, [0x68, 0x69]), ...option(order, IF_TSRESOL, [9])];
      const end = option(order, 0, []);
      const options = [...others, ...nameOption(order, "eth7"), ...end, ...nameOption(order, "eth8")];
      const { frames } = await countParts(section, interfaceBlock(order, { options }), packet());
      assert.deepEqual([...frames.keys()], ["eth7"]);
    });

    test("ignores options that are longer than their block", async () => {
      const options = [...u16(order, IF_NAME), ...u16(order, 400), 0x61, 0x62, 0x63, 0x64];
      const { frames } = await countParts(section, interfaceBlock(order, { options }), packet());
      assert.deepEqual([...frames.keys()], ["sample.pcap"]);
    });

    for (const [value, unit] of [
      [32, "bits"],
      [4, "bytes"],
    ] as const) {
      test(`counts without a frame check sequence given in ${unit}`, async () => {
        const interfaces = interfaceBlock(order, { options: option(order, IF_FCSLEN, [value]) });
        const withFcs = { bytes: [...TCP_FRAME.bytes, 1, 2, 3, 4] };
        const counted = await countParts(section, interfaces, enhancedPacket(order, 0, withFcs));
        assert.deepEqual(onlyFrames(counted), [TCP_FACTS]);
      });
    }

    test("skips blocks of other types, even those larger than any packet", async () => {
      const names = block(order, NAME_RESOLUTION_BLOCK, [1, 2, 3, 4]);
      const custom = block(
        order,
        CUSTOM_BLOCK,
        Array.from({ length: 3_000_000 }, (_, at) => at & 0xff),
      );
      const empty = block(order, 0x80000001, []);
      const counted = await countParts(section, names, plain, packet(), custom, empty, packet(), custom);
      assert.deepEqual(onlyFrames(counted), [TCP_FACTS, TCP_FACTS]);
    });

    test("may have options behind a packet", async () => {
      const counted = await countParts(section, plain, enhancedPacket(order, 0, UDP6_FRAME, option(order, 1, [0x21])));
      assert.deepEqual(onlyFrames(counted), [UDP6_FACTS]);
    });

    test("cuts simple packets to the snaplen of the first interface", async () => {
      const interfaces = interfaceBlock(order, { snaplenBytes: 33 });
      const cut = { bytes: TCP_FRAME.bytes.slice(0, 36), originalBytes: 74 };
      const counted = await countParts(section, interfaces, simplePacket(order, cut));
      assert.deepEqual(onlyFrames(counted), [{ verdict: Verdict.TRUNCATED, lengthBytes: 60 }]);
    });

    test("warns once of each unknown link type, however many interfaces have it", async () => {
      const linkTypes = [148, 147, 148, 1];
      const interfaces = linkTypes.map((linkType) => interfaceBlock(order, { linkType }));
      const packets = linkTypes.map((_, index) => packet(index));
      const { warnings, frames } = await countParts(section, ...interfaces, ...packets, ...packets);
      assert.deepEqual(
        warnings.map((warning) => /link type \d+/.exec(warning)?.[0]),
        ["link type 148", "link type 147"],
      );
      assert.equal(frames.size, 4);
    });
  });

  describe(`a ${order}-endian pcapng file is damaged, and counted up to there, by`, () => {
    const sound = [section, plain, packet()];
    const corruptions: { name: string; part: Part; error: RegExp }[] = [
      {
        name: "two lengths that differ",
        part: [...packet().slice(0, -4), ...u32(order, 200)],
        error: /two lengths differ, 108 and 200/,
      },
      {
        name: "a length that is no multiple of 4",
        part: [...u32(order, 6), ...u32(order, 41), ...packet()],
        error: /block of 41 bytes/,
      },
      {
        name: "a length below that of any block",
        part: [...u32(order, CUSTOM_BLOCK), ...u32(order, 8), ...packet()],
        error: /2989 and 8 bytes, fewer than 12/,
      },
      { name: "a packet block without its fields", part: block(order, 6, []), error: /6 and 12 bytes, fewer than 32/ },
      {
        name: "an interface block without its fields",
        part: block(order, 1, []),
        error: /1 and 12 bytes, fewer than 20/,
      },
      {
        name: "a packet block that is too large",
        part: [...u32(order, 6), ...u32(order, 0x7ffffffc), ...packet()],
        error: /6 and 2147483644 bytes, more than/,
      },
      { name: "a packet of an unknown interface", part: packet(1), error: /interface 1, but 1 are described/ },
      {
        name: "a captured length that is larger than the block",
        part: enhancedPacket(order, 0, { ...TCP_FRAME, capturedBytes: 77 }),
        error: /77 captured bytes in a block that has room for 76/,
      },
      {
        name: "a captured length of 4 GiB",
        part: obsoletePacket(order, 0, { ...TCP_FRAME, capturedBytes: 0xffffffff }),
        error: /4294967295 captured bytes/,
      },
      {
        name: "a simple packet that is larger than its block",
        part: simplePacket(order, { ...TCP_FRAME, originalBytes: 1000 }),
        error: /1000 captured bytes in a block that has room for 76/,
      },
      { name: "a version that is not 1", part: sectionHeader(order, 2), error: /pcapng version 2 isn't supported/ },
      {
        name: "a byte-order magic that is none",
        part: block(order, 0x0a0d0d0a, [9, 9, 9, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        error: /byte-order magic 0x9090909/,
      },
    ];
    for (const { name, part, error } of corruptions) {
      test(name, async () => {
        const counted = await countParts(...sound, part, packet());
        assert.deepEqual(counted.frames, new Map([["sample.pcap", [TCP_FACTS]]]));
        assert.match(counted.error!, error);
        assert.match(counted.error!, new RegExp(`^couldn't read .*sample\\.pcap at byte ${sound.flat().length}: `));
      });
    }

    test("the end of the file inside a block that is skipped", async () => {
      const custom = block(
        order,
        CUSTOM_BLOCK,
        Array.from({ length: 3_000_000 }, () => 0),
      );
      const { frames, error } = await countParts(...sound, custom.slice(0, -1));
      assert.deepEqual(frames, new Map([["sample.pcap", [TCP_FACTS]]]));
      const at = sound.flat().length;
      assert.match(
        error!,
        new RegExp(`at byte ${at}: the file ends inside a block: 3000011 of 3000012 bytes are there`),
      );
    });

    test("a packet in a section without interfaces", async () => {
      const { error } = await countParts(...sound, section, simplePacket(order, TCP_FRAME));
      assert.match(error!, /interface 0, but 0 are described/);
    });

    test(`more than ${MAX_INTERFACES} interfaces in a section, be they of one name`, async () => {
      const same = Array.from({ length: MAX_INTERFACES }, () => named("eth0"));
      assert.equal((await countParts(section, ...same, packet(MAX_INTERFACES - 1))).error, undefined);
      assert.match((await countParts(section, ...same, named("eth0"))).error!, /more than 256 interfaces/);
    });

    test(`more than ${MAX_INTERFACES} names in all sections`, async () => {
      const sections = Array.from({ length: MAX_INTERFACES }, (_, index) => [...section, ...named(`if${index}`)]);
      assert.equal((await countParts(...sections, section, named("if7"), packet())).error, undefined);
      assert.match((await countParts(...sections, section, named("another"))).error!, /more than 256 interface names/);
    });
  });
}
