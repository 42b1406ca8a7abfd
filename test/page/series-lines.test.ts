import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CHUNK_BYTES, PageWriter } from "../../src/page/page-writer.ts";
import { Piece } from "../../src/page/piece.ts";
import { isTurnOver, SeriesLines } from "../../src/page/series-lines.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const written = (writer: PageWriter): string => Buffer.from(writer.filled()).toString();

describe("lines of series", () => {
  test("have the family's name, the labels of all, those of the series, and its value", () => {
    const writer = new PageWriter();
    const lines = new SeriesLines("a_total", 'x="1"', 'y="2"');
    lines.write(writer, 7, bytes('..z="3"..'), 2, 7);
    lines.write(writer, Number.MAX_SAFE_INTEGER, bytes('z="4"'), 0, 5, new Piece(',q="é"} '));
    new SeriesLines("b").write(writer, -1, bytes('z="5"'), 0, 5);
    assert.equal(
      written(writer),
      'a_total{x="1",y="2",z="3"} 7\na_total{x="1",y="2",z="4",q="é"} 9007199254740991\nb{z="5"} -1\n',
    );
  });

  test("are written between their beginning and their end by the caller, as long as they said", () => {
    const writer = new PageWriter();
    const lines = new SeriesLines("a");
    const labels = bytes(`z="${"v".repeat(CHUNK_BYTES * 2)}"`);
    lines.begin(writer, labels.length);
    writer.bytes(labels);
    lines.end(writer, Number.MIN_SAFE_INTEGER);
    assert.equal(written(writer), `a{${Buffer.from(labels).toString()}} -9007199254740991\n`);
  });

  test("give others their turn when the writer is full, and after many series that wrote nothing", () => {
    const writer = new PageWriter();
    const turns = Array.from({ length: 10_000 }, (_, series) => series).filter((series) => isTurnOver(writer, series));
    assert.deepEqual(turns, [4095, 8191]);
    writer.text("x".repeat(CHUNK_BYTES));
    assert.ok(isTurnOver(writer, 0));
  });
});
