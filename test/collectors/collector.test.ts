import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { areComplete, type Collector, CollectorSet } from "../../src/collectors/collector.ts";
import { PromtapError } from "../../src/errors.ts";
import type { Family, SampledFamily } from "../../src/page/family.ts";

const FAMILY: Family = { name: "app_info", help: "Works.", type: "gauge", samples: [{ value: 1 }] };
/** Far enough for all that ends by itself. */
const IN_TIME_MS = 60_000;

class FakeCollector implements Collector {
  readonly name: string;
  collect: Collector["collect"];

  constructor(name: string, collect: Collector["collect"]) {
    this.name = name;
    this.collect = collect;
  }
}

const working = (name: string) => new FakeCollector(name, async () => [{ ...FAMILY, name: `${name}_info` }]);
const failing = (name: string, message: string) => new FakeCollector(name, () => Promise.reject(new Error(message)));
const hanging = (name: string) => new FakeCollector(name, () => new Promise(() => {}));

type Change = [collector: string, error: string | undefined];

function setOf(collectors: Collector[], share = 1): { set: CollectorSet; changes: Change[] } {
  const changes: Change[] = [];
  return { set: new CollectorSet(collectors, share, (...change) => changes.push(change)), changes };
}

function successes(families: Family[]): Record<string, number> {
  const family = families.find(({ name }) => name === "promtap_collector_success") as SampledFamily;
  return Object.fromEntries(family.samples.map(({ labels, value }) => [labels!["collector"]!, value]));
}

function names(families: Family[]): string[] {
  return families.map(({ name }) => name).filter((name) => !name.startsWith("promtap_collector_"));
}

test("the families of all collectors come in the order of the collectors", async () => {
  const slow = new FakeCollector("slow", async () => {
    await new Promise(setImmediate);
    return [{ ...FAMILY, name: "slow_info" }];
  });
  const { set, changes } = setOf([slow, working("quick")]);
  const families = await set.collect(performance.now() + IN_TIME_MS);
  assert.deepEqual(names(families), ["slow_info", "quick_info"]);
  assert.deepEqual(successes(families), { slow: 1, quick: 1 });
  assert.deepEqual(changes, []);
});

test("a collector that fails leaves its own families out and no others", async () => {
  const throwing = new FakeCollector("throwing", () => {
    throw new Error("no such table");
  });
  const { set, changes } = setOf([working("first"), failing("broken", "no such file"), throwing, working("last")]);
  const families = await set.collect(performance.now() + IN_TIME_MS);
  assert.deepEqual(names(families), ["first_info", "last_info"]);
  assert.deepEqual(successes(families), { first: 1, broken: 0, throwing: 0, last: 1 });
  assert.deepEqual(Object.fromEntries(changes), { broken: "no such file", throwing: "no such table" });
});

test("what is thrown need not be an error", async () => {
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  const { set, changes } = setOf([new FakeCollector("odd", () => Promise.reject("just words"))]);
  await set.collect(performance.now() + IN_TIME_MS);
  assert.deepEqual(changes, [["odd", "just words"]]);
});

test("a collector that hangs is left out at the deadline, and the page is made", async () => {
  const { set, changes } = setOf([hanging("stuck"), working("fine")]);
  const start = performance.now();
  const families = await set.collect(start + 50);
  const tookMs = performance.now() - start;
  assert.ok(tookMs >= 45 && tookMs < 5000, `${tookMs} ms`);
  assert.deepEqual(successes(families), { stuck: 0, fine: 1 });
  assert.match(changes[0]![1]!, /wasn't done in its share of the scrape's time/);
});

test("a deadline that has passed leaves out what is not done at once", async () => {
  const { set } = setOf([hanging("stuck"), working("fine")]);
  assert.deepEqual(successes(await set.collect(performance.now() - 1000)), { stuck: 0, fine: 1 });
});

test("a collector that fails after the deadline harms nobody", async () => {
  const { promise, reject } = Promise.withResolvers<Family[]>();
  const { set, changes } = setOf([new FakeCollector("late", () => promise)]);
  await set.collect(performance.now() + 1);
  reject(new Error("too late"));
  await new Promise(setImmediate);
  assert.equal(changes.length, 1);
});

test("each collector is told the end of its share, and the page waits no longer", async () => {
  const deadlines: number[] = [];
  const asked = new FakeCollector("asked", async (deadline) => {
    deadlines.push(deadline);
    return [];
  });
  const { set } = setOf([asked, hanging("stuck"), asked], 0.01);
  const start = performance.now();
  const families = await set.collect(start + 20_000);
  const tookMs = performance.now() - start;
  assert.deepEqual(successes(families), { asked: 1, stuck: 0 });
  assert.ok(tookMs >= 195 && tookMs < 10_000, `${tookMs} ms`);
  assert.equal(deadlines.length, 2);
  for (const deadline of deadlines) {
    assert.ok(deadline > start + 190 && deadline < start + 10_000, `${deadline - start} ms`);
  }
});

test("a collector that is late is not asked again while it goes on, and then it is", async () => {
  const runs: PromiseWithResolvers<Family[]>[] = [];
  const slow = new FakeCollector("slow", () => {
    const run = Promise.withResolvers<Family[]>();
    runs.push(run);
    return run.promise;
  });
  const { set, changes } = setOf([slow]);
  const scrape = (ms: number) => set.collect(performance.now() + ms);
  await Promise.all([scrape(20), scrape(20)]);
  assert.equal(runs.length, 2, "of two scrapes at once none is late");
  runs[0]!.resolve([]);
  assert.deepEqual(successes(await scrape(20)), { slow: 0 });
  assert.equal(runs.length, 2);
  assert.equal(changes.length, 1);
  const page = scrape(IN_TIME_MS);
  runs[1]!.reject(new Error("too late"));
  while (runs.length < 3) await new Promise(setImmediate);
  runs[2]!.resolve([FAMILY]);
  assert.deepEqual(names(await page), ["app_info"]);
  assert.deepEqual(changes.slice(1), [["slow", undefined]]);
});

test("a collector that holds the event loop takes no time from others", async () => {
  const reading = (name: string) =>
    new FakeCollector(name, async () => {
      for (let part = 0; part < 3; part++) await readFile(import.meta.filename);
      return [];
    });
  const holding = new FakeCollector("holding", async () => {
    const end = performance.now() + 100;
    while (performance.now() < end) continue;
    return [];
  });
  const { set } = setOf([reading("before"), holding, holding, reading("after")], 0.01);
  assert.deepEqual(successes(await set.collect(performance.now() + 5000)), { before: 1, holding: 1, after: 1 });
});

test("a change of state is told once", async () => {
  const collector = working("a");
  const { collect } = collector;
  const { set, changes } = setOf([collector]);
  const scrapes: [Collector["collect"], expected: Change[]][] = [
    [collect, []],
    [failing("a", "broken").collect, [["a", "broken"]]],
    [failing("a", "broken").collect, []],
    [failing("a", "worse").collect, [["a", "worse"]]],
    [collect, [["a", undefined]]],
    [collect, []],
    [failing("a", "worse").collect, [["a", "worse"]]],
  ];
  for (const [behaviour, expected] of scrapes) {
    collector.collect = behaviour;
    await set.collect(performance.now() + IN_TIME_MS);
    assert.deepEqual(changes.splice(0), expected);
  }
});

test("the time of each collector is on the page", async () => {
  const { set } = setOf([working("a"), failing("b", "broken")]);
  const families = await set.collect(performance.now() + IN_TIME_MS);
  const durations = families.find(({ name }) => name === "promtap_collector_duration_seconds") as SampledFamily;
  assert.deepEqual(
    durations.samples.map(({ labels }) => labels),
    [{ collector: "a" }, { collector: "b" }],
  );
  for (const { value } of durations.samples) assert.ok(value >= 0 && value < 5);
});

const NONE: string[] = [];

test("collectors are chosen by name or left out by name, in their own order, and no others are asked", async () => {
  const { set, changes } = setOf([working("first"), failing("second", "asked"), working("third")]);
  for (const [collect, exclude, expected] of [
    [NONE, NONE, ["first", "second", "third"]],
    [["third", "first", "third"], NONE, ["first", "third"]],
    [NONE, ["second"], ["first", "third"]],
    [NONE, ["first", "second", "third"], []],
  ] as const) {
    assert.deepEqual(
      set.chosen(collect, exclude).map(({ name }) => name),
      expected,
    );
  }
  const families = await set.collect(performance.now() + IN_TIME_MS, set.chosen(NONE, ["second"]));
  assert.deepEqual(successes(families), { first: 1, third: 1 });
  assert.deepEqual(names(families), ["first_info", "third_info"]);
  assert.deepEqual(changes, []);
});

test("a choice that can't be is an error of the request, in one line that names what there is", () => {
  const { set } = setOf([working("first"), working("second")]);
  const unknown = new PromtapError("REQUEST", "unknown collector; there are first, second");
  assert.throws(() => set.chosen(["first", "third"], NONE), unknown);
  assert.throws(() => set.chosen(NONE, ["third"]), unknown);
  assert.throws(() => set.chosen([""], NONE), unknown);
  const both = new PromtapError("REQUEST", "collect[] and exclude[] exclude each other");
  assert.throws(() => set.chosen(["first"], ["second"]), both);
});

test("families are complete when no collector that was asked failed", async () => {
  const { set } = setOf([working("first"), failing("second", "no")]);
  const until = performance.now() + IN_TIME_MS;
  assert.equal(areComplete(await set.collect(until)), false);
  assert.equal(areComplete(await set.collect(until, set.chosen(["first"], NONE))), true);
});

test("families that a collector had are known when they are gone, as long as it is asked", async () => {
  let had = [FAMILY];
  const changing = new FakeCollector("changing", async () => had);
  const steady = working("steady");
  const { set } = setOf([changing, steady]);
  assert.deepEqual(set.familiesOf([changing]), []);
  await set.collect(performance.now() + IN_TIME_MS);
  had = [];
  await set.collect(performance.now() + IN_TIME_MS);
  assert.deepEqual(set.familiesOf([changing]), [{ name: "app_info", type: "gauge" }]);
  assert.deepEqual(set.familiesOf([steady]), [{ name: "steady_info", type: "gauge" }]);
  set.use([steady]);
  assert.deepEqual(set.familiesOf([changing]), []);
});
