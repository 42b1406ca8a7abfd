import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { KeyedHash, randomWords } from "../../src/ledger/keyed-hash.ts";

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

function collisions(hashes: readonly number[]): number {
  return hashes.length - new Set(hashes).size;
}

describe("a keyed hash", () => {
  test("keeps keys apart that collide in MurmurHash3 whatever the seed is", () => {
    const [one, other] = collidingKeys() as [number[], number[]];
    let collided = 0;
    for (let seed = 0; seed < 1000; seed++) {
      assert.equal(murmur3(seed, one), murmur3(seed, other));
      const hash = new KeyedHash(seed, WORDS);
      if (hash.of(Int32Array.from(one)) === hash.of(Int32Array.from(other))) collided++;
    }
    assert.ok(collided <= 1, `${collided} of 1000 seeds`);
  });

  test("depends on the seed: what collides under one is apart under another", () => {
    const keys = Array.from({ length: 3000 }, (_, k) => Int32Array.from(randomWords(k, WORDS)));
    const hashes = (seed: number) => keys.map((key) => new KeyedHash(seed, WORDS).of(key));
    const buckets = (list: readonly number[]) => list.map((hash) => hash & 7);
    // 375 keys of one bucket are spread over all eight under another seed.
    const first = buckets(hashes(1));
    const second = buckets(hashes(2));
    const crowd = second.filter((_, k) => first[k] === 0);
    assert.ok(crowd.length > 300);
    for (let bucket = 0; bucket < 8; bucket++) {
      const count = crowd.filter((each) => each === bucket).length;
      assert.ok(count > crowd.length / 16 && count < crowd.length / 4, `${count} in bucket ${bucket}`);
    }
  });

  test("keeps neighbours apart in every word and half of it", () => {
    const hash = new KeyedHash(7, WORDS);
    for (let place = 0; place < WORDS; place++) {
      for (const shift of [0, 16]) {
        const hashes = Array.from({ length: 65_536 }, (_, value) => {
          const key = new Int32Array(WORDS);
          key[place] = value << shift;
          return hash.of(key);
        });
        assert.equal(collisions(hashes), 0, `word ${place}, bit ${shift}`);
        assert.ok(collisions(hashes.map((each) => each & 0x1ffff)) < 20_000, `lower bits, word ${place}, bit ${shift}`);
      }
    }
  });

  test("of five words is the same as of an array of five", () => {
    const words = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer(), fc.integer());
    fc.assert(
      fc.property(fc.integer(), words, (seed, key) => {
        const hash = new KeyedHash(seed, WORDS);
        assert.equal(hash.ofFive(...key), hash.of(Int32Array.from(key)));
      }),
    );
  });
});
