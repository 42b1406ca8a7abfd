import assert from "node:assert/strict";
import { test } from "node:test";
import { nameHash, nameKey, useNameKey } from "../../../src/ledger/zones/name-hash.ts";

/** Either of a pair leads FNV-1a to the same state behind what was chosen of those before. */
const PAIRS = [
  ["4l92f5", "kp85ua"],
  ["fhxb6z", "0mzihz"],
  ["m305ch", "ldl82j"],
  ["dus40x", "ncg1kl"],
  ["11289l", "4c1ssq"],
  ["pfrauv", "io3p30"],
  ["biizyb", "krbpsc"],
  ["v8mlar", "5yj8i3"],
  ["8hssp3", "jiysbx"],
  ["zlcfnv", "6rycyj"],
] as const;

function hashOf(text: string): number {
  const bytes = Buffer.from(text);
  return nameHash(bytes, 0, bytes.length);
}

test("names that collide for a hash without a key are told apart", () => {
  const hashes = new Set<number>();
  for (let choice = 0; choice < 2 ** PAIRS.length; choice++) {
    hashes.add(hashOf(PAIRS.map((pair, k) => pair[(choice >> k) & 1]).join("")));
  }
  // One in 2^24 pairs may collide.
  assert.ok(hashes.size > 1000, `${hashes.size} hashes`);
});

test("every byte of a name counts, wherever it stands", () => {
  for (const text of ["", "a", "é".repeat(511), "a".repeat(1024), "ab".repeat(40_000)]) {
    const [bytes, longer] = [Buffer.from(text), Buffer.from(`${text}\0`)];
    const hash = nameHash(bytes, 0, bytes.length);
    assert.equal(nameHash(Buffer.from(`?${text}!`), 1, 1 + bytes.length), hash);
    assert.notEqual(nameHash(longer, 0, longer.length), hash);
    for (const at of [0, 1023, 1024, bytes.length - 1]) {
      if (bytes[at] === undefined) continue;
      const other = Uint8Array.from(bytes);
      other[at]! ^= 1;
      assert.notEqual(nameHash(other, 0, other.length), hash);
    }
  }
});

test("hashes depend on the key, and on nothing else", () => {
  const key = nameKey();
  const hash = hashOf("customer");
  useNameKey(key.map((factor) => factor ^ 0x55));
  assert.notEqual(hashOf("customer"), hash);
  useNameKey(key.slice());
  assert.equal(hashOf("customer"), hash);
});
