import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { netlinkRequest, NLM_F_DUMP, walkAttributes, walkMessages } from "../../src/native/netlink.ts";
import { hex } from "../packet/frames.ts";

test("a request has its length, type and flags before its payload", () => {
  assert.deepEqual(
    netlinkRequest(0x0a07, NLM_F_DUMP, hex("02000000")),
    hex("14000000 070a 0103 00000000 00000000 02000000"),
  );
});

describe("attributes", () => {
  const attributes = (bytes: Uint8Array, to = bytes.length): string[] => {
    const found: string[] = [];
    walkAttributes(bytes, 0, to, (type, from, end) => {
      found.push(`${type} ${Buffer.from(bytes.subarray(from, end)).toString("hex")}`);
    });
    return found;
  };

  test("are visited with their types, without flags, and their values, without padding", () => {
    assert.deepEqual(attributes(hex("0500 0100 61000000 0800 0280 00000001 0400 0300")), ["1 61", "2 00000001", "3 "]);
  });

  test("are visited until the visitor has enough", () => {
    const types: number[] = [];
    walkAttributes(hex("0400 0100 0400 0200 0400 0300"), 0, 12, (type) => {
      types.push(type);
      return type < 2;
    });
    assert.deepEqual(types, [1, 2]);
  });

  test("that are cut short, or shorter than their own header, end the walk", () => {
    const bytes = hex("0800 0100 61626364 0800 0200 65666768");
    for (let to = 0; to <= bytes.length; to++) {
      assert.equal(attributes(bytes, to).length, Math.floor(to / 8), `${to} bytes`);
    }
    assert.deepEqual(attributes(hex("0300 0100 0400 0200")), []);
    assert.deepEqual(attributes(hex("0000 0100 0400 0200")), []);
  });

  test("of any bytes are visited once each, inside of them", () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let before = 0;
        walkAttributes(bytes, 0, bytes.length, (_, from, to) => {
          assert.ok(from >= before + 4 && to >= from && to <= bytes.length);
          before = from;
        });
      }),
    ));
});

test("the answers in a datagram are visited, and its end is no answer", () => {
  const found: string[] = [];
  const bytes = hex("14000000 0a06 1200 00000000 00000000 01020304 14000000 0300 0200 00000000 00000000 00000000");
  const state = walkMessages(bytes, bytes.length, (type, _, from, to) => found.push(`${type} ${from} ${to}`));
  assert.deepEqual(found, ["1546 16 20"]);
  assert.deepEqual(state, { isDone: true, error: 0, isInterrupted: true });
});
