import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type * as addressHashing from "../../../src/ledger/tables/address-hash.ts";
import { assertSpread, coincidences, type Hashing, predictable } from "../hashing.ts";

const HASHES = 300;
const BITS = 17;

/** Each has factors of its own, as programs have. */
const modules = await Promise.all(
  Array.from({ length: HASHES }, (_, k) => {
    return import(new URL(`../../../src/ledger/tables/address-hash.ts?${k}`, import.meta.url).href) as Promise<
      typeof addressHashing
    >;
  }),
);
let taken = 0;

const hashing: Hashing = () => {
  const { addressHash } = modules[taken++ % HASHES]!;
  return ([word0, word1, word2, word3]) => addressHash(word0!, word1!, word2!, word3!) & (2 ** BITS - 1);
};

/** Asserts that hashes fill as many places as balls do that are thrown, and a few less. */
function assertFilled(keys: readonly (readonly number[])[], what: string): void {
  const places = 2 ** BITS;
  const filled = places * (1 - Math.exp(-keys.length / places));
  for (let k = 0; k < 3; k++) {
    const found = new Set(keys.map(hashing())).size;
    assert.ok(keys.length - found < 1.2 * (keys.length - filled), `${what}: ${found}, not ${filled}`);
  }
}

/** Places that are looked at for each key, on average, in a table of so many places that takes the next one if need be. */
function meanProbes(
  hash: (key: readonly number[]) => number,
  keys: readonly (readonly number[])[],
  places: number,
): number {
  const taken = new Uint8Array(places);
  let probes = 0;
  for (const key of keys) {
    let at = hash(key) & (places - 1);
    for (probes++; taken[at] === 1; probes++) at = (at + 1) & (places - 1);
    taken[at] = 1;
  }
  return probes / keys.length;
}

describe("the hash of an address, in its last bits", () => {
  test("is another one each time the program runs, in every bit of every word", () => {
    for (const value of [1, 1 << 15, 1 << 16, 1 << 30, -1 << 31]) {
      assert.deepEqual(predictable(hashing, 4, [value], 20), [], `${value}`);
    }
  });

  test("keeps any two addresses apart, in most cases", () => {
    const pairs: [number[], number[]][] = [
      [
        [0, 0, 0, 0],
        [0, 0, 0, 1],
      ],
      [
        [0, 0, 0, 0],
        [0, 0, 0, -1 << 31],
      ],
      // Sums of words, each times an odd number, would be the same.
      [
        [0, 0, 0, 0],
        [0, 0, -1 << 31, -1 << 31],
      ],
      [
        [1, 0, 0, 1],
        [1 | (-1 << 31), 0, 0, 1 | (-1 << 31)],
      ],
      [
        [0x2001_0db8, 1, 2, 3],
        [0x2001_0db8, 2, 1, 3],
      ],
      [
        [0, 0, 0xffff, -1],
        [0, 0, 0x1_0000, 0],
      ],
    ];
    for (const [one, other] of pairs) {
      assert.ok(coincidences(hashing, HASHES, one, other) <= 1, `${one.join()} and ${other.join()}`);
    }
  });

  test("spreads addresses that collide in another one", () => {
    const keys = Array.from({ length: 30_000 }, (_, k) => [0x2001_0db8, k >> 8, k & 0xff, 0x0a00_0000 + k]);
    assertSpread(hashing, keys);
  });

  test("fills as many places as chance does, whatever bits of a word tell addresses apart", () => {
    for (let place = 0; place < 4; place++) {
      for (const shift of [0, 8, 16]) {
        const keys = Array.from({ length: 65_536 }, (_, value) => [0, 0, 0, 0].with(place, value << shift));
        assertFilled(keys, `word ${place}, bit ${shift}`);
      }
    }
  });

  test("fills as many places as chance does with the upper bits of two words, which an attacker may choose", () => {
    for (const [one, other] of [
      [0, 1],
      [2, 3],
      [1, 3],
    ] as const) {
      const keys = Array.from({ length: 65_536 }, (_, value) => {
        return [0, 0, 0, 0].with(one, (value >> 8) << 24).with(other, (value & 0xff) << 24);
      });
      assertFilled(keys, `words ${one} and ${other}`);
    }
  });

  test("has addresses in a row found at once, whatever the factors are", () => {
    const rows = [
      Array.from({ length: 2047 }, (_, k) => [0x2001_0db8, 0, 0, k]),
      Array.from({ length: 2047 }, (_, k) => [0x2001_0db8, k, 0, 1]),
      Array.from({ length: 2047 }, (_, k) => [0x2001_0db8, k % 45, 0, Math.floor(k / 45)]),
      Array.from({ length: 2047 }, (_, k) => [0x2001_0db8, 0, k << 8, 0]),
    ];
    for (const [number, keys] of rows.entries()) {
      for (let k = 0; k < HASHES; k++) {
        const probes = meanProbes(hashing(), keys, 8192);
        assert.ok(probes < 1.5, `row ${number}, hash ${k}: ${probes}`);
      }
    }
  });
});
