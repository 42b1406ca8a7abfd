import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { KeyedHash } from "../../src/ledger/keyed-hash.ts";
import { assertApart, assertSpread, coincidences, type Hashing, predictable } from "./hashing.ts";

const WORDS = 5;

/** MurmurHash3 of words without its finalizer, which collides for the keys below whatever the seed is. */
function murmur3(seed: number, words: readonly number[]): number {
  return words.reduce((hash, word) => {
    const scrambled = Math.imul(word, 0xcc9e2d51);
    const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
    return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
  }, seed);
}

/** The inverse of an odd number modulo 2^32: Newton's method doubles the bits that are right. */
function inverse(odd: number): number {
  let found = odd;
  for (let bits = 3; bits < 32; bits *= 2) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found;
}

/** The word that MurmurHash3 scrambles into this one. */
function unscrambled(word: number): number {
  const rotated = Math.imul(word, inverse(0x1b873593));
  return Math.imul((rotated >>> 15) | (rotated << 17), inverse(0xcc9e2d51));
}

/**
 * Keys that all have one MurmurHash3: a change of bit 18 of a scrambled word becomes one of bit 31 by the rotation, the
 * factor 5 and the sum leave it alone, and bit 31 of the next scrambled word takes it back.
 */
function collidingKeys(): number[][] {
  const first = [0x1234_5678, 0x1234_5678 ^ (1 << 18)].map(unscrambled);
  const second = [0x0bad_cafe, 0x0bad_cafe ^ (1 << 31)].map(unscrambled);
  return [0, 1].map((k) => [0, first[k]!, second[k]!, 3, 4]);
}

describe("a keyed hash", () => {
  const hashing: Hashing = () => {
    const hash = new KeyedHash(WORDS);
    return (key) => hash.of(Int32Array.from(key));
  };

  test("keeps keys apart that collide in MurmurHash3 whatever the seed is", () => {
    const [one, other] = collidingKeys() as [number[], number[]];
    for (let seed = 0; seed < 1000; seed++) assert.equal(murmur3(seed, one), murmur3(seed, other));
    assert.ok(coincidences(hashing, 1000, one, other) <= 1);
  });

  test("is another one each time, in every half of every word", () => {
    const ofHalves: Hashing = () => {
      const hash = hashing();
      return (key) => hash(Array.from({ length: WORDS }, (_, k) => key[2 * k]! | (key[2 * k + 1]! << 16)));
    };
    assert.deepEqual(predictable(ofHalves, 2 * WORDS, [1, 0xffff]), []);
  });

  test("spreads what collides in another one", () => {
    assertSpread(
      hashing,
      Array.from({ length: 30_000 }, (_, k) => [0, k >> 8, k & 0xff, 0, 0x0a00_0000 + k]),
    );
  });

  test("keeps neighbours apart in every word and half of it", () => {
    for (let place = 0; place < WORDS; place++) {
      for (const shift of [0, 16]) {
        const keys = Array.from({ length: 65_536 }, (_, value) => [0, 0, 0, 0, 0].with(place, value << shift));
        assertApart(hashing, keys, `word ${place}, bit ${shift}`);
      }
    }
  });

  test("of five words is the same as of an array of five", () => {
    const words = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer(), fc.integer());
    fc.assert(
      fc.property(words, (key) => {
        const hash = new KeyedHash(WORDS);
        assert.equal(hash.ofFive(...key), hash.of(Int32Array.from(key)));
      }),
    );
  });
});
