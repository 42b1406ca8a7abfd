import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { ByteReader } from "../../src/state/byte-reader.ts";
import { ByteWriter } from "../../src/state/byte-writer.ts";
import { decodeState, encodeState } from "../../src/state/state-file.ts";

const ONE_MIB = new Uint8Array(2 ** 20);

async function noTurn(): Promise<void> {}

async function encoded(writtenAt: number, sections: Record<string, Uint8Array>): Promise<Buffer> {
  const pieces = new Map(Object.entries(sections).map(([name, bytes]) => [name, [bytes]]));
  return Buffer.concat(await encodeState(writtenAt, pieces, noTurn));
}

/** The checksum put right, as who means harm would. */
function summed(bytes: Uint8Array): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(bytes));
  return Buffer.concat([bytes, sum]);
}

test("any number and text is read as it was written", () => {
  const number = fc.oneof(
    fc.double(),
    fc.maxSafeNat(),
    fc.nat(300),
    fc.constantFrom(2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 63),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(number, fc.string({ unit: "binary" }))), (values) => {
      const writer = new ByteWriter();
      for (const value of values) {
        if (typeof value === "number") writer.number(value);
        else writer.text(value);
      }
      const reader = new ByteReader(writer.filled);
      // 0 below zero is 0.
      const plain = values.map((value) => (value === 0 ? 0 : value));
      assert.deepEqual(
        plain.map((value) => (typeof value === "number" ? reader.number() : reader.text())),
        plain,
      );
      assert.ok(!reader.hasMore);
    }),
  );
});

test("numbers take as many bytes as they need, and one", () => {
  const lengths = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -1].map((value) => {
    const writer = new ByteWriter();
    writer.number(value);
    return writer.filled.length;
  });
  assert.deepEqual(lengths, [1, 2, 2, 3, 5, 6, 8, 9, 9]);
});

test("any sections are read as they were written", async () => {
  const sections = fc.dictionary(fc.stringMatching(/^[a-z-]{1,20}$/), fc.uint8Array({ maxLength: 100 }));
  await fc.assert(
    fc.asyncProperty(fc.double({ min: 0, max: 2 ** 40, noNaN: true }), sections, async (writtenAt, given) => {
      const state = decodeState(await encoded(writtenAt, given));
      assert.equal(state.writtenAt, writtenAt);
      const read = [...state.sections].map(([name, bytes]) => [name, Uint8Array.from(bytes)]);
      assert.deepEqual(read, Object.entries(given));
    }),
  );
});

test("a file that lacks its end, has more, or any bit of which is another one, is refused", async () => {
  const bytes = await encoded(1e9, { traffic: Buffer.from("counts"), templates: Buffer.from("of others") });
  for (let end = 0; end < bytes.length; end++) assert.throws(() => decodeState(bytes.subarray(0, end)), /it is /);
  assert.throws(() => decodeState(Buffer.concat([bytes, Buffer.of(0)])), /its checksum is wrong/);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => decodeState(damaged), /it is (?:no state of promtap's|damaged: its checksum is wrong)/);
  }
});

test("what has the right checksum, and is wrong all the same, is refused in bounded memory", async () => {
  const bytes = await encoded(1e9, { traffic: Buffer.from("counts") });
  const body = bytes.subarray(0, -4);
  const later = Buffer.from(body);
  later.writeUInt32LE(2, 8);
  assert.throws(() => decodeState(summed(later)), /another version of promtap wrote it/);
  for (let at = 12; at < body.length; at++) {
    for (const value of [0, 7, 8, 9, 255]) {
      const hostile = Buffer.from(body);
      hostile[at] = value;
      try {
        decodeState(summed(hostile));
      } catch (error) {
        assert.match(String(error), /^Error: it |^TypeError: The encoded data was not valid/);
      }
    }
  }
});

test("more than could be read again is not written", async () => {
  const large = new Map([["traffic", Array.from({ length: 513 }, () => ONE_MIB)]]);
  await assert.rejects(encodeState(1, large, noTurn), { message: "it would be larger than 512 MiB" });
});
