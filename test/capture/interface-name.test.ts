import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { interfaceNameOf } from "../../src/capture/interface-name.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

test("a name in UTF-8 is what it says", () => {
  for (const name of ["eth0", "", "wg-é", "\ufeffx", "a\\b", '"\n', "\u{1F600}"]) {
    assert.equal(interfaceNameOf(new TextEncoder().encode(name)), name);
  }
});

test("other bytes are shown by their numbers", () => {
  assert.equal(interfaceNameOf(bytesOf("eth\xff")), "eth\\xff");
  assert.equal(interfaceNameOf(bytesOf("\xc3\xa9\xfe")), "\\xc3\\xa9\\xfe");
  assert.equal(interfaceNameOf(bytesOf("a\\\xc3")), "a\\x5c\\xc3");
  assert.equal(interfaceNameOf(bytesOf("eth\\xff")), "eth\\x5cxff");
});

test("no two names are one", () => {
  const byte = fc.constantFrom(0x41, 0x5c, 0x78, 0x66, 0xff, 0xc3, 0xa9, 0xef, 0xbb, 0xbf, 0x35, 0x63);
  const name = fc.array(byte, { maxLength: 6 });
  const property = fc.property(name, name, (one, other) => {
    const isSame = Buffer.from(one).equals(Buffer.from(other));
    assert.equal(interfaceNameOf(Uint8Array.from(one)) === interfaceNameOf(Uint8Array.from(other)), isSame);
  });
  fc.assert(property, { numRuns: 2000 });
});
