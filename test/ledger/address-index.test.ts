import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressIndex } from "../../src/ledger/address-index.ts";

type Key = [range: number, word0: number, word1: number, word2: number, word3: number];

const words = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1), fc.integer());
const keys: fc.Arbitrary<Key> = fc.tuple(fc.nat(3), words, words, words, words);

test("finds what was added, and nothing else", () => {
  const property = fc.property(fc.array(keys, { maxLength: 600 }), (list) => {
    const index = new AddressIndex();
    const model = new Map<string, number>();
    for (const key of list) {
      const expected = model.get(String(key));
      assert.equal(index.find(...key), expected ?? -1);
      if (expected !== undefined) continue;
      model.set(String(key), model.size);
      index.add(...key, model.size - 1);
    }
    for (const key of list) assert.equal(index.find(...key), model.get(String(key)));
  });
  fc.assert(property, { numRuns: 200 });
});

test("keeps 100,000 addresses apart that differ in one word, whichever it is", () => {
  for (const place of [0, 1, 2, 3, 4]) {
    const index = new AddressIndex();
    const key = (value: number): Key => [0, 0, 0, 0, 0].map((zero, at) => (at === place ? value : zero)) as Key;
    for (let value = 0; value < 100_000; value++) index.add(...key(value), value);
    for (let value = 0; value < 100_000; value++) assert.equal(index.find(...key(value)), value);
    assert.equal(index.find(...key(100_000)), -1);
  }
});

test("finds no more what was removed, and all the rest, however they crowd", () => {
  const crowded: fc.Arbitrary<Key> = fc.tuple(
    fc.constant(0),
    fc.nat(150),
    fc.constant(0),
    fc.constant(0),
    fc.constant(0),
  );
  const steps = fc.array(fc.tuple(fc.boolean(), crowded), { maxLength: 800 });
  const property = fc.property(steps, (list) => {
    const index = new AddressIndex();
    const model = new Map<string, number>();
    for (const [at, [adds, key]] of list.entries()) {
      const known = model.get(String(key));
      assert.equal(index.find(...key), known ?? -1);
      if (adds && known === undefined) {
        index.add(...key, at);
        model.set(String(key), at);
      } else if (!adds && known !== undefined) {
        index.remove(...key);
        model.delete(String(key));
      }
    }
    for (let value = 0; value <= 150; value++) {
      const key: Key = [0, value, 0, 0, 0];
      assert.equal(index.find(...key), model.get(String(key)) ?? -1);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test("takes no more room for addresses that come and go than for those that are there", () => {
  const index = new AddressIndex();
  for (let value = 0; value < 500_000; value++) {
    index.add(0, value, 0, 0, 0, value);
    if (value >= 100) index.remove(0, value - 100, 0, 0, 0);
  }
  for (let value = 499_900; value < 500_000; value++) assert.equal(index.find(0, value, 0, 0, 0), value);
  assert.equal(index.capacity, 256);
});
