import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LOOKS, TopList } from "../../../src/status/lists/top-list.ts";
import { FakeList } from "./fake-list.ts";

test("the largest by sum are those that counted most, and by rate those that grew most since the look before", async () => {
  const counts = fc.array(fc.nat(1000), { minLength: 1, maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(counts, counts, async (first, growths) => {
      const list = new FakeList();
      const top = new TopList(list);
      list.counts.push(...first);
      await top.look();
      for (const [place, growth] of growths.entries()) list.counts[place] = (list.counts[place] ?? 0) + growth;
      await top.look();
      const largest = (values: readonly number[]) =>
        values
          .filter((value) => value > 0)
          .toSorted((a, b) => b - a)
          .slice(0, 10);
      const { byRate, bySum } = top.top;
      assert.deepEqual(
        bySum.map(({ sum }) => sum),
        largest(list.counts),
      );
      // What was not there before grows from its first look on.
      const grown = largest(growths.slice(0, first.length).filter((_, place) => first[place]! > 0));
      assert.equal(byRate.length, grown.length);
      for (const [index, { rate }] of byRate.entries()) {
        assert.ok(Math.abs(rate / byRate[0]!.rate - grown[index]! / grown[0]!) < 1e-9);
      }
    }),
  );
});

test("a chart has the last rates, also of what was among the largest for a while, and none of what had the place before", async () => {
  const list = new FakeList();
  const top = new TopList(list);
  list.counts.push(1, 1);
  await top.look();
  for (let look = 0; look < LOOKS + 5; look++) {
    list.counts[0]! += look % 2;
    list.counts[1]! += 1;
    await top.look();
  }
  const history = () => top.top.bySum.find(({ name }) => name === "thing 0")!.history;
  assert.equal(history().length, LOOKS);
  assert.deepEqual(
    history().map((rate) => rate > 0),
    Array.from({ length: LOOKS }, (_, index) => (index + 5) % 2 === 1),
  );
  list.editions[0] = 1;
  await top.look();
  assert.deepEqual(history(), [0]);
});

test("what is searched for is found by its name or by what else is said of it, the largest first", async () => {
  const list = new FakeList();
  const top = new TopList(list);
  for (let place = 0; place < 2000; place++) list.counts.push(place);
  await top.look();
  const found = await top.find("THING 19", 3);
  assert.equal(found.count, 1 + 10 + 100);
  assert.deepEqual(
    found.lines.map(({ sum }) => sum),
    [1999, 1998, 1997],
  );
  assert.equal((await top.find("odd", 3)).count, 1000);
  assert.equal((await top.find("<script>", 3)).count, 0);
});

test("what is found has the rate of the last look, as what is largest has", async () => {
  const list = new FakeList();
  const top = new TopList(list);
  list.counts.push(1, 1);
  await top.look();
  list.counts[1]! += 1000;
  await top.look();
  const [found] = (await top.find("thing 1", 1)).lines;
  assert.ok(found!.rate > 0);
  assert.equal(found!.rate, top.top.byRate[0]!.rate);
});

test("what grew since a look that is long ago has no rate of now", async (t) => {
  const list = new FakeList();
  const top = new TopList(list);
  list.counts.push(1);
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const lookAfter = async (seconds: number): Promise<number[]> => {
    nowMs += 1000 * seconds;
    list.counts[0]! += 1000;
    await top.look();
    return top.top.byRate.map(({ rate }) => rate);
  };
  assert.deepEqual(
    [await lookAfter(0), await lookAfter(10), await lookAfter(61), await lookAfter(1)],
    [[], [100], [], [1000]],
  );
});
