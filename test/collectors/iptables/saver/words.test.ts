import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readWord, RuleLines } from "../../../../src/collectors/iptables/saver/words.ts";

/** As xtables_save_string of libxtables writes it, with the space before it. */
function saved(value: string): string {
  return /^[\w-]+$/.test(value) ? ` ${value}` : ` "${value.replace(/["\\']/g, "\\$&")}"`;
}

/** The lines of a text that comes in pieces of this many characters. */
function cut(text: string, length = text.length): (string | null)[] {
  const lines: (string | null)[] = [];
  const cutter = new RuleLines((line) => lines.push(line));
  for (let at = 0; at < text.length; at += length) cutter.push(text.slice(at, at + length));
  cutter.end();
  return lines;
}

function words(rule: string): string[] {
  const found: string[] = [];
  for (let word = readWord(rule, 0); word !== undefined; word = readWord(rule, word.end)) found.push(word.text);
  return found;
}

/** Values with all that has a meaning in a dump. */
const value = fc
  .array(fc.oneof(fc.constantFrom('"', "'", "\\", "\n", " ", "  ", "[1:2]", "COMMIT", "#", "}", "-A"), fc.string()))
  .map((parts) => parts.join(""));
const rule = fc.array(value, { maxLength: 6 }).map((values) => `[0:0] -A INPUT${values.map(saved).join("")}`);

const WORDS: [rule: string, words: string[]][] = [
  ["", []],
  ["   ", []],
  ["-p tcp  -m   tcp", ["-p", "tcp", "-m", "tcp"]],
  ['--comment "a  b" -j', ["--comment", "a  b", "-j"]],
  ['"a \\"b\\" it\\\'s \\\\"', ['a "b" it\'s \\']],
  ['"" x', ["", "x"]],
  ['"a\nb"', ["a\nb"]],
  ['-i a"b -o "c', ["-i", 'a"b', "-o", '"c']],
  ['-i "c --comment "a b"', ["-i", '"c', "--comment", "a b"]],
];

for (const [text, expected] of WORDS) {
  test(`the words of ${JSON.stringify(text)} are ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(words(text), expected);
  });
}

describe("a dump is cut into lines", () => {
  test("where a line end in quotes belongs to the rule", () => {
    const text = '*filter\n[0:0] -A X --comment "a\nCOMMIT\n[1:1] -A Y" -j Z\nCOMMIT\n';
    const expected = ["*filter", '[0:0] -A X --comment "a\nCOMMIT\n[1:1] -A Y" -j Z', "COMMIT"];
    for (let length = 1; length <= text.length; length++) assert.deepEqual(cut(text, length), expected);
  });

  test("where a quote that is no word's first character, or in no rule, means nothing", () => {
    const lines = ['# a "b', '[0:0] -A X -i a"b', ':X" - [0:0]', "COMMIT"];
    assert.deepEqual(cut(`${lines.join("\n")}\n`), lines);
  });

  test("where a quote that nothing closes spoils its own line alone", () => {
    for (const length of [1, 7, 1000]) {
      assert.deepEqual(cut('[0:0] -A X "a\n[1:1] -A Y\nCOMMIT\n', length), [null, "[1:1] -A Y", "COMMIT"]);
    }
  });

  test("where a quote that begins a name takes no other rule along", () => {
    const lines = ['[0:0] -A X -i "a -j Y', '[1:1] -A X -i "a --comment "b\nc" -j Y', '[2:2] -A X --comment "d e"'];
    const text = `${lines.join("\n")}\nCOMMIT\n`;
    for (const length of [1, 7, 1000]) assert.deepEqual(cut(text, length), [...lines, "COMMIT"]);
  });

  test("where the last line needs no end", () => {
    assert.deepEqual(cut("*filter\nCOMMIT"), ["*filter", "COMMIT"]);
    assert.deepEqual(cut('[0:0] -A X "a\nCOMMIT'), [null, "COMMIT"]);
  });

  test("where a line that is too long is passed over, and not kept", () => {
    const long = "x".repeat(1_000_000);
    for (const length of [1000, 100_000, 2_000_000]) {
      assert.deepEqual(cut(`*a\n${long}\n*b\n[0:0] -A X "${long}"\n*c\n${long}`, length), [
        "*a",
        null,
        "*b",
        null,
        "*c",
        null,
      ]);
    }
  });

  test("the same whatever the pieces it comes in", () => {
    fc.assert(
      fc.property(fc.array(rule), fc.integer({ min: 1, max: 50 }), (rules, length) => {
        assert.deepEqual(cut(rules.map((each) => `${each}\n`).join(""), length), rules);
      }),
    );
  });

  test("without an error, and without losing a line, whatever it is", () => {
    const noise = fc
      .array(fc.constantFrom('"', ' "', "\\", "\n", "[", "[0:0] -A X", "x", " "))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(noise, fc.integer({ min: 1, max: 20 }), (text, length) => {
        const lines = cut(text, length);
        assert.deepEqual(lines, cut(text));
        assert.ok(lines.length <= text.split("\n").length);
      }),
      { numRuns: 1000 },
    );
  });
});

test("a value that iptables-save writes is read back as it was", () => {
  fc.assert(
    fc.property(fc.array(value), (values) => {
      assert.deepEqual(words(values.map(saved).join("")), values);
    }),
  );
});
