import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { labelText, parseLabels } from "../../src/page/labels.ts";
import { parseExposition } from "./exposition-parser.ts";

test("backslash, double quote and newline are escaped, and nothing else is", () => {
  assert.equal(labelText("a", 'x\\y"z\n'), 'a="x\\\\y\\"z\\n"');
  assert.equal(labelText("a", "{b=c}, 'd'\t\r€🦀"), "a=\"{b=c}, 'd'\t\r€🦀\"");
  assert.equal(labelText("a", ""), 'a=""');
});

test("any text comes back from the page as it was", () => {
  const nasty = fc.string({ unit: fc.constantFrom("\\", '"', "\n", "n", "{", "}", ",", "=", " ", "#", "é") });
  const property = fc.property(fc.oneof(nasty, fc.string({ unit: "grapheme" })), (value) => {
    const page = Buffer.from(`# HELP x X.\n# TYPE x gauge\nx{${labelText("a", value)},b="end"} 1\n`);
    assert.deepEqual(parseExposition(page, "text").get("x")!.samples[0]!.labels, [
      ["a", value],
      ["b", "end"],
    ]);
  });
  fc.assert(property, { numRuns: 1000 });
});

test("labels are read as they were written, whatever their values hold", () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z_]+$/), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(names, fc.array(fc.string({ unit: "binary" }), { minLength: 5, maxLength: 5 }), (labels, values) => {
      const pairs = labels.map((name, index) => [name, values[index]!] as const);
      const text = pairs.map(([name, value]) => labelText(name, value)).join(",");
      assert.deepEqual(parseLabels(text), pairs);
    }),
  );
});
