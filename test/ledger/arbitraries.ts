import fc from "fast-check";
import type { Range } from "../../src/ledger/ranges.ts";
import type { Traffic } from "./model.ts";

/*
 * Addresses lie close to each other and to the borders where words, bytes and signs change, so that ranges overlap, touch
 * and are hit.
 */
const IPV4_BORDERS = [0n, 0x0a000000n, 0x0a0000ffn, 0x7fffffffn, 0x80000000n, 0xc0000200n, 0xffffff00n, 0xffffffffn];
const IPV6_BORDERS = [
  0n,
  0xffff_ffffn,
  1n << 32n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
  1n << 64n,
  1n << 96n,
  0x20010db8n << 96n,
  (1n << 127n) - 1n,
  1n << 127n,
  (1n << 128n) - 1n,
];

/** Any address, and most often one near a border. */
export function addresses(version: 4 | 6): fc.Arbitrary<bigint> {
  const highest = (1n << (version === 4 ? 32n : 128n)) - 1n;
  const near = fc
    .tuple(fc.constantFrom(...(version === 4 ? IPV4_BORDERS : IPV6_BORDERS)), fc.bigInt(-20n, 20n))
    .map(([border, distance]) => border + distance)
    .filter((address) => address >= 0n && address <= highest);
  return fc.oneof({ weight: 4, arbitrary: near }, { weight: 1, arbitrary: fc.bigInt(0n, highest) });
}

const labels = fc.constantFrom<Range["labels"]>(
  [],
  [["customer", "acme"]],
  [
    ["customer", "acme"],
    ["site", "ams"],
  ],
  [
    ["site", "ams"],
    ["customer", "acme"],
  ],
  [["customer", "other"]],
);

function spans(version: 4 | 6): fc.Arbitrary<Range> {
  return fc.tuple(addresses(version), addresses(version), labels).map(([a, b, labels]) => {
    const [first, last] = a < b ? [a, b] : [b, a];
    return { version, first, last, rollupBits: version === 4 ? 32 : 128, labels, text: `${first}-${last}` };
  });
}

function networks(version: 4 | 6): fc.Arbitrary<Range> {
  const width = version === 4 ? 32 : 128;
  const prefixes = fc.integer({ min: 0, max: width });
  return fc.tuple(addresses(version), prefixes, fc.nat(width), labels).map(([address, prefix, more, labels]) => {
    const hostBits = BigInt(width - prefix);
    const first = (address >> hostBits) << hostBits;
    const rollupBits = Math.min(width, prefix + more);
    const text = `${first}/${prefix}/${rollupBits}`;
    return { version, first, last: first + (1n << hostBits) - 1n, rollupBits, labels, text };
  });
}

const EVERYTHING: Range[] = [
  { version: 4, first: 0n, last: 0xffff_ffffn, rollupBits: 24, labels: [], text: "0.0.0.0/0/24" },
  { version: 6, first: 0n, last: (1n << 128n) - 1n, rollupBits: 128, labels: [], text: "::/0" },
];

/** Ranges of any kind: they may overlap, hold each other, be equal, be of one address or of all. */
export const rangeLists: fc.Arbitrary<Range[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: spans(4) },
    { weight: 4, arbitrary: spans(6) },
    { weight: 3, arbitrary: networks(4) },
    { weight: 3, arbitrary: networks(6) },
    { weight: 1, arbitrary: fc.constantFrom(...EVERYTHING) },
  ),
  { maxLength: 12 },
);

/** The ends of the ranges, and the addresses beside them. */
export function bordersOf(ranges: readonly Range[], version: 4 | 6): bigint[] {
  const highest = (1n << (version === 4 ? 32n : 128n)) - 1n;
  return ranges
    .filter((range) => range.version === version)
    .flatMap(({ first, last }) => [first - 1n, first, first + 1n, last - 1n, last, last + 1n])
    .filter((address) => address >= 0n && address <= highest);
}

const protocols = fc.oneof(
  fc.constantFrom(0, 1, 2, 6, 17, 41, 47, 50, 58, 88, 89, 132, 255),
  fc.integer({ min: 0, max: 255 }),
);
const lengths = fc.oneof(fc.constantFrom(0, 64, 65, 1024, 1025, 2048, 2049), fc.nat(70_000));

function trafficOf(version: 4 | 6): fc.Arbitrary<Traffic> {
  const address = addresses(version);
  return fc.record({
    version: fc.constant(version),
    source: address,
    destination: address,
    protocol: protocols,
    lengthBytes: lengths,
  });
}

export const traffic: fc.Arbitrary<Traffic> = fc.oneof(trafficOf(4), trafficOf(6));
