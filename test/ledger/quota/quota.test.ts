import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Quota } from "../../../src/ledger/quota/quota.ts";
import { FREE, type Places } from "../../../src/ledger/quota/silence.ts";

interface Holder {
  name: string;
  packets: number;
  hasSent: boolean;
}

/** Names that have places, as somebody would count them. */
class Names implements Places {
  readonly quota: Quota;
  readonly places: (Holder | undefined)[] = [];
  /** In the order in which they lost their place. */
  readonly evicted: string[] = [];
  looked = 0;

  constructor(limit: number) {
    this.quota = new Quota(limit, () => [this]);
  }

  get count(): number {
    return this.places.length;
  }

  get names(): string[] {
    return this.places.flatMap((holder) => holder?.name ?? []).toSorted();
  }

  activity(place: number): number {
    this.looked++;
    return this.places[place]?.packets ?? FREE;
  }

  hasSent(place: number): boolean {
    return this.places[place]!.hasSent;
  }

  vacate(place: number): void {
    this.evicted.push(this.places[place]!.name);
    this.places[place] = undefined;
  }

  /** Whether the packet counts for the name. */
  packet(name: string, sends: boolean): boolean {
    let holder = this.places.find((each) => each?.name === name);
    if (holder === undefined) {
      if (!this.quota.take(sends)) return false;
      const free = this.places.indexOf(undefined);
      holder = { name, packets: 0, hasSent: false };
      this.places[free < 0 ? this.places.length : free] = holder;
    }
    holder.packets++;
    holder.hasSent ||= sends;
    return true;
  }

  send(...names: string[]): boolean[] {
    return names.map((name) => this.packet(name, true));
  }

  receive(...names: string[]): boolean[] {
    return names.map((name) => this.packet(name, false));
  }

  look(): void {
    for (const _ of this.quota.look());
  }
}

test("what is new takes the place of what has been silent longest, once that is known", () => {
  const names = new Names(4);
  names.send("a", "b", "c", "d");
  assert.deepEqual(names.send("e"), [false]);
  names.look();
  assert.deepEqual(names.send("b", "d", "e"), [true, true, false], "nobody has been silent between two looks");
  names.look();
  names.send("c");
  names.look();
  assert.deepEqual(names.send("e", "f", "g"), [true, true, true]);
  assert.deepEqual(names.evicted, ["a", "b", "d"]);
  assert.deepEqual(names.send("h", "a"), [false, false]);
  assert.deepEqual(names.names, ["c", "e", "f", "g"]);
  assert.equal(names.quota.used, 4);
});

test("what is found silent and speaks again keeps its place", () => {
  const names = new Names(2);
  names.send("a", "b");
  names.look();
  names.look();
  names.send("a");
  assert.deepEqual(names.send("c", "d"), [true, false]);
  assert.deepEqual(names.names, ["a", "c"]);
});

test("what only received goes first, however short it has been silent", () => {
  const names = new Names(4);
  names.send("a", "b");
  names.receive("scanned");
  names.send("c");
  names.look();
  names.receive("scanned");
  names.look();
  names.look();
  assert.deepEqual(names.send("new"), [true]);
  assert.deepEqual(names.evicted, ["scanned"]);
});

test("what only receives takes no place of what sends, and leaves some of the others to what sends", () => {
  const names = new Names(20);
  names.send("a", "b", "c", "d");
  names.receive(...Array.from({ length: 16 }, (_, k) => `scanned ${k}`));
  names.look();
  names.look();
  const again = names.receive(...Array.from({ length: 16 }, (_, k) => `scanned again ${k}`));
  assert.equal(again.filter((isCounted) => isCounted).length, 14);
  assert.deepEqual(names.send("e", "f", "g"), [true, true, true]);
  assert.deepEqual(names.evicted.slice(-3), ["scanned 14", "scanned 15", "a"]);
});

test("a set of which all are active does not turn over", () => {
  const names = new Names(3);
  for (let round = 0; round < 5; round++) {
    names.send("a", "b", "c");
    assert.deepEqual(names.send("d", "e"), [false, false]);
    names.look();
  }
  assert.deepEqual(names.evicted, []);
});

test("nothing loses its place as long as somebody reads them", () => {
  const names = new Names(1);
  names.send("a");
  names.look();
  names.look();
  {
    using _ = names.quota.hold();
    using first = names.quota.hold();
    first[Symbol.dispose]();
    assert.deepEqual(names.send("b"), [false]);
  }
  assert.deepEqual(names.send("b"), [true]);
});

test("nothing is looked at as long as an eighth of the places is free", () => {
  const names = new Names(16);
  for (let k = 0; k < 13; k++) names.send(`${k}`);
  names.look();
  assert.equal(names.looked, 0);
  names.send("13");
  names.look();
  assert.equal(names.looked, 14);
});

test("a look gives others their turn before it has looked at many", () => {
  const names = new Names(100_000);
  for (let place = 0; place < 100_000; place++) names.places.push({ name: "", packets: place, hasSent: true });
  names.quota.used = 100_000;
  let before = 0;
  for (const _ of names.quota.look()) {
    assert.ok(names.looked - before <= 5000);
    before = names.looked;
  }
  assert.equal(names.looked, 100_000);
});

test("a second look does not begin before the first is done", () => {
  const names = new Names(10_000);
  for (let place = 0; place < 10_000; place++) names.places.push({ name: "", packets: 1, hasSent: true });
  names.quota.used = 10_000;
  const first = names.quota.look();
  first.next();
  names.look();
  assert.equal(names.looked, 4096);
  while (first.next().done !== true);
  names.look();
  assert.equal(names.looked, 20_000);
});

test("places that are free again in another way, or of a part that is gone, are not given away twice", () => {
  const parts = [new Names(4), new Names(4)];
  const quota = new Quota(4, () => parts);
  for (const names of parts) for (const name of ["a", "b"]) names.places.push({ name, packets: 1, hasSent: true });
  quota.used = 4;
  for (const _ of [...quota.look(), ...quota.look()]);
  const gone = parts.shift()!;
  gone.places.fill(undefined);
  quota.used = 2;
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => quota.take(true)),
    [true, true, true, true, false, false],
  );
  assert.deepEqual(gone.evicted, []);
  assert.deepEqual(parts[0]!.evicted, ["a", "b"]);
});

test("a limit of 0 leaves no place to anybody", () => {
  const names = new Names(0);
  names.look();
  names.look();
  assert.deepEqual(names.send("a"), [false]);
});

test("without a clock, what was scanned gives its place to the first that comes then", () => {
  const names = new Names(8000);
  names.quota.lookByNewcomers();
  for (let k = 0; k < 8000; k++) names.receive(`scanned ${k}`);
  assert.deepEqual(names.send("a", "b", "a"), [false, false, false], "since the first look there were not enough");
  for (let k = 0; k < 30; k++) names.send("a", "b");
  assert.deepEqual(names.evicted, ["scanned 0", "scanned 1"]);
});

test("whatever comes, places are those of the limit at most, and only the silent lose theirs", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constantFrom("send", "receive"), fc.nat(12)) },
    { weight: 1, arbitrary: fc.constant(["look", 0] as const) },
  );
  const property = fc.property(fc.nat(8), fc.array(step, { maxLength: 120 }), (limit, steps) => {
    const names = new Names(limit);
    /** Spoke since the look before the last one. */
    let [active, before] = [new Set<string>(), new Set<string>()];
    for (const [what, who] of steps) {
      const evictions = names.evicted.length;
      if (what === "look") {
        names.look();
        before = active;
        active = new Set();
      } else if (names.packet(`${who}`, what === "send")) active.add(`${who}`);
      for (const name of names.evicted.slice(evictions)) assert.ok(!active.has(name) && !before.has(name), name);
      assert.ok(names.names.length <= limit);
      assert.equal(names.quota.used, names.names.length);
    }
  });
  fc.assert(property, { numRuns: 1000 });
});
