import assert from "node:assert/strict";
import { test } from "node:test";
import { labelWords } from "../../src/collectors/status.ts";

test("people read labels as words", () => {
  assert.equal(labelWords('customer="acme"'), "acme");
  assert.equal(labelWords('customer="acme",site="",vat="1"'), "customer acme, vat 1");
  assert.equal(labelWords("unknown"), "unknown");
});
