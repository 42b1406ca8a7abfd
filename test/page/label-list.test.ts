import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LabelList } from "../../src/page/label-list.ts";

function textsOf(list: LabelList): string[] {
  return Array.from({ length: list.count }, (_, series) =>
    Buffer.from(list.bytes.subarray(list.start(series), list.end(series))).toString(),
  );
}

test("every series has the labels that it was given last, however many were replaced", () => {
  const step = fc.tuple(fc.option(fc.nat(20)), fc.string({ maxLength: 12, unit: "grapheme" }));
  const property = fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const list = new LabelList(1, 1);
    const model: string[] = [];
    for (const [series, text] of steps) {
      if (series === null || series >= model.length) {
        list.append(text);
        model.push(text);
      } else {
        list.replace(series, text);
        model[series] = text;
      }
    }
    assert.deepEqual(textsOf(list), model);
  });
  fc.assert(property);
});

test("labels that are replaced for ever take no more memory than a few times what there is", () => {
  const list = new LabelList(4, 64);
  for (let series = 0; series < 100; series++) list.append(`first ${series}`);
  for (let round = 0; round < 100; round++) {
    for (let series = 0; series < 100; series++) list.replace(series, `round ${round}`);
  }
  assert.deepEqual(textsOf(list), Array<string>(100).fill("round 99"));
  assert.ok(list.bytes.length <= 8 * 100 * "round 99".length, `${list.bytes.length} bytes`);
});

test("a list that is cleared begins again", () => {
  const list = new LabelList(1, 1);
  list.append("a");
  list.replace(0, "bb");
  list.clear();
  list.append("ccc");
  assert.deepEqual(textsOf(list), ["ccc"]);
});
