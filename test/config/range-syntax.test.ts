import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PromtapError } from "../../src/errors.ts";
import { parseRange } from "../../src/config/range-syntax.ts";

const DB8 = 0x2001_0db8n << 96n;

type Expected = [version: 4 | 6, first: bigint, last: bigint, rollupBits: number, labels?: [string, string][]];

const LEGAL: Record<string, Expected> = {
  "192.168.1.100-192.168.1.200": [4, 0xc0a8_0164n, 0xc0a8_01c8n, 32],
  "192.168.1.100-192.168.1.200:customer=acmecorp:environment=production": [
    4,
    0xc0a8_0164n,
    0xc0a8_01c8n,
    32,
    [
      ["customer", "acmecorp"],
      ["environment", "production"],
    ],
  ],
  "10.0.0.1": [4, 0x0a00_0001n, 0x0a00_0001n, 32],
  "10.0.0.1-10.0.0.1": [4, 0x0a00_0001n, 0x0a00_0001n, 32],
  "10.0.0.1:a=b": [4, 0x0a00_0001n, 0x0a00_0001n, 32, [["a", "b"]]],
  "10.0.0.0/8": [4, 0x0a00_0000n, 0x0aff_ffffn, 32],
  "10.0.0.0/8/24": [4, 0x0a00_0000n, 0x0aff_ffffn, 24],
  "10.0.0.0/8/8": [4, 0x0a00_0000n, 0x0aff_ffffn, 8],
  "10.0.0.1/32/32": [4, 0x0a00_0001n, 0x0a00_0001n, 32],
  "0.0.0.0/0/24": [4, 0n, 0xffff_ffffn, 24],
  "10.0.0.0/8/24:site=ams": [4, 0x0a00_0000n, 0x0aff_ffffn, 24, [["site", "ams"]]],
  "2001:db8::/48:site=ams": [6, DB8, DB8 + (1n << 80n) - 1n, 128, [["site", "ams"]]],
  "2001:db8::/48/64": [6, DB8, DB8 + (1n << 80n) - 1n, 64],
  "2001:db8::1-2001:db8::ff:site=a": [6, DB8 + 1n, DB8 + 0xffn, 128, [["site", "a"]]],
  "2001:db8::1": [6, DB8 + 1n, DB8 + 1n, 128],
  "::/0": [6, 0n, (1n << 128n) - 1n, 128],
  // No packet has such addresses: they stand for those of IPv4.
  "::ffff:192.0.2.0/120:site=ams": [4, 0xc000_0200n, 0xc000_02ffn, 32, [["site", "ams"]]],
  "::ffff:a00:0/104/120": [4, 0x0a00_0000n, 0x0aff_ffffn, 24],
  "::ffff:10.0.0.1-10.0.0.9": [4, 0x0a00_0001n, 0x0a00_0009n, 32],
  "::fffe:0:0-::1:0:0:0": [6, 0xfffe_0000_0000n, 1n << 48n, 128],
  "::1:a=b:c=d": [
    6,
    1n,
    1n,
    128,
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  '10.0.0.1:_a1=x=y-z/ "é"\n': [4, 0x0a00_0001n, 0x0a00_0001n, 32, [["_a1", 'x=y-z/ "é"\n']]],
  "10.0.0.1:empty=": [4, 0x0a00_0001n, 0x0a00_0001n, 32, [["empty", ""]]],
  "10.0.0.1:label=a:Ip=b": [
    4,
    0x0a00_0001n,
    0x0a00_0001n,
    32,
    [
      ["label", "a"],
      ["Ip", "b"],
    ],
  ],
};

for (const [text, [version, first, last, rollupBits, labels = []]] of Object.entries(LEGAL)) {
  test(`${JSON.stringify(text)} is read`, () => {
    assert.deepEqual(parseRange(text), { version, first, last, rollupBits, labels, text });
  });
}

const TOO_LARGE = "legal is at most 16777216; a rollup length gives a series to each network, as in";
const FORMS = "legal is START-END, ADDRESS, NETWORK/PREFIX or NETWORK/PREFIX/ROLLUP, then :KEY=VALUE for each label";
const RESERVED = "legal is any name but interface, ip, protocol, le and those with __ first";

const ILLEGAL: Record<string, string> = {
  "10.0.0.9-10.0.0.1": "the range is reversed; legal is START-END with START <= END",
  "2001:db8::2-2001:db8::1": "the range is reversed; legal is START-END with START <= END",
  "10.0.0.1-::1": "the range mixes IPv4 and IPv6; legal is START-END of one family",
  "": `"" is not an address; ${FORMS}`,
  "10.0.0.300-10.0.0.1": `"10.0.0.300" is not an address; ${FORMS}`,
  "10.0.0.1-": `"" is not an address; ${FORMS}`,
  "10.0.0.1-10.0.0.2-10.0.0.3": `"10.0.0.2-10.0.0.3" is not an address; ${FORMS}`,
  "10.0.0.1:site": `"10.0.0.1:site" is not an address; ${FORMS}`,
  "10.0.0.1=a": `"10.0.0.1=a" is not an address; ${FORMS}`,
  "10.0.0.01": `"10.0.0.01" is not an address; ${FORMS}`,
  "fe80::1%eth0": `"fe80::1%eth0" is not an address; ${FORMS}`,
  "10.0.0.0-10.0.0.0/24": `"10.0.0.0-10.0.0.0" is not an address; ${FORMS}`,
  "10.0.0.0/8/24/32": `"10.0.0.0/8/24/32" has too many parts; ${FORMS}`,
  "10.1.2.3/8/24": "10.1.2.3 has bits set beyond /8; legal is 10.0.0.0/8/24",
  "10.0.0.1/24:a=b": "10.0.0.1 has bits set beyond /24; legal is 10.0.0.0/24",
  "2001:db8:0:0:0::1/64": "2001:db8:0:0:0::1 has bits set beyond /64; legal is 2001:db8::/64",
  "10.0.0.0/33": 'the prefix length "33" is invalid; legal is 0 to 32',
  "::/129": 'the prefix length "129" is invalid; legal is 0 to 128',
  "10.0.0.0/": 'the prefix length "" is invalid; legal is 0 to 32',
  "10.0.0.0/08": 'the prefix length "08" is invalid; legal is 0 to 32',
  "10.0.0.0/-1": 'the prefix length "-1" is invalid; legal is 0 to 32',
  "10.0.0.0/255.0.0.0": 'the prefix length "255.0.0.0" is invalid; legal is 0 to 32',
  "10.0.0.0/16/8": 'the rollup length "8" is invalid; legal is 16 to 32',
  "10.0.0.0/16/33": 'the rollup length "33" is invalid; legal is 16 to 32',
  "2001:db8::/48/47": 'the rollup length "47" is invalid; legal is 48 to 128',
  "10.0.0.0/7": `the range is too large: 33554432 series; ${TOO_LARGE} 10.0.0.0/7/24`,
  "0.0.0.0/0/25": `the range is too large: 33554432 series; ${TOO_LARGE} 0.0.0.0/0/24`,
  "::ffff:0.0.0.0/97/122": `the range is too large: 33554432 series; ${TOO_LARGE} 0.0.0.0/1/24`,
  "::ffff:10.0.0.1-::1": "the range mixes IPv4 and IPv6; legal is START-END of one family",
  "10.0.0.0-11.0.0.0": `the range is too large: 16777217 series; ${TOO_LARGE} 10.0.0.0/8/24`,
  "10.0.0.1:a=1:b": '"b" is not a label; legal is :KEY=VALUE, where VALUE holds no colon',
  "10.0.0.1:url=http://x": '"//x" is not a label; legal is :KEY=VALUE, where VALUE holds no colon',
  "10.0.0.1:a=1:": '"" is not a label; legal is :KEY=VALUE, where VALUE holds no colon',
  "10.0.0.1:=1": 'the label name "" is invalid; legal is letters, digits and _, no digit first',
  "10.0.0.1:1a=1": 'the label name "1a" is invalid; legal is letters, digits and _, no digit first',
  "10.0.0.1:a-b=1": 'the label name "a-b" is invalid; legal is letters, digits and _, no digit first',
  "10.0.0.1:é=1": 'the label name "é" is invalid; legal is letters, digits and _, no digit first',
  "10.0.0.1:interface=1": `the label name "interface" is reserved; ${RESERVED}`,
  "10.0.0.1:ip=1": `the label name "ip" is reserved; ${RESERVED}`,
  "10.0.0.1:protocol=1": `the label name "protocol" is reserved; ${RESERVED}`,
  "10.0.0.1:le=1": `the label name "le" is reserved; ${RESERVED}`,
  "10.0.0.1:__name__=1": `the label name "__name__" is reserved; ${RESERVED}`,
  "10.0.0.1:a=1:b=2:a=1": 'the label "a" is given twice; legal is each label once',
};

for (const [text, reason] of Object.entries(ILLEGAL)) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => parseRange(text), new PromtapError("USAGE", `invalid -r ${JSON.stringify(text)}: ${reason}`));
  });
}

test("a range of 2^24 addresses is the largest", () => {
  assert.equal(parseRange("10.0.0.0-10.255.255.255").last, 0x0aff_ffffn);
});

test("any text is read or refused in one line that names it", () => {
  const piece = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ maxLength: 5 }),
    fc.constantFrom("-", "/", ":", "=", "24", "\n"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      try {
        const range = parseRange(text);
        assert(range.first <= range.last && range.text === text);
      } catch (error) {
        assert(error instanceof PromtapError && error.exitStatus === 2);
        assert(error.message.startsWith(`invalid -r ${JSON.stringify(text)}: `) && !error.message.includes("\n"));
      }
    }),
    { numRuns: 2000 },
  );
});
