import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  block,
  BYTE_ORDERS,
  enhancedPacket,
  interfaceBlock,
  MAGIC_MODIFIED,
  nameOption,
  obsoletePacket,
  type Part,
  pcap,
  sectionHeader,
  simplePacket,
} from "./captures.ts";
import { countBytes, type Counted } from "./counting.ts";
import { FACTS, FRAMES } from "./samples.ts";

const RUNS = { numRuns: 150 };
const MAGIC_BYTES = 4;

interface Sample {
  name: string;
  parts: readonly Part[];
  /** How many frames the first parts of the file hold, by how many parts that is. */
  framesIn: (partCount: number) => number;
}

const SAMPLES: Sample[] = BYTE_ORDERS.flatMap((order) => [
  { name: `${order}-endian pcap`, parts: pcap({ order }, FRAMES), framesIn: (count) => Math.max(0, count - 1) },
  {
    name: `${order}-endian modified pcap`,
    parts: pcap({ order, magic: MAGIC_MODIFIED }, FRAMES),
    framesIn: (count) => Math.max(0, count - 1),
  },
  {
    name: `${order}-endian pcapng`,
    parts: [
      sectionHeader(order),
      interfaceBlock(order, { options: nameOption(order, "sample.pcap") }),
      block(order, 0xbad, [1, 2, 3, 4, 5]),
      enhancedPacket(order, 0, FRAMES[0]!),
      simplePacket(order, FRAMES[1]!),
      obsoletePacket(order, 0, FRAMES[2]!),
      enhancedPacket(order, 0, FRAMES[3]!),
      enhancedPacket(order, 0, FRAMES[4]!),
    ],
    framesIn: (count) => Math.max(0, count - 3),
  },
]);

for (const { name, parts, framesIn } of SAMPLES) {
  const bytes = Uint8Array.from(parts.flat());
  const ends = parts.map((_, index) => parts.slice(0, index + 1).flat().length);

  describe(`a ${name} file`, () => {
    test("that ends at any byte is counted up to the last whole packet, and the error names the first lost byte", async () => {
      for (let length = MAGIC_BYTES; length <= bytes.length; length++) {
        const counted = await countBytes(bytes.subarray(0, length));
        const wholeParts = ends.filter((end) => end <= length).length;
        const wholeBytes = ends[wholeParts - 1] ?? 0;
        assert.deepEqual(framesOf(counted), FACTS.slice(0, framesIn(wholeParts)), `${length} bytes`);
        if (length === wholeBytes) assert.equal(counted.error, undefined, `${length} bytes`);
        else assert.match(counted.error!, new RegExp(`at byte ${wholeBytes}: the file ends inside`), `${length} bytes`);
      }
    });

    test("with any bytes changed is either counted or refused in one line", async () => {
      const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(0xff));
      const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const changed = Uint8Array.from(bytes);
        for (const [at, value] of changes) changed[at] = value;
        const counted = await countBytes(changed);
        assert.ok(framesOf(counted).length <= FRAMES.length * 2);
      });
      await fc.assert(property, RUNS);
    });

    test("that goes on with any bytes is counted up to them", async () => {
      const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        const counted = await countBytes(Uint8Array.from([...bytes, ...noise]));
        assert.deepEqual(framesOf(counted).slice(0, FACTS.length), FACTS);
      });
      await fc.assert(property, RUNS);
    });
  });
}

test("any bytes at all are refused in one line", async () => {
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
    assert.notEqual((await countBytes(noise)).error, undefined);
  });
  await fc.assert(property, RUNS);
});

function framesOf(counted: Counted): object[] {
  return [...counted.frames.values()].flat();
}
