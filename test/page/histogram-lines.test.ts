import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HistogramLines } from "../../src/page/histogram-lines.ts";
import { Format } from "../../src/page/negotiation.ts";
import { CHUNK_BYTES, PageWriter } from "../../src/page/page-writer.ts";
import { Piece } from "../../src/page/piece.ts";

const encoder = new TextEncoder();

interface Histogram {
  name: string;
  bounds: number[];
  buckets: number[];
  sum: number;
  labels: string;
  more: string;
}

const writer = new PageWriter();

function written(format: Format, { name, bounds, buckets, sum, labels, more }: Histogram): string {
  writer.clear();
  // The histogram and its labels lie among others.
  const counters = Float64Array.from([7, 7, 7, ...buckets, sum, 7]);
  const bytes = encoder.encode(`before${labels}behind`);
  const to = bytes.length - "behind".length;
  new HistogramLines(name, bounds, format).write(writer, counters, 3, bytes, 6, to, new Piece(more));
  return Buffer.from(writer.filled()).toString();
}

/** The same with strings, as anyone would write it. */
function expected(format: Format, { name, bounds, buckets, sum, labels, more }: Histogram): string {
  let cumulative = 0;
  const lines = buckets.map((count, index) => {
    cumulative += count;
    const bound = bounds[index];
    const isBare = format === Format.TEXT || !Number.isInteger(bound);
    const le = bound === undefined ? "+Inf" : isBare ? `${bound}` : `${bound}.0`;
    return `${name}_bucket{${labels}${more},le="${le}"} ${cumulative}\n`;
  });
  const all = `{${labels}${more}}`;
  return `${lines.join("")}${name}_sum${all} ${sum}\n${name}_count${all} ${cumulative}\n`;
}

test("a histogram is written line by line, cumulative, with its sum and its count", () => {
  const histogram = { name: "x", bounds: [64, 128], buckets: [1, 0, 2], sum: 4321, labels: 'a="b"', more: ',c="d"' };
  assert.equal(
    written(Format.TEXT, histogram),
    `x_bucket{a="b",c="d",le="64"} 1
x_bucket{a="b",c="d",le="128"} 1
x_bucket{a="b",c="d",le="+Inf"} 3
x_sum{a="b",c="d"} 4321
x_count{a="b",c="d"} 3
`,
  );
});

test("OpenMetrics has bounds in the canonical form of a float", () => {
  const histogram = { name: "x", bounds: [64, 128], buckets: [0, 0, 0], sum: 0, labels: 'a="b"', more: "" };
  assert.match(
    written(Format.OPENMETRICS, histogram),
    /^x_bucket\{a="b",le="64\.0"\} 0\nx_bucket\{a="b",le="128\.0"\} 0\n/,
  );
});

test("any histogram is written as it would be with strings, up to the highest counts", () => {
  const bounds = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 10 });
  const histograms = bounds.chain((bounds) =>
    fc.record({
      name: fc.stringMatching(/^[a-z_]{1,60}$/),
      bounds: fc.constant(bounds.toSorted((a, b) => a - b)),
      buckets: fc.array(fc.nat(2 ** 49), { minLength: bounds.length + 1, maxLength: bounds.length + 1 }),
      sum: fc.nat(Number.MAX_SAFE_INTEGER),
      labels: fc.string({ unit: "grapheme", maxLength: 300 }),
      more: fc.constantFrom("", ',protocol="udp"'),
    }),
  );
  const property = fc.property(fc.constantFrom(Format.TEXT, Format.OPENMETRICS), histograms, (format, histogram) => {
    assert.equal(written(format, histogram), expected(format, histogram));
  });
  fc.assert(property, { numRuns: 300 });
});

test("labels may be larger than a chunk", () => {
  const labels = `a="${"é".repeat(CHUNK_BYTES)}"`;
  const histogram = { name: "x", bounds: [64], buckets: [1, 1], sum: 2, labels, more: "" };
  assert.equal(written(Format.TEXT, histogram), expected(Format.TEXT, histogram));
});

test("the writer has room for the widest of everything, from any place in a chunk", () => {
  const widest: Histogram = {
    name: "promacct_packet_size_bytes_ipv4_tx",
    bounds: [64, 128, 256, 512, 1024, 2048],
    buckets: [Number.MAX_SAFE_INTEGER - 6, 1, 1, 1, 1, 1, 1],
    sum: Number.MAX_SAFE_INTEGER,
    labels: `interface="eth0",ip="192.0.2.100"`,
    more: ',protocol="eigrp"',
  };
  const writer = new PageWriter();
  const lines = new HistogramLines(widest.name, widest.bounds, Format.OPENMETRICS);
  const counters = Float64Array.from([...widest.buckets, widest.sum]);
  const labels = encoder.encode(widest.labels);
  const text = expected(Format.OPENMETRICS, widest);
  // Far behind what is written at first: no check but `reserve` keeps it inside the memory.
  for (let count = 0; count < 1000; count++) {
    lines.write(writer, counters, 0, labels, 0, labels.length, new Piece(widest.more));
  }
  assert.equal(Buffer.from(writer.filled()).toString(), text.repeat(1000));
});
