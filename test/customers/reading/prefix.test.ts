import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Prefix } from "../../../src/customers/reading/prefix.ts";
import { parseAddress, unmapped } from "../../../src/packet/address.ts";

const parsed = (text: string): [version: number, value: bigint, bits: number] | string => {
  const prefix = new Prefix();
  const fault = prefix.parse(text);
  const value = [...prefix.words].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
  return fault ?? [prefix.version, value, prefix.bits];
};

const LEGAL: [string, [number, bigint, number]][] = [
  ["0.0.0.0/0", [4, 0n, 0]],
  ["192.0.2.0/24", [4, 0xc0000200n, 24]],
  ["255.255.255.255", [4, 0xffffffffn, 32]],
  ["::/0", [6, 0n, 0]],
  ["::1", [6, 1n, 128]],
  ["2001:DB8::/32", [6, 0x20010db8n << 96n, 32]],
  ["1:2:3:4:5:6:7:8", [6, 0x00010002000300040005000600070008n, 128]],
  ["1::8", [6, (1n << 112n) | 8n, 128]],
  ["::fffe:192.0.2.1", [6, (0xfffen << 32n) | 0xc0000201n, 128]],
  ["::/95", [6, 0n, 95]],
  // No packet has such addresses: they stand for those of IPv4.
  ["::ffff:192.0.2.1", [4, 0xc0000201n, 32]],
  ["::ffff:c000:200/120", [4, 0xc0000200n, 24]],
  ["::ffff:0:0/96", [4, 0n, 0]],
];

for (const [text, expected] of LEGAL) test(`${text} is a prefix`, () => assert.deepEqual(parsed(text), expected));

const ILLEGAL: [string, string][] = [
  ["", '"" is no prefix; legal is ADDRESS or NETWORK/LENGTH'],
  ["10.0.0.0/33", '"10.0.0.0/33" has no prefix length from 0 to 32'],
  ["::/129", '"::/129" has no prefix length from 0 to 128'],
  ["10.0.0.0/", '"10.0.0.0/" has no prefix length'],
  ["10.0.0.0/08", '"10.0.0.0/08" has no prefix length'],
  ["10.0.0.0/8/24", '"10.0.0.0/8/24" has no prefix length'],
  ["10.0.0.1/8", '"10.0.0.1/8" has bits set beyond /8; legal is 10.0.0.0/8'],
  ["2001:db8::1/32", '"2001:db8::1/32" has bits set beyond /32; legal is 2001:db8::/32'],
  ["10.0.0.0-10.0.0.9", "is no prefix"],
  ["a.b\n", String.raw`"a.b\n" is no prefix`],
];

for (const [text, fault] of ILLEGAL) {
  test(`${JSON.stringify(text)} is none`, () => {
    const told = parsed(text);
    assert.ok(typeof told === "string" && told.includes(fault), String(told));
  });
}

test("addresses are read as everywhere else", () => {
  const piece = fc.constantFrom(
    "0",
    "1",
    "01",
    "10",
    "255",
    "256",
    ".",
    ".",
    ".",
    ":",
    "::",
    "f",
    "ffff",
    "12345",
    "g",
    "%",
    " ",
    "-",
  );
  const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
  const texts = fc.oneof(
    fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join("")),
    fc.ipV4(),
    fc.ipV6(),
    fc.array(fc.oneof(group, fc.constant("")), { maxLength: 10 }).map((groups) => groups.join(":")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const address = parseAddress(text);
      const told = parsed(text);
      if (address === null) assert.equal(typeof told, "string", text);
      else {
        const { version, value, bits } = unmapped(address);
        assert.deepEqual(told, [version, value, bits], text);
      }
    }),
    { numRuns: 20_000 },
  );
});
