import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Series, SeriesTable } from "../../../src/collectors/wialon/series-table.ts";

const SUM = 0;
const HIGHEST = 1;

function shown(table: SeriesTable): Map<string, number[]> {
  using held = table.hold();
  const rows = held.rows.slice(held.firstRow);
  const values = rows.map((series): [string, number[]] => [
    series.key,
    [SUM, HIGHEST].map((column) => table.of(series, column)),
  ]);
  assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length);
  return new Map(values);
}

/** Keys with a row, the one that is silent longest first, and what they and `other` count. */
class Model {
  readonly own = new Map<string, number[]>();
  other: number[] | undefined;
  evictions = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  count(key: string, value: number, isHeld: boolean): void {
    let counts = this.own.get(key) ?? [0, 0];
    const isRefused = this.#limit === 0 || (isHeld && !this.own.has(key) && this.own.size >= this.#limit);
    if (key === "other" || isRefused) {
      counts = this.other ??= [0, 0];
    } else {
      this.own.delete(key);
      this.own.set(key, counts);
      if (this.own.size > this.#limit) this.#evict();
    }
    counts[SUM]! += value;
    counts[HIGHEST] = Math.max(counts[HIGHEST]!, value);
  }

  #evict(): void {
    const [key, counts] = this.own.entries().next().value!;
    this.own.delete(key);
    this.evictions++;
    this.other ??= [0, 0];
    this.other[SUM]! += counts[SUM]!;
    this.other[HIGHEST] = Math.max(this.other[HIGHEST]!, counts[HIGHEST]!);
  }
}

const step = fc.record({
  key: fc.oneof(fc.constantFrom("a", "b", "c", "d", "other"), fc.nat(3000).map(String)),
  value: fc.integer({ min: 1, max: 9 }),
  isKept: fc.boolean(),
});

test("counts are those of a model that gives up what is silent longest, by keys that are looked up or kept", () => {
  const property = fc.property(fc.integer({ min: 0, max: 5 }), fc.array(step, { maxLength: 100 }), (limit, steps) => {
    const table = new SeriesTable(2, limit, "other", HIGHEST);
    const model = new Model(limit);
    const kept = new Map<string, Series>();
    for (const { key, value, isKept } of steps) {
      const before = kept.get(key);
      const series = isKept && before !== undefined ? table.touch(before) : table.claim(key);
      kept.set(key, series);
      table.add(series, SUM, value);
      table.raise(series, HIGHEST, value);
      model.count(key, value, false);
    }
    const expected = new Map(model.own);
    if (model.other !== undefined) expected.set("other", model.other);
    assert.deepEqual(shown(table), expected);
    assert.equal(table.evictions, model.evictions);
  });
  fc.assert(property, { numRuns: 500 });
});

test("as long as it is held nobody loses a row, and what is new is under other", () => {
  const table = new SeriesTable(2, 1, "other");
  table.add(table.claim("a"), SUM, 5);
  const held = table.hold();
  const late = table.claim("b");
  table.add(late, SUM, 3);
  assert.deepEqual(
    [...shown(table)],
    [
      ["other", [3, 0]],
      ["a", [5, 0]],
    ],
  );
  held[Symbol.dispose]();
  table.add(table.touch(late), SUM, 1);
  assert.deepEqual(
    [...shown(table)],
    [
      ["other", [8, 0]],
      ["b", [1, 0]],
    ],
  );
});

test("what lost its row comes back when a page was without it, so that no counter goes back from page to page", () => {
  const keys = fc.constantFrom(...Array.from({ length: 8 }, (_, key) => `${key}`));
  const pages = fc.array(fc.array(keys, { maxLength: 30 }), { maxLength: 12 });
  const property = fc.property(fc.integer({ min: 1, max: 5 }), pages, (limit, packets) => {
    const table = new SeriesTable(1, limit, "other");
    let before = new Map<string, number>();
    for (const each of packets) {
      for (const key of each) table.add(table.claim(key), SUM);
      table.beginPage();
      using held = table.hold();
      const page = new Map(held.rows.map((series) => [series.key, table.of(series, SUM)]));
      for (const [key, value] of page) assert.ok(value >= (before.get(key) ?? 0), key);
      before = page;
    }
    assert.equal(
      [...before.values()].reduce((sum, value) => sum + value, 0),
      packets.flat().length,
    );
  });
  fc.assert(property, { numRuns: 500 });
});

test("of those that come and go without end, so many are remembered as have a row", () => {
  const table = new SeriesTable(1, 10, "other");
  for (let key = 0; key < 10; key++) table.add(table.claim(`${key}`), SUM);
  for (let page = 0; page < 2; page++) table.beginPage();
  for (let key = 10; key < 1000; key++) table.add(table.claim(`${key}`), SUM);
  assert.equal(table.evictions, 10);
  for (let page = 0; page < 2; page++) table.beginPage();
  table.add(table.claim("1000"), SUM);
  assert.equal(table.evictions, 11);
});

test("what is active from page to page keeps its row, if more are active than the limit", () => {
  const table = new SeriesTable(1, 3, "other");
  table.beginPage();
  const active = ["a", "b", "c", "d", "e"];
  for (let page = 0; page < 20; page++) {
    for (const key of active) table.add(table.claim(key), SUM);
    table.beginPage();
  }
  assert.equal(table.evictions, 0);
  assert.deepEqual([...shown(table).keys()], ["other", "a", "b", "c"]);
  // Once one of them is silent from a page to the next, what has waited has its row.
  for (let page = 0; page < 2; page++) {
    for (const key of ["b", "c", "d"]) table.add(table.claim(key), SUM);
    table.beginPage();
  }
  table.add(table.claim("d"), SUM);
  assert.deepEqual([...shown(table).keys()], ["other", "d", "b", "c"]);
  const sum = [...shown(table).values()].reduce((all, [value]) => all + value!, 0);
  assert.equal(sum, 20 * 5 + 2 * 3 + 1);
});

test("thousands of series keep their counts apart", () => {
  const table = new SeriesTable(2, 5000, "other");
  for (let key = 0; key < 5000; key++) table.add(table.claim(`${key}`), SUM, key);
  for (let key = 0; key < 5000; key++) assert.equal(table.of(table.claim(`${key}`), SUM), key);
  assert.equal(shown(table).size, 5000);
  assert.equal(table.evictions, 0);
});
