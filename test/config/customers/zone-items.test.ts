import assert from "node:assert/strict";
import { test } from "node:test";
import { parseZone } from "../../../src/config/customers/zone-items.ts";

const LEGAL: [given: string, zone: string, texts: string[]][] = [
  ["peering=AS64500", "peering", ["AS64500"]],
  ["a b=as1, DE ,*", "a b", ["AS1", "DE", "*"]],
  ["é=10.0.0.0/8,10.0.0.1,0.0.0.0/0", "é", ["10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0"]],
  ["x=2001:DB8:0:0::/32,::1,::/0", "x", ["2001:db8::/32", "::1/128", "::/0"]],
  [
    "x=::ffff:192.0.2.0/120,::ffff:0:0/96,::ffff:c000:201,::/95",
    "x",
    ["192.0.2.0/24", "0.0.0.0/0", "192.0.2.1/32", "::/95"],
  ],
  ["x=AS4294967295,NO", "x", ["AS4294967295", "NO"]],
];

for (const [given, zone, texts] of LEGAL) {
  test(`${given} is legal`, () => {
    const items = parseZone(given, "--zone");
    assert.deepEqual(
      items.map((item) => item.text),
      texts,
    );
    assert.ok(items.every((item) => item.zone === zone && item.given === given));
  });
}

const ILLEGAL = [
  "",
  "a",
  "=DE",
  " =DE",
  "a=",
  "a=DE,",
  "a=de",
  "a=DEU",
  "a=AS1x",
  "a=AS4294967296",
  "a=AS-1",
  "a=10.0.0.1/8",
  "a=10.0.0.0/33",
  "a=10.0.0.0/",
  "a=10.0.0.0/8/24",
  "a=10.0.0.0-10.0.0.9",
  "a=2001:db8::1/64",
  "a=::/129",
  "a=b=DE",
  "other=DE",
];

for (const given of ILLEGAL) {
  test(`${JSON.stringify(given)} is illegal`, () => {
    assert.throws(() => parseZone(given, "--zone"), /^PromtapError: invalid --zone ".*"; legal is /);
  });
}
