import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { createSamples, readIntervals, readSamples, RecordWriter } from "../../../src/bill/samples/sample-file.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

/** One sum of each customer, as the test knows it: a customer is its labels. */
type Sum = readonly [labels: string, bytesIn: number, bytesOut: number];
interface Sample {
  readonly number: number;
  readonly coveredMs: number;
  readonly isRepeated: boolean;
  readonly sums: readonly Sum[];
}

async function writeSamples(path: string, samples: readonly Sample[]): Promise<void> {
  await using file = await createSamples(path);
  const numbers = new Map<string, number>();
  for (const { isRepeated, sums, ...interval } of samples) {
    const writer = new RecordWriter(interval, isRepeated);
    for (const [labels, bytesIn, bytesOut] of sums) {
      const known = numbers.get(labels);
      if (known === undefined) numbers.set(labels, numbers.size);
      writer.sum(known ?? numbers.size - 1, bytesIn, bytesOut, known === undefined ? labels : undefined);
    }
    await file.writeFile(await writer.end());
  }
}

/** What a file holds, and where it is damaged. */
async function samplesIn(path: string): Promise<{ samples: Sample[]; damagedAt: number | undefined }> {
  const records = readSamples(path);
  const labels: string[] = [];
  const samples: Sample[] = [];
  for (;;) {
    const { done, value } = await records.next();
    if (done === true) return { samples, damagedAt: value };
    const { number, coveredMs, isRepeated, newLabels, sums } = value;
    labels.push(...newLabels);
    samples.push({
      number,
      coveredMs,
      isRepeated,
      sums: Array.from({ length: sums.count }, (_, at): Sum => [
        labels[sums.customers[at]!]!,
        sums.bytesIn[at]!,
        sums.bytesOut[at]!,
      ]),
    });
  }
}

const bytes = fc.oneof(fc.maxSafeNat(), fc.nat(70_000), fc.constantFrom(0, 0.5, 2 ** 70));
const sums = fc.array(fc.tuple(fc.string({ maxLength: 3, unit: "binary" }), bytes, bytes), { maxLength: 30 });
const sample = fc.record(
  { number: fc.nat(10_000_000), coveredMs: fc.nat(300_000), isRepeated: fc.boolean(), sums },
  { noNullPrototype: true },
);

test("any samples are read as they were written, and their intervals without the rest", async () => {
  using folder = new TemporaryFolder();
  let file = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(sample, { maxLength: 5 }), async (samples) => {
      const path = join(folder.path, `${++file}`);
      await writeSamples(path, samples);
      assert.deepEqual(await samplesIn(path), { samples, damagedAt: undefined });
      const own = samples.filter(({ isRepeated }) => !isRepeated);
      assert.deepEqual(
        await readIntervals(path),
        own.map(({ number }) => number),
      );
    }),
    { numRuns: 40 },
  );
});

test("a customer takes little more than the noise of its numbers, and its labels once", async () => {
  using folder = new TemporaryFolder();
  const customers = Array.from({ length: 5000 }, (_, at) => `customer="number ${at}",site="here"`);
  const [bits, seen] = [23, 6];
  const noise = (): number => 2 ** bits + Math.floor(Math.random() * 2 ** bits);
  const samples = Array.from({ length: seen }, (_, number): Sample => ({
    number,
    coveredMs: 300_000,
    isRepeated: false,
    sums: customers.map((labels): Sum => [labels, noise(), noise()]),
  }));
  const path = join(folder.path, "noise");
  await writeSamples(path, samples);
  const entropyBytes = (2 * bits * seen * customers.length) / 8;
  const { size } = statSync(path);
  assert.ok(size > entropyBytes && size < 1.1 * entropyBytes, `${size} bytes for ${entropyBytes}`);
  assert.deepEqual((await samplesIn(path)).samples, samples);
});

const SAMPLES: Sample[] = [1, 2, 3].map((number) => ({
  number,
  coveredMs: 300_000,
  isRepeated: false,
  sums: [
    ["a", number, 300],
    ["b", 0, number],
  ],
}));

test("what was not written in full, or has another bit, ends with what is before it", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "whole");
  await writeSamples(path, SAMPLES);
  const whole = readFileSync(path);
  const damaged = join(folder.path, "damaged");
  const judge = async (content: Buffer): Promise<number[]> => {
    writeFileSync(damaged, content);
    const { samples, damagedAt } = await samplesIn(damaged);
    assert.deepEqual(samples, SAMPLES.slice(0, samples.length));
    assert.ok(samples.length < SAMPLES.length);
    const ends = whole.subarray(0, content.length).equals(content) && damagedAt === undefined;
    assert.ok(ends ? samples.length > 0 || content.length === 16 : damagedAt !== undefined);
    return samples.map(({ number }) => number);
  };
  // What was not written in full is no sample, so that another one of its interval may be kept.
  for (let end = 0; end < whole.length; end++) {
    const numbers = await judge(whole.subarray(0, end));
    assert.deepEqual(await readIntervals(damaged), numbers);
  }
  for (let at = 0; at < whole.length; at++) {
    const content = Buffer.from(whole);
    content[at]! ^= 1 << (at % 8);
    await judge(content);
    assert.ok((await readIntervals(damaged)).length <= SAMPLES.length);
  }
});

test("a file that is there already is not written over", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "there");
  await writeSamples(path, SAMPLES);
  await assert.rejects(createSamples(path), { code: "EEXIST" });
});
