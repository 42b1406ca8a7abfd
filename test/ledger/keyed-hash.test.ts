import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { KeyedByteHash, KeyedHash } from "../../src/ledger/keyed-hash.ts";

const WORDS = 5;
/** Of 65,536 keys, half a pair is expected. */
const MAX_CHANCE_COLLISIONS = 10;

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

/** A function makes the hash of a key, with factors of its own. */
type Hashing = () => (key: readonly number[]) => number;

/** In how many of `count` hashes two keys have the same one. */
function coincidences(hashing: Hashing, count: number, one: readonly number[], other: readonly number[]): number {
  let found = 0;
  for (let k = 0; k < count; k++) {
    const hash = hashing();
    if (hash(one) === hash(other)) found++;
  }
  return found;
}

/** Which of all places of a key are hashed in the same way in hashes of their own, or as another place. */
function predictable(hashing: Hashing, places: number, values: readonly number[]): number[] {
  const key = (place: number, value: number): number[] =>
    Array.from({ length: places }, (_, k) => (k === place ? value : 0));
  const all = Array.from({ length: places }, (_, place) => place);
  return all.filter((place) => {
    return values.some((value) => {
      const ofHashes = Array.from({ length: 100 }, () => hashing()(key(place, value)));
      const hash = hashing();
      const ofPlaces = all.map((each) => hash(key(each, value)));
      return collisions(ofHashes) > 1 || ofPlaces.indexOf(ofPlaces[place]!) !== place;
    });
  });
}

/** Keys that all fall into one of eight buckets of one hash fall evenly into those of another. */
function assertSpread(hashing: Hashing, keys: readonly (readonly number[])[]): void {
  const [first, second] = [hashing(), hashing()];
  const crowd = keys.filter((key) => (first(key) & 7) === 0).map((key) => second(key) & 7);
  assert.ok(crowd.length > keys.length / 10);
  for (let bucket = 0; bucket < 8; bucket++) {
    const count = crowd.filter((each) => each === bucket).length;
    assert.ok(count > crowd.length / 16 && count < crowd.length / 4, `${count} of ${crowd.length} in ${bucket}`);
  }
}

/** Keys have hashes of their own but for chance, and fill as many buckets as chance does. */
function assertApart(hashing: Hashing, keys: readonly (readonly number[])[], what: string): void {
  // Of some factors in 10,000, one ends in too many zeros or two make the same sums.
  const apart = [hashing(), hashing(), hashing()].some((hash) => {
    const hashes = keys.map(hash);
    const inBuckets = collisions(hashes.map((each) => each & (2 * keys.length - 1)));
    return collisions(hashes) <= MAX_CHANCE_COLLISIONS && inBuckets < keys.length / 3;
  });
  assert.ok(apart, what);
}

describe("a keyed hash of words", () => {
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

describe("a keyed hash of bytes", () => {
  const BYTES = 40;
  const hashing: Hashing = () => {
    const hash = new KeyedByteHash(BYTES);
    return (key) => hash.of(Uint8Array.from(key), 0, key.length);
  };

  test("is another one each time, in every byte", () => {
    assert.deepEqual(predictable(hashing, BYTES, [1, 255]), []);
  });

  test("is one of 2^32 for one byte", () => {
    const hashes = Array.from({ length: 4000 }, () => hashing()([1]));
    assert.ok(collisions(hashes) < 3);
  });

  test("spreads what collides in another one", () => {
    assertSpread(
      hashing,
      Array.from({ length: 30_000 }, (_, k) => [3, 0x61, k >> 8, k & 0xff]),
    );
  });

  test("keeps neighbours apart in every two bytes", () => {
    for (let place = 0; place + 1 < BYTES; place += 13) {
      const keys = Array.from({ length: 65_536 }, (_, value) => [
        ...Array<number>(place).fill(7),
        value >> 8,
        value & 0xff,
      ]);
      assertApart(hashing, keys, `byte ${place}`);
    }
  });

  test("is one of the key alone, wherever that stands", () => {
    const bytes = Uint8Array.of(9, 1, 2, 3, 8, 1, 2, 3, 7);
    const hash = new KeyedByteHash(BYTES);
    assert.equal(hash.of(bytes, 1, 4), hash.of(bytes, 5, 8));
    assert.notEqual(hash.of(bytes, 1, 4), hash.of(bytes, 1, 5));
    assert.notEqual(hash.of(bytes, 1, 4), hash.of(bytes, 0, 4));
  });
});
