import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MemoryBudget } from "../../../../src/collectors/wialon/streams/memory-budget.ts";
import {
  Reassembly,
  type SkipReason,
  type StreamReader,
} from "../../../../src/collectors/wialon/streams/reassembly.ts";

/** Keeps what it is given, as text, with gaps as their number in brackets. */
class Recorder implements StreamReader {
  text = "";
  reads = 0;

  read(bytes: Uint8Array, start: number, end: number): void {
    this.reads++;
    this.text += Buffer.from(bytes.subarray(start, end)).toString("latin1");
  }

  skip(byteCount: number, reason: SkipReason): void {
    this.text += `[${byteCount} ${["lost", "truncated", "overflow", "stray"][reason]}]`;
  }

  restart(): void {
    this.text += "[restart]";
  }
}

/** A stream that begins at a sequence number, 100 unless it is said. */
class Site {
  readonly recorder = new Recorder();
  readonly budget: MemoryBudget;
  readonly reassembly: Reassembly;
  readonly #first: number;

  constructor(first = 100, budgetBytes = 1 << 25, isOpened = true) {
    this.#first = first;
    this.budget = new MemoryBudget(budgetBytes);
    this.reassembly = new Reassembly(this.recorder, this.budget);
    if (isOpened) this.reassembly.begin(first | 0);
  }

  /** Takes text at an offset from the beginning, of which `captured` characters were captured. The memory is lent. */
  take(offset: number, text: string, captured = text.length, now = 0): void {
    const bytes = Buffer.from(`--${text}`, "latin1");
    this.reassembly.take((this.#first + offset) | 0, bytes, 2, 2 + captured, text.length, now);
    bytes.fill("?");
  }

  acknowledge(offset: number): void {
    this.reassembly.acknowledged((this.#first + offset) | 0);
  }

  get text(): string {
    return this.recorder.text;
  }
}

describe("a stream", () => {
  test("is read in order, whatever the order of its segments", () => {
    const site = new Site();
    site.take(4, "efgh");
    site.take(2, "cd");
    assert.equal(site.text, "");
    site.take(0, "ab");
    site.take(8, "i");
    assert.equal(site.text, "abcdefghi");
    assert.equal(site.budget.usedBytes, 0);
  });

  test("is read once, however often and in whatever pieces it is sent", () => {
    const site = new Site();
    site.take(0, "abc");
    site.take(0, "abc");
    site.take(1, "bcd");
    site.take(6, "gh");
    site.take(6, "gh");
    site.take(5, "fghi");
    site.take(4, "efg");
    site.take(8, "i");
    assert.equal(site.text, "abcdefghi");
    assert.equal(site.budget.usedBytes, 0);
  });

  test("goes on over the end of the sequence numbers", () => {
    for (const first of [2 ** 32 - 3, 2 ** 31 - 3, 2 ** 31 + 5]) {
      const site = new Site(first);
      site.take(4, "ef");
      site.take(0, "abcd");
      site.take(6, "g");
      site.take(2, "cd");
      assert.equal(site.text, "abcdefg");
    }
  });

  test("takes a keep-alive, one byte before what is next, for what it is", () => {
    const site = new Site();
    site.take(0, "abc");
    site.take(2, "?");
    site.take(3, "d");
    assert.equal(site.text, "abcd");
  });

  test("that was joined in the middle begins with the first segment seen", () => {
    const site = new Site(7000, 1 << 20, false);
    site.take(10, "ab");
    site.take(8, "yz");
    site.take(12, "c");
    assert.equal(site.text, "abc");
  });

  test("leaves out a hole that the other side acknowledges to have", () => {
    const site = new Site();
    site.take(0, "ab");
    site.take(4, "ef");
    site.acknowledge(3);
    assert.equal(site.text, "ab");
    site.take(8, "ij");
    site.acknowledge(6);
    assert.equal(site.text, "ab[2 lost]ef");
    site.acknowledge(10);
    assert.equal(site.text, "ab[2 lost]ef[2 lost]ij");
    site.take(2, "cd");
    assert.equal(site.text, "ab[2 lost]ef[2 lost]ij", "what comes too late is old");
  });

  test("leaves out a hole when it is old", () => {
    const site = new Site();
    site.take(4, "ef", 2, 10);
    site.reassembly.giveUp(20, 10);
    assert.equal(site.text, "");
    site.reassembly.giveUp(21, 10);
    assert.equal(site.text, "[4 lost]ef");
  });

  test("knows how much of a segment was not captured", () => {
    const site = new Site();
    site.take(0, "abcd", 1);
    site.take(4, "efgh");
    site.take(10, "kl", 0);
    site.take(8, "ij", 1);
    site.take(12, "m");
    assert.equal(site.text, "a[3 truncated]efghi[1 truncated][2 truncated]m");
    site.take(0, "abcdefghijklmnop", 14);
    assert.equal(site.text, "a[3 truncated]efghi[1 truncated][2 truncated]mn[2 truncated]");
  });

  test("holds no more than a megabyte, and leaves out the oldest hole for more", () => {
    const site = new Site();
    const kilobyte = "x".repeat(1024);
    for (let count = 0; count < 900; count++) site.take(10 + count * 2048, kilobyte);
    assert.match(site.text, /^\[10 overflow\]x/);
    assert.ok(site.budget.usedBytes <= 1 << 20, `${site.budget.usedBytes}`);
  });

  test("holds no more than there is memory for all streams together", () => {
    const site = new Site(100, 600);
    site.take(2, "c".repeat(100));
    site.take(200, "d".repeat(400));
    assert.equal(site.text, `[200 overflow]${"d".repeat(400)}`);
    site.take(602, "f");
    site.take(600, "ee");
    assert.equal(site.text, `[200 overflow]${"d".repeat(400)}eef`);
    assert.equal(site.budget.usedBytes, 0);
  });

  test("is charged for every segment it holds, so that small ones do not exhaust the memory", () => {
    const site = new Site();
    for (let count = 0; count < 100_000; count++) site.take(10 + 2 * count, "x");
    assert.ok(site.budget.usedBytes <= 1 << 20);
    site.reassembly.release();
    assert.equal(site.budget.usedBytes, 0);
  });

  test("is not led astray by a segment far away, but follows two that continue each other", () => {
    const site = new Site();
    site.take(0, "ab");
    site.take(1_000_000_000, "yy");
    site.take(2, "cd");
    site.take(1_500_000_000, "wx");
    site.take(1_500_000_002, "yz");
    site.take(1_500_000_004, "!");
    assert.equal(site.text, "ab[2 stray]cd[2 stray][restart]yz!");
  });

  test("ends with the last byte before its FIN", () => {
    const site = new Site();
    site.reassembly.finish(104);
    site.take(2, "cd");
    assert.equal(site.reassembly.isFinished, false);
    site.take(0, "ab");
    assert.equal(site.reassembly.isFinished, true);
  });
});

describe("the bounds of a stream:", () => {
  const WINDOW_BYTES = 8 * 1024 * 1024;
  const MAX_HELD_BYTES = 1024 * 1024;
  /** What a held segment costs besides its bytes. */
  const OVERHEAD_BYTES = 256;

  test("what is as far as the window reaches is near, and no byte more", () => {
    const { reassembly } = new Site();
    const near = [-WINDOW_BYTES - 1, -WINDOW_BYTES, WINDOW_BYTES, WINDOW_BYTES + 1].map((distance) =>
      reassembly.isNear(100 + distance),
    );
    assert.deepEqual(near, [false, true, true, false]);
  });

  test("one byte more than was read is news, none is not", () => {
    const site = new Site();
    site.take(0, "ab");
    assert.equal(site.reassembly.isNews(100, 2), false);
    assert.equal(site.reassembly.isNews(100, 3), true);
  });

  test("what was read to its last byte is not read again", () => {
    const site = new Site();
    site.take(0, "abc");
    site.take(0, "abc");
    assert.equal(site.recorder.reads, 1);
    site.take(7, "hi");
    site.take(3, "defghi");
    assert.equal(site.text, "abcdefghi");
    assert.equal(site.recorder.reads, 2);
  });

  test("a segment that comes early twice is held once", () => {
    const site = new Site();
    site.take(4, "ef");
    site.take(4, "ef");
    assert.equal(site.budget.usedBytes, 2 + OVERHEAD_BYTES);
  });

  test("an acknowledgment that reaches a held segment shows the hole before it, one from afar shows nothing", () => {
    const site = new Site();
    site.take(4, "ef");
    site.acknowledge(WINDOW_BYTES + 1);
    assert.equal(site.text, "");
    site.acknowledge(4);
    assert.equal(site.text, "[4 lost]ef");
  });

  test("a FIN from afar is none", () => {
    const site = new Site();
    site.reassembly.finish(104);
    site.reassembly.finish(100 + WINDOW_BYTES + 1);
    site.take(0, "abcd");
    assert.equal(site.reassembly.isFinished, true);
  });

  test("a megabyte is held, and no byte more", () => {
    const first = "x".repeat(MAX_HELD_BYTES - 2 * OVERHEAD_BYTES - 1);
    const full = new Site();
    full.take(10, first);
    full.take(10 + first.length, "y");
    assert.equal(full.text, "");
    assert.equal(full.budget.usedBytes, MAX_HELD_BYTES);
    const overfull = new Site();
    overfull.take(10, first);
    overfull.take(10 + first.length, "yz");
    assert.equal(overfull.text, `[10 overflow]${first}yz`);
    assert.equal(overfull.budget.usedBytes, 0);
  });

  test("what fills the hole is never too much", () => {
    const site = new Site();
    const held = "x".repeat(MAX_HELD_BYTES - OVERHEAD_BYTES);
    site.take(10, held);
    site.take(0, "0123456789");
    assert.equal(site.text, `0123456789${held}`);
  });
});

/** Pieces of a text of so many characters, together all of it, and some twice. */
function piecesOf(length: number): fc.Arbitrary<[from: number, to: number][]> {
  const piece = fc.tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 40 }));
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: length - 1 }), { maxLength: 60 });
  return fc.tuple(cuts, fc.array(piece, { maxLength: 40 })).chain(([inside, more]) => {
    const borders = [0, ...inside.toSorted((a, b) => a - b), length];
    const all = borders.slice(1).map((to, index): [number, number] => [borders[index]!, to]);
    const repeated = more.map(([from, bytes]): [number, number] => [from, Math.min(length, from + bytes)]);
    const pieces = [...all, ...repeated];
    return fc.shuffledSubarray(pieces, { minLength: pieces.length, maxLength: pieces.length });
  });
}

test("any pieces in any order make the text, and leave nothing behind", () => {
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const text = Array.from({ length: 300 }, (_, index) => letters[(index * 7) % 26]).join("");
  fc.assert(
    fc.property(piecesOf(text.length), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (pieces, first) => {
      const site = new Site(first);
      for (const [from, to] of pieces) site.take(from, text.slice(from, to));
      assert.equal(site.text, text);
      assert.equal(site.budget.usedBytes, 0);
    }),
    { numRuns: 500 },
  );
});
