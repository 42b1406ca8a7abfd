import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Recency } from "../../../src/collectors/wialon/recency.ts";

type Step = ["touch" | "remove", slot: number];

const slots = fc.oneof(fc.nat(5), fc.constantFrom(254, 255, 256, 511, 512, 10_000));
const steps: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom("touch", "touch", "remove"), slots);

test("the oldest is what was silent longest, whatever was touched and removed", () => {
  const property = fc.property(fc.array(steps, { maxLength: 200 }), (list) => {
    const recency = new Recency();
    const model: number[] = [];
    for (const [step, slot] of list) {
      recency[step](slot);
      if (model.includes(slot)) model.splice(model.indexOf(slot), 1);
      if (step === "touch") model.push(slot);
      assert.equal(recency.oldest, model[0] ?? -1);
    }
    for (const slot of model) {
      assert.equal(recency.oldest, slot);
      recency.remove(slot);
    }
    assert.equal(recency.oldest, -1);
  });
  fc.assert(property, { numRuns: 1000 });
});
