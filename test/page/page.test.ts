import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import type { Family, WrittenFamily } from "../../src/page/family.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";
import { CHUNK_BYTES } from "../../src/page/page-writer.ts";
import { lacking } from "../support/requirements.ts";
import { parseExposition } from "./exposition-parser.ts";

const encoder = new TextEncoder();

const NASTY = 'a\\b"c\nd€🦀';
const SAMPLED: Family[] = [
  {
    name: "app_info",
    help: "A gauge, with \\ and\na second line.",
    type: "gauge",
    samples: [{ labels: { name: NASTY }, value: 1 }],
  },
  {
    name: "app_requests_total",
    help: "A counter.",
    type: "counter",
    samples: [
      { labels: { code: "200" }, value: 3 },
      { labels: { code: "500" }, value: 0.5 },
    ],
  },
  { name: "app_nothing", help: "No samples.", type: "gauge", samples: [] },
];

/** A family whose lines are `name{n="0"} 0`, `name{n="1"} 1`, ...; each has `padding` more bytes. */
function lineFamily(name: string, lines: number, padding = 0): WrittenFamily {
  return {
    name,
    help: "Lines.",
    type: "gauge",
    *write(writer) {
      for (let line = 0; line < lines; line++) {
        const bytes = encoder.encode(`${name}{n="${line}${"x".repeat(padding)}"} ${line}\n`);
        writer.reserve(bytes.length);
        writer.bytes(bytes);
        if (writer.isFull) yield;
      }
    },
  };
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}

async function textOf(families: Family[], format: Format = Format.TEXT): Promise<string> {
  return (await read(makePage(families, format))).toString();
}

describe("a page", () => {
  test("has a family that is to be omitted if it is empty only with its lines, however large they are", async () => {
    const omitted = (lines: number, padding?: number): Family => ({
      ...lineFamily(`lines_${lines}`, lines, padding),
      isOmittedIfEmpty: true,
    });
    assert.equal(await textOf([omitted(0)]), "");
    const header = (name: string) => `# HELP ${name} Lines.\n# TYPE ${name} gauge\n`;
    assert.equal(await textOf([lineFamily("empty", 0)]), header("empty"));
    assert.equal(await textOf([omitted(0), omitted(1)]), `${header("lines_1")}lines_1{n="0"} 0\n`);
    const text = await textOf([omitted(2, CHUNK_BYTES)]);
    assert.equal(text.length, `${header("lines_2")}lines_2{n="0"} 0\nlines_2{n="1"} 1\n`.length + 2 * CHUNK_BYTES);
  });

  test("has the small families in their order, then those that write themselves", async () => {
    const page = await read(makePage([lineFamily("big", 2), ...SAMPLED], Format.TEXT));
    const families = parseExposition(page, "text");
    assert.deepEqual([...families.keys()], ["app_info", "app_requests_total", "app_nothing", "big"]);
    assert.deepEqual(families.get("app_info")?.samples, [{ name: "app_info", labels: [["name", NASTY]], value: "1" }]);
    assert.equal(families.get("app_info")?.help, "A gauge, with \\ and\na second line.");
    assert.deepEqual(
      families.get("app_requests_total")?.samples.map(({ name, value }) => [name, value]),
      [
        ["app_requests_total", "3"],
        ["app_requests_total", "0.5"],
      ],
    );
    assert.equal(families.get("big")?.samples.length, 2);
  });

  for (const format of ["text", "openmetrics"] as const) {
    test(`has the format's own words for what is no number, in ${format}`, async () => {
      const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 1e-7, -0.5];
      const samples = values.map((value, index) => ({ labels: { n: `${index} Nan\u2028` }, value }));
      const written: WrittenFamily = {
        name: "written",
        help: "Nan",
        type: "gauge",
        *write(writer) {
          for (const [index, value] of values.slice(0, 4).entries()) {
            writer.text(`written{n="${index}"} `);
            writer.reserve(1);
            writer.integerLine(value);
            yield;
          }
        },
      };
      const page = await read(makePage([{ name: "made", help: "Made.", type: "gauge", samples }, written], format));
      const families = parseExposition(page, format);
      const words = ["NaN", "+Inf", "-Inf", "1e+21", "1e-7", "-0.5"];
      const { samples: made } = families.get("made")!;
      assert.deepEqual(
        made.map(({ labels, value }) => [labels[0]?.[1], value]),
        words.map((word, index) => [`${index} Nan\u2028`, word]),
      );
      assert.deepEqual(
        families.get("written")?.samples.map(({ value }) => value),
        words.slice(0, 4),
      );
    });
  }

  test("in OpenMetrics names counters without _total in HELP and TYPE, has no empty line and one end", async () => {
    const text = await textOf([...SAMPLED, lineFamily("big", 2)], Format.OPENMETRICS);
    const families = parseExposition(Buffer.from(text), "openmetrics");
    assert.deepEqual([...families.keys()], ["app_info", "app_requests", "app_nothing", "big"]);
    assert.deepEqual(families.get("app_requests")?.samples[0]?.name, "app_requests_total");
    assert.equal(text.split("# EOF").length, 2);
  });

  test("without families is empty, but for the end mark of OpenMetrics", async () => {
    assert.equal((await textOf([])).trim(), "");
    assert.equal(await textOf([], Format.OPENMETRICS), "# EOF\n");
  });

  test("with written families alone is valid in both formats", async () => {
    for (const format of [Format.TEXT, Format.OPENMETRICS]) {
      const families = parseExposition(await read(makePage([lineFamily("big", 3)], format)), format);
      assert.equal(families.get("big")?.samples.length, 3);
    }
  });

  test("may be made again and again from the same families", async () => {
    const families = [...SAMPLED, lineFamily("big", 3)];
    const first = await textOf(families, Format.OPENMETRICS);
    await textOf(families);
    assert.equal(await textOf(families, Format.OPENMETRICS), first);
  });

  test("has every line once, however chunks are cut", async () => {
    for (const padding of [0, 1000, CHUNK_BYTES - 60, CHUNK_BYTES, 3 * CHUNK_BYTES]) {
      const lines = Math.max(5, Math.ceil((3 * CHUNK_BYTES) / (padding + 20)));
      const page = await textOf([lineFamily("a", lines, padding), lineFamily("b", 1)]);
      const numbers = [...page.matchAll(/^a\{n="(\d+)x*"\} \1$/gm)].map(([, number]) => Number(number));
      assert.deepEqual(
        numbers,
        Array.from({ length: lines }, (_, line) => line),
        `${padding}`,
      );
      assert.ok(page.endsWith('b{n="0"} 0\n'));
    }
  });

  test("is lent in chunks of bounded size, and no chunk is empty", async () => {
    for await (const chunk of makePage([...SAMPLED, lineFamily("a", 120_000), lineFamily("b", 1)], Format.TEXT)) {
      assert.ok(chunk.length > 0 && chunk.length <= CHUNK_BYTES + CHUNK_BYTES / 8, `${chunk.length} bytes`);
    }
  });

  test("passes promtool's check in both formats", { skip: lacking("promtool") }, async () => {
    const families: Family[] = [...SAMPLED, lineFamily("app_lines", 1000)];
    execFileSync("promtool", ["check", "metrics"], { input: await textOf(families) });
    // promtool reads no OpenMetrics; the strict reader stands in for it.
    parseExposition(Buffer.from(await textOf(families, Format.OPENMETRICS)), "openmetrics");
  });
});

describe("pages that are made at the same time", () => {
  test("do not write into each other's memory", async () => {
    const expected = await Promise.all(["a", "b"].map((name) => textOf([lineFamily(name, 120_000)])));
    const pages = ["a", "b"].map((name) => makePage([lineFamily(name, 120_000)], Format.TEXT));
    const read: Buffer[][] = [[], []];
    // Chunk by chunk in turn: each chunk is copied only after the other page has gone on.
    const ended = new Set<number>();
    while (ended.size < 2) {
      for (const [index, page] of pages.entries()) {
        const { value, done } = await page.next();
        if (done === true) ended.add(index);
        else read[index]!.push(Buffer.from(value));
      }
    }
    assert.deepEqual(
      read.map((chunks) => Buffer.concat(chunks).toString()),
      expected,
    );
  });

  test("keep a lent chunk as it is while another page is made", async () => {
    const slow = makePage([lineFamily("slow", 120_000)], Format.TEXT);
    await slow.next();
    const lent = (await slow.next()).value as Uint8Array;
    const before = Buffer.from(lent);
    await textOf([lineFamily("quick", 120_000)]);
    assert.ok(before.equals(lent));
    await slow.return(undefined);
  });
});

describe("a reader that stops early", () => {
  for (const chunks of [0, 1, 2, 3]) {
    test(`after ${chunks} chunks leaves nothing behind in the next page`, async () => {
      const page = makePage([...SAMPLED, lineFamily("left", 120_000)], Format.TEXT);
      for (let count = 0; count < chunks; count++) await page.next();
      await page.return(undefined);
      assert.deepEqual(await page.next(), { value: undefined, done: true });
      const next = await textOf([lineFamily("next", 3)]);
      assert.doesNotMatch(next, /left/);
      assert.equal(parseExposition(Buffer.from(next), "text").get("next")?.samples.length, 3);
    });
  }

  test("ends the family that was being written", async () => {
    let isEnded = false;
    const family: WrittenFamily = {
      ...lineFamily("left", 0),
      *write(writer) {
        try {
          for (;;) {
            writer.reserve(CHUNK_BYTES);
            writer.bytes(new Uint8Array(CHUNK_BYTES));
            yield;
          }
        } finally {
          isEnded = true;
        }
      },
    };
    const page = makePage([family], Format.TEXT);
    await page.next();
    await page.next();
    await page.return(undefined);
    assert.equal(isEnded, true);
  });
});

test("a family that fails ends its own page and no other", async () => {
  const failing: WrittenFamily = {
    ...lineFamily("failing", 0),
    // oxlint-disable-next-line eslint/require-yield
    *write(writer) {
      writer.bytes(encoder.encode("failing 1\n"));
      throw new Error("out of ink");
    },
  };
  await assert.rejects(textOf([failing]), /out of ink/);
  assert.doesNotMatch(await textOf([lineFamily("next", 3)]), /failing/);
});

test("the event loop gets a turn after every chunk", async () => {
  let turns = 0;
  let immediate = setImmediate(function turn() {
    turns++;
    immediate = setImmediate(turn);
  });
  let chunks = 0;
  for await (const _ of makePage([lineFamily("a", 200_000)], Format.TEXT)) chunks++;
  clearImmediate(immediate);
  assert.ok(chunks > 5);
  assert.ok(turns >= chunks - 2, `${turns} turns for ${chunks} chunks`);
});
