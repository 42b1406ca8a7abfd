import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { labelWords, readLabels } from "../../src/collectors/status.ts";
import { labelText } from "../../src/page/labels.ts";

test("labels are read as they were written, whatever their values hold", () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z_]+$/), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(names, fc.array(fc.string({ unit: "binary" }), { minLength: 5, maxLength: 5 }), (labels, values) => {
      const pairs = labels.map((name, index) => [name, values[index]!] as const);
      const text = pairs.map(([name, value]) => labelText(name, value)).join(",");
      assert.deepEqual([...readLabels(text)], pairs);
    }),
  );
});

test("people read labels as words", () => {
  assert.equal(labelWords('customer="acme"'), "acme");
  assert.equal(labelWords('customer="acme",site="",vat="1"'), "customer acme, vat 1");
  assert.equal(labelWords("unknown"), "unknown");
});
