import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Objects } from "../../../../src/collectors/iptables/nft/objects.ts";

interface Cut {
  objects: [object: unknown, elements: number][];
  isWhole: boolean;
}

function cut(text: string, length = Math.max(text.length, 1)): Cut {
  const objects: Cut["objects"] = [];
  const cutter = new Objects((object, elements) => objects.push([object, elements]));
  for (let at = 0; at < text.length; at += length) cutter.push(text.slice(at, at + length));
  return { objects, isWhole: cutter.isWhole };
}

const print = (...objects: unknown[]): string => JSON.stringify({ nftables: objects });

describe("the output of nft -j", () => {
  test("is cut into its objects, whatever the pieces it comes in", () => {
    const objects = [{ metainfo: { version: 'a "}]{[" \\' } }, { rule: { expr: [{ set: [[1, 2], { a: [3] }] }] } }, {}];
    const text = `${print(...objects)}\n`;
    for (let length = 1; length < 20; length++) {
      assert.deepEqual(cut(text, length), { objects: objects.map((object) => [object, 0]), isWhole: true });
    }
  });

  test("has sets whose elements are counted, and not kept", () => {
    const elem = ["1.2.3.4", { elem: { val: 'x,]"', counter: { packets: 1 } } }, ["a", { drop: null }], 22];
    const text = print(
      { set: { name: "s", elem, size: 9 } },
      { set: { name: "t" } },
      { map: { elem: [1], name: "m" } },
    );
    for (let length = 1; length < 20; length++) {
      const expected = [
        [{ set: { name: "s", elem: [], size: 9 } }, 4],
        [{ set: { name: "t" } }, 0],
        [{ map: { elem: [], name: "m" } }, 1],
      ];
      assert.deepEqual(cut(text, length).objects, expected);
    }
  });

  test("may have a million elements, which take no memory", () => {
    const objects: unknown[] = [];
    const cutter = new Objects((object, elements) => objects.push(object, elements));
    cutter.push('{"nftables": [{"set": {"elem": [1');
    for (let count = 1; count < 1000; count++) cutter.push(', "10.0.0.0"'.repeat(1000));
    cutter.push("]}}]}");
    assert.deepEqual(objects, [{ set: { elem: [] } }, 999_001]);
  });

  test("may have an object that is too long: it is null, and those after it are read", () => {
    const long = { rule: { comment: "x".repeat(2 ** 21) } };
    assert.deepEqual(cut(print(long, { a: 1 }), 65_536).objects, [
      [null, 0],
      [{ a: 1 }, 0],
    ]);
  });

  test("that stops is not whole", () => {
    const text = print({ a: "}" }, { b: [1] });
    for (let length = 0; length < text.length; length++) assert.equal(cut(text.slice(0, length)).isWhole, false);
    assert.equal(cut("").isWhole, false);
  });

  test("is read as JSON.parse reads it, whatever the objects", () => {
    const object = fc
      .dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }))
      .filter((each) => !JSON.stringify(each).includes('"elem"'));
    fc.assert(
      fc.property(fc.array(object), fc.integer({ min: 1, max: 30 }), (objects, length) => {
        const text = print(...objects);
        const { nftables } = JSON.parse(text) as { nftables: unknown[] };
        assert.deepEqual(
          cut(text, length).objects,
          nftables.map((each) => [each, 0]),
        );
      }),
    );
  });

  test("that is something else gives what it gives, without an error", () => {
    const noise = fc.array(
      fc.constantFrom("{", "}", "[", "]", '"', "\\", ",", '"elem":', '{"nftables": [', "{}", "1", " "),
    );
    fc.assert(
      fc.property(noise, fc.integer({ min: 1, max: 9 }), (parts, length) => {
        assert.deepEqual(cut(parts.join(""), length), cut(parts.join("")));
      }),
      { numRuns: 2000 },
    );
  });
});
