import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  findCoordinatorV2,
  initProducerIdV1,
  joinGroupV5,
  listOffsetsV5,
  metadataV8,
  offsetCommitV7,
  offsetFetchV5,
  produceV7,
  type Reader,
  saslAuthenticateV1,
  saslHandshakeV1,
  syncGroupV3,
} from "@platformatic/kafka";
import fc from "fast-check";
import { AnswerReader } from "../../src/kafka/answer-reader.ts";

const APIS = {
  findCoordinatorV2,
  initProducerIdV1,
  joinGroupV5,
  listOffsetsV5,
  metadataV8,
  offsetCommitV7,
  offsetFetchV5,
  produceV7,
  saslAuthenticateV1,
  saslHandshakeV1,
  syncGroupV3,
};

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

describe("an answer", { timeout: 60_000 }, () => {
  for (const [name, { parseResponse }] of Object.entries(APIS)) {
    test(`of ${name} comes to an end, whatever it says of its lengths`, () => {
      const parse = parseResponse as (correlation: number, key: number, version: number, reader: Reader) => unknown;
      // Bytes as they are often met: small numbers, and the highest bits set.
      const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0xff), fc.nat(255));
      fc.assert(
        fc.property(fc.array(byte, { maxLength: 200 }), (bytes) => {
          try {
            parse(0, 3, 0, new AnswerReader(Buffer.from(bytes)));
          } catch (error) {
            assert.ok(error instanceof Error);
          }
        }),
        { numRuns: 2000 },
      );
    });
  }

  test("holds no array of more elements than it has bytes", () => {
    const reader = new AnswerReader(Buffer.concat([int32(5), Buffer.alloc(4)]));
    assert.throws(() => reader.readArray(() => 0, false, false), RangeError);
  });

  test("does not lead backwards", () => {
    const reader = new AnswerReader(Buffer.from([0xff, 0xf0, 0, 0]));
    assert.throws(() => reader.readString(false), RangeError);
    assert.throws(() => reader.skip(-1), RangeError);
    assert.throws(() => new AnswerReader(int32(-2)).readBytes(false), RangeError);
  });

  test("may hold strings, bytes and arrays that are null", () => {
    assert.equal(new AnswerReader(Buffer.from([0xff, 0xff])).readNullableString(false), null);
    assert.equal(new AnswerReader(int32(-1)).readNullableBytes(false), null);
    assert.equal(
      new AnswerReader(int32(-1)).readNullableArray(() => 0, false, false),
      null,
    );
  });
});
