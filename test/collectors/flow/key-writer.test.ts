import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KeyWriter } from "../../../src/collectors/flow/key-writer.ts";
import { Field, FlowRecord, MAX_TEXT_LENGTH } from "../../../src/collectors/flow/records/flow-record.ts";
import { giveTexts } from "./record-texts.ts";
import { assertApart, assertSpread, collisions, type Hashing, predictable } from "../../ledger/hashing.ts";

const LABELS = ["as_src", "label", "as_dst", "iface_in"];

/** A record of these ASes and texts. */
function recordOf(keys: readonly string[], [source, destination]: readonly number[], texts: Buffer[]): FlowRecord {
  const record = new FlowRecord(keys, false);
  giveTexts(record, texts);
  record.numbers[Field.SOURCE_AS] = source!;
  record.numbers[Field.DESTINATION_AS] = destination!;
  return record;
}

/** Hashes of two ASes, given by halves. */
const ofNumbers: Hashing = () => {
  const writer = new KeyWriter(LABELS);
  return (halves) => {
    const half = (k: number): number => halves[k] ?? 0;
    const numbers = [half(0) + half(1) * 65_536, half(2) + half(3) * 65_536];
    const record = recordOf(writer.textKeys, numbers, [Buffer.of(), Buffer.of()]);
    writer.write(record, new Uint8Array(writer.maxBytes(record)), 0);
    return writer.hash;
  };
};

/** Hashes of two texts: halves of the bytes. */
const ofTexts: Hashing = () => {
  const writer = new KeyWriter(LABELS);
  return (bytes) => {
    const half = Math.ceil(bytes.length / 2);
    const texts = [Buffer.from(bytes.slice(0, half)), Buffer.from(bytes.slice(half))];
    const record = recordOf(writer.textKeys, [0, 0], texts);
    writer.write(record, new Uint8Array(writer.maxBytes(record)), 0);
    return writer.hash;
  };
};

describe("the hash of labels", () => {
  test("is another one each time, in every half of an AS number and every byte of a text", () => {
    assert.deepEqual(predictable(ofNumbers, 4, [1, 0xffff]), []);
    assert.deepEqual(predictable(ofTexts, 2 * MAX_TEXT_LENGTH, [1, 255], 10), []);
  });

  test("tells texts by their lengths too", () => {
    const hash = ofTexts();
    assert.notEqual(hash([0, 0]), hash([0, 0, 0, 0]));
    const hashes = Array.from({ length: 100 }, () => ofTexts()([0, 0]));
    assert.ok(collisions(hashes) < 2);
  });

  test("is one of 2^32 for one byte", () => {
    const hashes = Array.from({ length: 4000 }, () => ofTexts()([1]));
    assert.ok(collisions(hashes) < 3);
  });

  test("spreads what collides in another one", () => {
    assertSpread(
      ofTexts,
      Array.from({ length: 30_000 }, (_, k) => [0x61, k >> 8, k & 0xff, 0x62]),
    );
    assertSpread(
      ofNumbers,
      Array.from({ length: 30_000 }, (_, k) => [k, 0, 3, 0]),
    );
  });

  test("keeps neighbours apart", () => {
    const pairs = Array.from({ length: 65_536 }, (_, value) => [value >> 8, value & 0xff]);
    const padding = Array<number>(20).fill(7);
    assertApart(
      ofTexts,
      pairs.map((pair) => [...padding, ...pair, ...padding]),
      "bytes",
    );
    assertApart(
      ofNumbers,
      pairs.map(([high, low]) => [high! * 256 + low!, 0, 0, 0]),
      "numbers",
    );
  });

  test("is one of the labels alone, wherever the key stands", () => {
    const writer = new KeyWriter(LABELS);
    const record = recordOf(writer.textKeys, [1, 2 ** 32 - 1], [Buffer.from("core"), Buffer.from("é")]);
    const keys = new Uint8Array(100);
    const end = writer.write(record, keys, 0);
    const { hash } = writer;
    assert.equal(writer.write(record, keys, end), 2 * end);
    assert.equal(writer.hash, hash);
    assert.deepEqual(writer.read(keys, end), [1, "core", 2 ** 32 - 1, "é"]);
  });
});
