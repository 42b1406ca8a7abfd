import assert from "node:assert/strict";
import { matchesGlob } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { InterfacePatterns, splitPatterns } from "../../src/capture/interface-patterns.ts";

function matches(pattern: string, name: string): boolean {
  return new InterfacePatterns([pattern]).names({ name, altNames: [] });
}

describe("a pattern of interfaces", () => {
  const cases: [pattern: string, matching: string[], other: string[]][] = [
    ["eth0", ["eth0"], ["eth00", "xeth0", "eth"]],
    ["eth*", ["eth", "eth0", "eth0.5"], ["xeth0"]],
    ["*", ["a", "\\xff", "ä"], []],
    ["eth?", ["eth0", "ethä", "eth\\xff"], ["eth", "eth10", "eth\\xff\\xfe"]],
    ["eth[02]", ["eth0", "eth2"], ["eth1", "eth02"]],
    ["eth[1-3]", ["eth1", "eth3"], ["eth0", "eth4"]],
    ["eth[!1-3]", ["eth0", "eth\\xff"], ["eth1", "eth", "eth00"]],
    ["eth[^1]", ["eth0"], ["eth1"]],
    ["a[]b]", ["a]", "ab"], ["a"]],
    ["a.b", ["a.b"], ["axb"]],
    ["a+(b)", ["a+(b)"], ["aab", "ab"]],
    ["{a,b}*", ["{a,b}c"], ["a", "ac"]],
    ["\\*", ["*"], ["a", "\\*"]],
    ["\\[x]", ["[x]"], ["x"]],
    ["a[1]", ["a1", "a[1]"], ["a"]],
    ["a\\,b", ["a,b"], ["a\\,b"]],
    ["a\\b", ["a\\b"], ["ab"]],
    ["a\\\\b", ["a\\b"], ["a\\\\b"]],
    ["\\xFFg", ["\\xffg"], ["ÿg", "xffg"]],
    ["\\x41", ["A"], ["\\x41"]],
    ["\\x5cx41", ["\\x5cx41"], ["A", "\\x41"]],
    ["\\!a", ["!a"], ["a"]],
  ];
  for (const [pattern, matching, other] of cases) {
    test(`${pattern} matches ${matching.join(" ")}, and not ${other.join(" ")}`, () => {
      assert.deepEqual(
        matching.map((name) => [name, matches(pattern, name)]),
        matching.map((name) => [name, true]),
      );
      assert.deepEqual(
        other.map((name) => [name, matches(pattern, name)]),
        other.map((name) => [name, false]),
      );
    });
  }

  test("matches what node:path finds to match, for what both understand", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "0", "*", "?", "[ab]", "[!a]", "[0-9]"), maxLength: 6 });
    const name = fc.string({ unit: fc.constantFrom("a", "b", "0", "1"), minLength: 1, maxLength: 6 });
    const property = fc.property(text, name, (pattern, candidate) => {
      // Two stars mean something else there, and nothing is no pattern.
      if (pattern === "" || pattern.includes("**")) return;
      assert.equal(matches(pattern, candidate), matchesGlob(candidate, pattern));
    });
    fc.assert(property);
  });

  test("is a full name if nothing in it has a meaning, and if the meaning is taken from it", () => {
    const isFixed = (...patterns: string[]) => new InterfacePatterns(patterns).isFixed;
    assert.deepEqual(
      [
        isFixed("eth0"),
        isFixed("eth0", "\\*"),
        isFixed("eth0", "!eth*"),
        isFixed("eth*"),
        isFixed("auto"),
        isFixed("!a"),
      ],
      [true, true, true, false, false, false],
    );
  });

  test("that is none says why", () => {
    for (const pattern of ["eth[0", "[", "a[]", "a[!]"]) assert.throws(() => matches(pattern, "a"), /\[ has no \]/);
    assert.throws(() => matches("[9-0]", "a"), /\[9-0\] is no set of characters/);
  });

  test("of any characters is a pattern or says why it is none", () => {
    const property = fc.property(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.string({ maxLength: 10 }),
      (pattern, name) => {
        try {
          matches(pattern, name);
        } catch (error) {
          assert.match((error as Error).message, /has no \]|is no set of characters/);
        }
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });
});

test("a list is split at its commas but for those that a backslash keeps, without spaces", () => {
  assert.deepEqual(splitPatterns("eth*,wg*"), ["eth*", "wg*"]);
  assert.deepEqual(splitPatterns(" eth0 , !veth* "), ["eth0", "!veth*"]);
  assert.deepEqual(splitPatterns("a\\,b,c"), ["a\\,b", "c"]);
  assert.deepEqual(splitPatterns("a,,b,"), ["a", "", "b", ""]);
  assert.deepEqual(splitPatterns("a\\"), ["a\\"]);
});
