import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PrefixSet } from "../../src/customers/prefix-set.ts";
import { sweepPrefixes } from "../../src/customers/prefix-sweep.ts";
import { PrefixSink } from "../../src/customers/reading/prefix-sink.ts";

function setOf(prefixes: readonly string[]): PrefixSet {
  const sink = new PrefixSink();
  for (const [index, prefix] of prefixes.entries()) assert.equal(sink.add(prefix, [], index), undefined);
  return sink.set();
}

test("a prefix is covered if longer ones have all its addresses", () => {
  const count = (...prefixes: string[]) => sweepPrefixes(setOf(prefixes)).covered;
  assert.equal(count("10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/25"), 1);
  assert.equal(count("10.0.0.128/26", "10.0.0.192/26", "10.0.0.0/24", "10.0.0.0/25"), 1);
  assert.equal(count("10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/26"), 0);
  assert.equal(count("10.0.0.0/24", "10.0.0.128/25"), 0);
  assert.equal(count("10.0.0.0/24", "10.0.0.0/25", "10.0.0.192/26"), 0);
  assert.equal(count("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"), 1);
  assert.equal(count("::/0", "::/1", "8000::/1", "0.0.0.0/0"), 1);
  assert.equal(count("::/126", "::/127", "::2", "::3", "::2/127"), 2);
  assert.equal(count("2001:db8::/31", "2001:db8::/32", "2001:db9::/32"), 1);
});

test("prefixes that are there again are counted, and the first is told", () => {
  const { repeated, example } = sweepPrefixes(setOf(["10.0.0.0/8", "::1", "10.0.0.0/9", "::1", "10.0.0.0/8", "::1"]));
  assert.equal(repeated, 3);
  assert.deepEqual(example, [0, 4]);
});

test("what is counted is what a plain look at all addresses finds", () => {
  // All within /28 of one network, so that every address can be looked at.
  const any = fc
    .tuple(fc.boolean(), fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 15 }))
    .map(([isIpv6, length, value]) => {
      const host = (value >> (4 - length)) << (4 - length);
      return isIpv6 ? `2001:db8::${host.toString(16)}/${124 + length}` : `10.255.255.${240 + host}/${28 + length}`;
    });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 40 }), (prefixes) => {
      const unique = [...new Set(prefixes)];
      const ranges = unique.map((prefix) => {
        const [address = "", length] = prefix.split("/");
        const isIpv6 = address.includes(":");
        const first = isIpv6 ? Number.parseInt(`0${address.slice(10)}`, 16) : Number(address.split(".")[3]) - 240;
        const size = 2 ** ((isIpv6 ? 128 : 32) - Number(length));
        return { isIpv6, first, size };
      });
      const covered = ranges.filter(({ isIpv6, first, size }) =>
        Array.from({ length: size }, (_, offset) => first + offset).every((address) =>
          ranges.some(
            (other) =>
              other.isIpv6 === isIpv6 &&
              other.size < size &&
              other.first <= address &&
              address < other.first + other.size,
          ),
        ),
      );
      const found = sweepPrefixes(setOf(prefixes));
      assert.deepEqual([found.repeated, found.covered], [prefixes.length - unique.length, covered.length]);
    }),
    { numRuns: 2000 },
  );
});
