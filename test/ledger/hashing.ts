import assert from "node:assert/strict";

/** Of 65,536 keys, half a pair is expected. */
const MAX_CHANCE_COLLISIONS = 10;

export function collisions(hashes: readonly number[]): number {
  return hashes.length - new Set(hashes).size;
}

/** A function makes the hash of a key, with factors of its own. */
export type Hashing = () => (key: readonly number[]) => number;

/** In how many of `count` hashes two keys have the same one. */
export function coincidences(
  hashing: Hashing,
  count: number,
  one: readonly number[],
  other: readonly number[],
): number {
  let found = 0;
  for (let k = 0; k < count; k++) {
    const hash = hashing();
    if (hash(one) === hash(other)) found++;
  }
  return found;
}

/** Which of all places of a key are hashed in the same way in hashes of their own, or as another place. */
export function predictable(hashing: Hashing, places: number, values: readonly number[], hashes = 100): number[] {
  const key = (place: number, value: number): number[] =>
    Array.from({ length: places }, (_, k) => (k === place ? value : 0));
  const all = Array.from({ length: places }, (_, place) => place);
  const found = values.flatMap((value) => {
    const ofPlaces = all.map((place) => key(place, value)).map(hashing());
    return all.filter((place) => {
      const ofHashes = Array.from({ length: hashes }, () => hashing()(key(place, value)));
      return collisions(ofHashes) > 1 || ofPlaces.indexOf(ofPlaces[place]!) !== place;
    });
  });
  return [...new Set(found)];
}

/** Keys that all fall into one of eight buckets of one hash fall evenly into those of another. */
export function assertSpread(hashing: Hashing, keys: readonly (readonly number[])[]): void {
  const [first, second] = [hashing(), hashing()];
  const crowd = keys.filter((key) => (first(key) & 7) === 0).map((key) => second(key) & 7);
  assert.ok(crowd.length > keys.length / 10);
  for (let bucket = 0; bucket < 8; bucket++) {
    const count = crowd.filter((each) => each === bucket).length;
    assert.ok(count > crowd.length / 16 && count < crowd.length / 4, `${count} of ${crowd.length} in ${bucket}`);
  }
}

/** Keys have hashes of their own but for chance, and fill as many buckets as chance does. */
export function assertApart(hashing: Hashing, keys: readonly (readonly number[])[], what: string): void {
  // Of some factors in 10,000, one ends in too many zeros or two make the same sums.
  const apart = [hashing(), hashing(), hashing()].some((hash) => {
    const hashes = keys.map(hash);
    const inBuckets = collisions(hashes.map((each) => each & (2 * keys.length - 1)));
    return collisions(hashes) <= MAX_CHANCE_COLLISIONS && inBuckets < keys.length / 3;
  });
  assert.ok(apart, what);
}
