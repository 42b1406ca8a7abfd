import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Attempts, FIRST_PAUSE_MS, MAX_PAUSE_MS, TRIALS } from "../../../src/capture/taps/attempts.ts";

interface Item {
  name: string;
}

function items(count: number): Item[] {
  return Array.from({ length: count }, (_, index) => ({ name: `item${index}` }));
}

/** Attempts that fail as a test says, by a clock that a test sets. */
class Rig {
  readonly attempts: Attempts<Item>;
  /** Names of what was tried, in order. */
  readonly tried: string[] = [];
  readonly told: [names: string[], reason: string][] = [];
  /** Why items fail. */
  reasonOf: (item: Item) => string | undefined = () => undefined;
  readonly #test: TestContext;
  #nowMs = 0;

  constructor(context: TestContext) {
    this.#test = context;
    context.mock.timers.enable({ apis: ["setTimeout"] });
    this.attempts = new Attempts<Item>(
      async (item) => {
        this.tried.push(item.name);
        const reason = this.reasonOf(item);
        if (reason !== undefined) throw new Error(reason);
        return true;
      },
      (failed, reason) => this.told.push([failed.map(({ name }) => name), reason]),
      () => this.#nowMs,
    );
  }

  /** Lets time pass, and what is due then be tried; returns what was. */
  async pass(ms: number): Promise<string[]> {
    const before = this.tried.length;
    this.#nowMs += ms;
    this.#test.mock.timers.tick(ms);
    await this.attempts.settled();
    return this.tried.slice(before);
  }

  async add(...added: Item[]): Promise<void> {
    for (const item of added) this.attempts.add(item);
    await this.attempts.settled();
  }
}

test("what fails is tried again after pauses that double up to the longest, and told of once", async (t) => {
  const rig = new Rig(t);
  rig.reasonOf = () => "no room";
  await rig.add(...items(1));
  const pausesMs: number[] = [];
  for (let round = 0; round < 9; round++) {
    let pauseMs = 0;
    do pauseMs += FIRST_PAUSE_MS;
    while ((await rig.pass(FIRST_PAUSE_MS)).length === 0);
    pausesMs.push(pauseMs);
  }
  assert.deepEqual(pausesMs, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, MAX_PAUSE_MS]);
  assert.deepEqual(rig.told, [[["item0"], "no room"]]);
});

test("those that fail for one reason share a pause, and a few of them are tried for all, others the next time", async (t) => {
  const rig = new Rig(t);
  rig.reasonOf = () => "no room";
  await rig.add(...items(200));
  assert.equal(rig.told.length, 1);
  assert.equal(rig.told[0]![0].length, 200);
  const first = await rig.pass(1000);
  const second = await rig.pass(2000);
  assert.equal(first.length, TRIALS);
  assert.equal(new Set([...first, ...second]).size, 2 * TRIALS);
  assert.equal(rig.told.length, 1);
});

test("when one of them works all of them are tried", async (t) => {
  const rig = new Rig(t);
  rig.reasonOf = () => "no room";
  await rig.add(...items(50));
  rig.reasonOf = () => undefined;
  assert.equal((await rig.pass(1000)).length, 50);
  assert.deepEqual(await rig.pass(MAX_PAUSE_MS), []);
});

test("each reason has its own pause", async (t) => {
  const rig = new Rig(t);
  const [a, b] = items(2) as [Item, Item];
  rig.reasonOf = (item) => (item === a ? "no room" : "no filter");
  await rig.add(a);
  await rig.pass(900);
  await rig.add(b);
  assert.deepEqual(await rig.pass(100), ["item0"]);
  assert.deepEqual(await rig.pass(900), ["item1"]);
  assert.deepEqual(rig.told, [
    [["item0"], "no room"],
    [["item1"], "no filter"],
  ]);
});

test("a change shortens the pause, but to the first one at best, however often it comes", async (t) => {
  const rig = new Rig(t);
  const [a] = items(1) as [Item];
  rig.reasonOf = () => "no room";
  await rig.add(a);
  await rig.pass(1000);
  await rig.pass(2000);
  for (let ms = 0; ms < 990; ms += 10) {
    await rig.add(a);
    assert.deepEqual(await rig.pass(10), []);
  }
  assert.deepEqual(await rig.pass(10), ["item0"]);
});

test("all that failed can be hurried, as much as one of them", async (t) => {
  const rig = new Rig(t);
  rig.reasonOf = () => "no room";
  await rig.add(...items(2));
  await rig.pass(1000);
  rig.attempts.hurry();
  assert.deepEqual(await rig.pass(999), []);
  assert.deepEqual(await rig.pass(1), ["item0", "item1"]);
});

test("an attempt that makes somebody ask for the same does not lead to the next one at once", async (t) => {
  const rig = new Rig(t);
  const [a] = items(1) as [Item];
  rig.reasonOf = (item) => {
    rig.attempts.add(item);
    return "no filter";
  };
  await rig.add(a);
  assert.deepEqual(rig.tried, ["item0"]);
  assert.deepEqual(await rig.pass(999), []);
  assert.deepEqual(await rig.pass(1), ["item0"]);
});

test("what is removed is tried no more", async (t) => {
  const rig = new Rig(t);
  const [a, b] = items(2) as [Item, Item];
  rig.reasonOf = () => "no room";
  await rig.add(a);
  rig.attempts.remove(a);
  rig.attempts.add(b);
  rig.attempts.remove(b);
  assert.deepEqual(await rig.pass(MAX_PAUSE_MS), []);
});

test("nothing is tried after the stop", async (t) => {
  const rig = new Rig(t);
  rig.reasonOf = () => "no room";
  await rig.add(...items(3));
  const stopped = rig.attempts.stop();
  rig.attempts.add({ name: "late" });
  await stopped;
  assert.deepEqual(await rig.pass(MAX_PAUSE_MS), []);
});

test("many attempts leave the event loop to others after every few", async () => {
  let turns = 0;
  const attempts = new Attempts<Item>(
    async () => {
      const end = performance.now() + 4;
      while (performance.now() < end);
      return true;
    },
    () => {},
    () => 0,
  );
  const many = items(50);
  for (const item of many) attempts.add(item);
  const count = (): void => void (turns++, (immediate = setImmediate(count)));
  let immediate = setImmediate(count);
  await attempts.settled();
  clearImmediate(immediate);
  assert.ok(turns >= many.length / 4, `${turns} turns`);
});
