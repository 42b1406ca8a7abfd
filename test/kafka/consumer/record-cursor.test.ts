import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { compressionsAlgorithms, createRecordsBatch, crc32c } from "@platformatic/kafka";
import fc from "fast-check";
import { type AbortedTransaction, RecordCursor, Step } from "../../../src/kafka/consumer/record-cursor.ts";

/* Batches are made by the client's own writer, which is none of ours. */

interface BatchOptions {
  firstOffset?: number;
  compression?: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  producer?: number;
  isTransactional?: boolean;
  isControl?: boolean;
}

const ATTRIBUTES = 21;
const CRC = 17;

function batch(values: readonly (string | undefined)[], options: BatchOptions = {}): Buffer {
  const messages = values.map((value) => ({
    topic: "t",
    key: Buffer.from("key"),
    // A record without a value is legal, whatever the type says.
    value: (value === undefined ? undefined : Buffer.from(value)) as Buffer,
    headers: new Map([[Buffer.from("h"), Buffer.from("v")]]),
  }));
  const { firstOffset = 0, compression = "none", producer = -1, isTransactional, isControl } = options;
  const written = createRecordsBatch(messages, {
    compression,
    producerId: BigInt(producer),
    ...(isTransactional && { transactionalId: "x" }),
  });
  const bytes = Buffer.from(written.buffer);
  bytes.writeBigInt64BE(BigInt(firstOffset), 0);
  if (isControl) bytes.writeUInt16BE(bytes.readUInt16BE(ATTRIBUTES) | 0x20, ATTRIBUTES);
  return sealed(bytes);
}

/** With the checksum of what stands in it. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES)) >>> 0, CRC);
  return bytes;
}

const TOO_MANY_ZEROS = Buffer.alloc(65 * 2 ** 20);
const BOMBS = [
  ["gzip", gzipSync(TOO_MANY_ZEROS)],
  ["zstd", zstdCompressSync(TOO_MANY_ZEROS)],
  ["snappy", compressionsAlgorithms.snappy.compressSync(TOO_MANY_ZEROS)],
  ["lz4", compressionsAlgorithms.lz4.compressSync(TOO_MANY_ZEROS)],
] as const;

interface Walk {
  records: [offset: number, value: string | undefined][];
  damaged: [offset: number, reason: string][];
  nextOffset: number;
}

function walk(batches: Buffer, fromOffset = 0, aborted: AbortedTransaction[] = []): Walk {
  const cursor = new RecordCursor(batches, fromOffset, aborted);
  const found: Walk = { records: [], damaged: [], nextOffset: 0 };
  for (let step = cursor.next(); step !== Step.END; step = cursor.next()) {
    if (step === Step.DAMAGED) {
      found.damaged.push([cursor.offset, cursor.damage]);
      continue;
    }
    const { data, valueStart, valueEnd, offset } = cursor;
    found.records.push([offset, valueEnd < valueStart ? undefined : data.toString("utf8", valueStart, valueEnd)]);
  }
  found.nextOffset = cursor.nextOffset;
  if (found.damaged.length === 0) assert.equal(cursor.fetchOffset(), cursor.nextOffset);
  return found;
}

describe("a cursor", () => {
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    test(`walks batches with compression ${compression}`, () => {
      const first = batch(["a", "", "é".repeat(300), undefined], { firstOffset: 10, compression });
      const second = batch(["b"], { firstOffset: 14, compression });
      assert.deepEqual(walk(Buffer.concat([first, second]), 10), {
        records: [
          [10, "a"],
          [11, ""],
          [12, "é".repeat(300)],
          [13, undefined],
          [14, "b"],
        ],
        damaged: [],
        nextOffset: 15,
      });
    });
  }

  test("leaves out records before what was asked for, since brokers send whole batches", () => {
    const { records, nextOffset } = walk(batch(["a", "b", "c"], { firstOffset: 5 }), 7);
    assert.deepEqual(records, [[7, "c"]]);
    assert.equal(nextOffset, 8);
  });

  test("reads offsets above 2^32", () => {
    const firstOffset = 2 ** 40 + 3;
    assert.deepEqual(walk(batch(["a"], { firstOffset }), firstOffset).records, [[firstOffset, "a"]]);
  });

  test("leaves a last batch that is cut short for the next time, at every length", () => {
    const whole = batch(["a"]);
    const cut = batch(["b", "c"], { firstOffset: 1 });
    for (let length = 0; length < cut.length; length++) {
      const found = walk(Buffer.concat([whole, cut.subarray(0, length)]));
      assert.deepEqual(found, { records: [[0, "a"]], damaged: [], nextOffset: 1 });
    }
  });

  test("leaves a first batch out that will never come as a whole, and goes on behind it", () => {
    const tooLong = batch(["a", "b", "c"], { firstOffset: 5 });
    for (const length of [61, tooLong.length - 1]) {
      const cursor = new RecordCursor(tooLong.subarray(0, length), 6, [], true);
      assert.equal(cursor.fetchOffset(), 8);
      assert.equal(cursor.next(), Step.DAMAGED);
      assert.deepEqual([cursor.offset, cursor.damage], [7, `a batch of ${tooLong.length} bytes`]);
      assert.equal(cursor.next(), Step.END);
      assert.equal(cursor.nextOffset, 8);
    }
    const whole = new RecordCursor(Buffer.concat([tooLong, tooLong.subarray(0, 70)]), 5, [], true);
    for (let record = 0; record < 3; record++) assert.equal(whole.next(), Step.RECORD);
    assert.equal(whole.next(), Step.END);
  });

  test("tells of a batch with a wrong checksum, and goes on behind it", () => {
    const damaged = batch(["a", "b"]);
    damaged[70]! ^= 1;
    const found = walk(Buffer.concat([damaged, batch(["c"], { firstOffset: 2 })]));
    assert.deepEqual(found.damaged, [[1, "a batch with a wrong checksum"]]);
    assert.deepEqual(found.records, [[2, "c"]]);
    assert.equal(found.nextOffset, 3);
  });

  test("tells of a batch that does not unpack, of an unknown compression, and of an old format", () => {
    const broken = sealed(Buffer.concat([batch(["a"], { compression: "gzip" }).subarray(0, 61), Buffer.alloc(30, 7)]));
    broken.writeInt32BE(broken.length - 12, 8);
    const unknown = batch(["a"], { firstOffset: 1 });
    unknown.writeUInt16BE(7, ATTRIBUTES);
    const old = batch(["a"], { firstOffset: 2 });
    old[16] = 1;
    const { records, damaged } = walk(Buffer.concat([sealed(broken), sealed(unknown), old]));
    assert.deepEqual(records, []);
    assert.deepEqual(
      damaged.map(([offset]) => offset),
      [0, 1, 2],
    );
    assert.match(damaged[1]![1], /unknown compression 7/);
    assert.match(damaged[2]![1], /version 1 of the format/);
  });

  for (const [compression, bomb] of BOMBS) {
    test(`refuses a batch of ${compression} that would fill the memory`, () => {
      const head = batch(["a"], { compression }).subarray(0, 61);
      head.writeInt32BE(head.length + bomb.length - 12, 8);
      const { damaged } = walk(sealed(Buffer.concat([head, bomb])));
      assert.match(damaged[0]![1], /Cannot create a Buffer larger|a batch of \d+ bytes/);
    });
  }

  test("leaves out marks of transactions, and records of those that were given up", () => {
    const mine = { producer: 7, isTransactional: true };
    const batches = [
      batch(["given up"], { ...mine, firstOffset: 0 }),
      batch(["of another"], { producer: 8, isTransactional: true, firstOffset: 1 }),
      batch(["mark"], { ...mine, isControl: true, firstOffset: 2 }),
      batch(["kept"], { ...mine, firstOffset: 3 }),
      batch(["mark"], { ...mine, isControl: true, firstOffset: 4 }),
    ];
    const found = walk(Buffer.concat(batches), 0, [{ producer: 7, firstOffset: 0 }]);
    assert.deepEqual(found.records, [
      [1, "of another"],
      [3, "kept"],
    ]);
    assert.equal(found.nextOffset, 5);
  });

  test("ends whatever the bytes are, and never goes back", () => {
    const first = batch(["a", "b", "c"]);
    const firstLength = first.length;
    const readAll = (bytes: Buffer): void => {
      const cursor = new RecordCursor(bytes, 0);
      let before = 0;
      for (let step = cursor.next(); step !== Step.END; step = cursor.next()) {
        assert.ok(step === Step.DAMAGED || cursor.valueEnd <= cursor.data.length);
        assert.ok(cursor.nextOffset >= before);
        before = cursor.nextOffset;
      }
    };
    const sound = Buffer.concat([first, batch(["d"], { firstOffset: 3, compression: "lz4" })]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(sound);
        for (const [at, byte] of changes) bytes[at] = byte;
        readAll(bytes);
        // again, when the checksum is right
        bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES, firstLength)), CRC);
        readAll(bytes);
      }),
    );
  });
});
