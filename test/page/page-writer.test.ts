import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CHUNK_BYTES, PageWriter } from "../../src/page/page-writer.ts";
import { Piece } from "../../src/page/piece.ts";

const { MAX_SAFE_INTEGER } = Number;

const integers = new PageWriter();

function integerText(value: number): string {
  integers.clear();
  integers.integerLine(value);
  return Buffer.from(integers.filled()).toString();
}

test("whole numbers are written as BigInt writes them, at every border of digits and groups", () => {
  const powers = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);
  const groups = [1, 2, 7, 8_388_607, 8_388_608, 9_007_199].map((high) => high * 1e9);
  const borders = [...powers, ...groups, 2 ** 31, 2 ** 32, 2 ** 52, MAX_SAFE_INTEGER].flatMap((value) => [
    value - 1,
    value,
    Math.min(value + 1, 2 ** 53),
  ]);
  for (const value of [0, ...borders]) {
    assert.equal(integerText(value), `${BigInt(value)}\n`);
    if (value !== 0) assert.equal(integerText(-value), `-${BigInt(value)}\n`);
  }
});

test("what a counter of doubles may come to beyond 2^53 is written as a number that is read back the same", () => {
  const doubles = fc.double({ min: 2 ** 53, noNaN: true });
  fc.assert(
    fc.property(doubles, (value) => assert.equal(Number(integerText(value).replace("Inf", "Infinity")), value)),
  );
  const borders = [2 ** 53, 2 ** 63, 1e18 - 128, 9.223_372_036e18, 1e21, Number.MAX_VALUE];
  for (const value of borders) {
    assert.match(integerText(value), /^[0-9.]+(?:e\+[0-9]+)?\n$/);
    assert.equal(Number(integerText(-value)), -value);
  }
  assert.deepEqual([Number.NaN, Infinity, -Infinity].map(integerText), ["NaN\n", "+Inf\n", "-Inf\n"]);
});

test("any whole number to 2^53 is written exactly", () => {
  const numbers = fc.oneof(
    fc.maxSafeInteger(),
    fc.integer(),
    fc.tuple(fc.nat(9_007_198), fc.integer({ min: -2, max: 2 })).map(([high, low]) => high * 1e9 + low),
  );
  const property = fc.property(numbers, (value) => assert.equal(integerText(value), `${BigInt(value)}\n`));
  fc.assert(property, { numRuns: 5000 });
});

/** What can be asked of a writer, and what the same does to a string. */
type Step =
  | { slice: [Uint8Array, number, number] }
  | { bytes: Uint8Array }
  | { piece: string }
  | { repeat: [number, number] }
  | { line: number };

const texts = fc.uint8Array({ maxLength: 300 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  texts.map((bytes) => ({ bytes })),
  fc.string({ unit: "grapheme", maxLength: 40 }).map((piece) => ({ piece })),
  fc.tuple(texts, fc.nat(300), fc.nat(300)).map(([bytes, a, b]): Step => {
    const [from, to] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
    return { slice: [bytes, from, to] };
  }),
  fc.tuple(fc.nat(99), fc.nat(99)).map(([a, b]): Step => ({ repeat: [Math.min(a, b) / 100, Math.max(a, b) / 100] })),
  fc.nat(MAX_SAFE_INTEGER).map((line) => ({ line })),
);

test("any steps write what they would append to a buffer", () => {
  const property = fc.property(fc.array(steps, { maxLength: 60 }), (list) => {
    const writer = new PageWriter();
    let model = Buffer.alloc(0);
    for (const step of list) {
      writer.reserve(100_000);
      model = Buffer.concat([model, applied(step, writer, model)]);
      assert.equal(writer.position, model.length);
    }
    assert.deepEqual(Buffer.from(writer.filled()), model);
  });
  fc.assert(property, { numRuns: 300 });
});

function applied(step: Step, writer: PageWriter, model: Buffer): Uint8Array {
  if ("bytes" in step) {
    writer.bytes(step.bytes);
    return step.bytes;
  }
  if ("piece" in step) {
    writer.piece(new Piece(step.piece));
    return Buffer.from(step.piece);
  }
  if ("slice" in step) {
    writer.slice(...step.slice);
    const [bytes, from, to] = step.slice;
    return bytes.subarray(from, to);
  }
  if ("line" in step) {
    writer.integerLine(step.line);
    return Buffer.from(`${step.line}\n`);
  }
  // What is repeated is at most 1,000 bytes, or the page would double with each step.
  const [from, to] = step.repeat.map((share) => Math.floor(share * Math.min(model.length, 1000))) as [number, number];
  writer.repeat(from, to);
  return Buffer.from(model.subarray(from, to));
}

test("it is full once a chunk is written, and empty again when it is cleared", () => {
  const writer = new PageWriter();
  writer.bytes(new Uint8Array(CHUNK_BYTES - 1));
  assert.equal(writer.isFull, false);
  writer.bytes(new Uint8Array(1));
  assert.equal(writer.isFull, true);
  writer.clear();
  assert.equal(writer.isFull, false);
  assert.equal(writer.filled().length, 0);
});

test("room can be reserved for an item larger than a chunk, and what was written stays", () => {
  const writer = new PageWriter();
  writer.integerLine(42);
  const huge = new Uint8Array(4 * CHUNK_BYTES).fill(0x61);
  writer.reserve(huge.length);
  writer.slice(huge, 0, huge.length);
  assert.equal(Buffer.from(writer.filled()).toString(), `42\n${"a".repeat(huge.length)}`);
});

test("text is written as UTF-8, whatever room there is", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (texts) => {
      const writer = new PageWriter();
      writer.text("x".repeat(CHUNK_BYTES));
      for (const text of texts) writer.text(text.repeat(1000));
      const expected = `${"x".repeat(CHUNK_BYTES)}${texts.map((text) => text.repeat(1000)).join("")}`;
      assert.equal(Buffer.from(writer.filled()).toString(), expected);
    }),
    { numRuns: 30 },
  );
});
