import assert from "node:assert/strict";
import { isIP, SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { formatIpv4, formatIpv6, parseAddress } from "../../src/packet/address.ts";

const word = fc.integer({ min: 0, max: 0xffff_ffff });
/** Words in which runs of zero groups are common. */
const sparseWord = fc.oneof(fc.constantFrom(0, 1, 0x1_0000, 0xffff), word);
const words = fc.tuple(sparseWord, sparseWord, sparseWord, sparseWord);

const valueOf = (...parts: number[]): bigint => parts.reduce((value, part) => (value << 32n) | BigInt(part), 0n);
const isMapped = (parts: readonly number[]): boolean => parts[0] === 0 && parts[1] === 0 && parts[2] === 0xffff;
/** An IPv6 address as the URL standard writes it, which is RFC 5952 without mixed notation. */
const urlForm = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

const VALUES: [string, 4 | 6, bigint][] = [
  ["0.0.0.0", 4, 0n],
  ["192.168.1.100", 4, 0xc0a8_0164n],
  ["255.255.255.255", 4, 0xffff_ffffn],
  ["::", 6, 0n],
  ["::1", 6, 1n],
  ["1::", 6, 1n << 112n],
  ["2001:DB8::ff00:42:8329", 6, 0x2001_0db8_0000_0000_0000_ff00_0042_8329n],
  ["1:2:3:4:5:6:7:8", 6, 0x0001_0002_0003_0004_0005_0006_0007_0008n],
  ["1:2:3:4:5:6:7::", 6, 0x0001_0002_0003_0004_0005_0006_0007_0000n],
  ["::ffff:192.0.2.1", 6, 0xffff_c000_0201n],
  ["64:ff9b::192.0.2.33", 6, 0x0064_ff9b_0000_0000_0000_0000_c000_0221n],
  ["1:2:3:4:5:6:255.255.255.255", 6, 0x0001_0002_0003_0004_0005_0006_ffff_ffffn],
];

for (const [text, version, value] of VALUES) {
  test(`${text} is read as its number`, () => assert.deepEqual(parseAddress(text), { version, value }));
}

const ILLEGAL = [
  "",
  ".",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "1.2.3.04",
  "1.2.3.-4",
  "1.2.3.4 ",
  "1.2.3.0x4",
  "1..3.4",
  "16909060",
  ":",
  ":::",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  "1::2::3",
  ":1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:7:",
  "12345::",
  "g::",
  "::1%eth0",
  "[::1]",
  "::1.2.3",
  "1.2.3.4::",
  "1.2.3.4:5::",
  "1:2:3:4:5:6:7:1.2.3.4",
  "1:2:3:4:5:1.2.3.4",
  "::01.2.3.4",
];

for (const text of ILLEGAL) {
  test(`${JSON.stringify(text)} is no address`, () => assert.equal(parseAddress(text), null));
}

test("what is an address, and of which version, is what Node says", () => {
  const legal = fc.oneof(fc.ipV4(), fc.ipV6());
  // One character put in place of another, or of none, makes most of the near misses there are.
  const nearMiss = fc
    .tuple(legal, fc.nat(40), fc.nat(2), fc.constantFrom("", ":", "::", ".", "0", "f", "g", "1", " ", "/", "-"))
    .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));
  fc.assert(
    fc.property(fc.oneof(legal, nearMiss, fc.string()), (text) => {
      fc.pre(!text.includes("%"));
      assert.equal(parseAddress(text)?.version ?? 0, isIP(text));
    }),
    { numRuns: 3000 },
  );
});

test("every IPv4 address is written as Node writes it, and read back", () => {
  fc.assert(
    fc.property(word, (value) => {
      const text = formatIpv4(value);
      const [a, b, c, d] = new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
      assert.equal(text, `${d}.${c}.${b}.${a}`);
      assert.deepEqual(parseAddress(text), { version: 4, value: BigInt(value) });
    }),
  );
});

test("every IPv6 address is written canonically, and read back", () => {
  fc.assert(
    fc.property(words, (parts) => {
      const text = formatIpv6(...parts);
      assert.deepEqual(parseAddress(text), { version: 6, value: valueOf(...parts) });
      if (!isMapped(parts)) assert.equal(text, urlForm(text));
    }),
    { numRuns: 2000 },
  );
});

test("every text of an IPv6 address means what it means in a URL", () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const { value } = parseAddress(text)!;
      const parts = [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
      const written = formatIpv6(parts[0]!, parts[1]!, parts[2]!, parts[3]!);
      assert.equal(urlForm(written), urlForm(text));
    }),
  );
});

test("an IPv4-mapped address is written in mixed notation, as Node writes it", () => {
  fc.assert(
    fc.property(word, (value) => {
      const text = formatIpv6(0, 0, 0xffff, value);
      assert.equal(text, `::ffff:${formatIpv4(value)}`);
      assert.equal(text, new SocketAddress({ address: urlForm(text), family: "ipv6" }).address);
    }),
  );
});

const CANONICAL: [string, [number, number, number, number]][] = [
  ["::", [0, 0, 0, 0]],
  ["::1", [0, 0, 0, 1]],
  ["1::", [0x0001_0000, 0, 0, 0]],
  ["2001:db8::2:1", [0x2001_0db8, 0, 0, 0x0002_0001]],
  // RFC 5952, section 4.2.2: one zero group is not shortened; section 4.2.3: the longest run is, the first on a tie.
  ["2001:db8:0:1:1:1:1:1", [0x2001_0db8, 0x0000_0001, 0x0001_0001, 0x0001_0001]],
  ["2001:0:0:1::1", [0x2001_0000, 0x0000_0001, 0, 0x0000_0001]],
  ["2001:db8::1:0:0:1", [0x2001_0db8, 0, 0x0001_0000, 0x0000_0001]],
  ["abcd:ef01:2345:6789:abcd:ef01:2345:6789", [0xabcd_ef01, 0x2345_6789, 0xabcd_ef01, 0x2345_6789]],
];

for (const [text, parts] of CANONICAL) {
  test(`${text} is written so`, () => assert.equal(formatIpv6(...parts), text));
}
