import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { Hook } from "../../../../src/capture/bpf/program/program.ts";
import { Spans } from "../../../../src/ledger/zones/spans.ts";
import { Zone } from "../../../../src/ledger/zones/zone.ts";
import { ZoneTable } from "../../../../src/ledger/zones/zone-table.ts";
import type { Zoning } from "../../../../src/ledger/zones/zoning.ts";
import { hex, MACS } from "../../../packet/frames.ts";
import { lacking } from "../../../support/requirements.ts";
import { tableOf, zoningOf } from "../../../ledger/zones/zonings.ts";
import { frames } from "../../ring/layered-frames.ts";
import { canRun } from "../test-run.ts";
import { Twins } from "../twins.ts";

const options = { skip: lacking("root") };
/** Many more instructions, and counters of their own. */
const RANGES = ["0.0.0.0/0/8:site=four", "::/0/32:site=six"];
const HOOKS = Object.values(Hook);

/** Zones of any size, some of them side by side, and some that fill a directory's entry. */
const NAMES = {
  "1.0.0.0/8": "AU",
  "2.0.0.0-2.255.255.254": "FR",
  "3.3.0.0/24": "US",
  "3.3.1.0/24": "DE",
  "3.3.2.7": "NL",
  "3.4.255.255-3.5.0.1": "BE",
  "223.255.255.0/24": "NZ",
  "2001:200::/32": "JP",
  "2001:208::/32": "SG",
  "2001:208:1::/48": "MY",
  "2a00:1450::/29": "IE",
  "2a00:1450:4000:1:2:3:4:5": "CH",
  "2a00:1450:4000:1:2:3:4:6-2a00:1450:4000:1:2:3:4:9": "AT",
} as const;
const LOCAL = ["192.0.2.1", "2a00:1450::7", "3.3.2.9"];
/** A network that is cut into so many zones that it has a subdirectory, and one entry that is searched in many steps. */
const MANY = Object.fromEntries([
  ...Array.from({ length: 600 }, (_, k) => [`5.5.${k >> 8}.${k & 255}`, `A${k % 7}`]),
  ...Array.from({ length: 600 }, (_, k) => [`2400:${(0x1000 + k * 16).toString(16)}::/32`, `B${k % 5}`]),
  ...Array.from({ length: 300 }, (_, k) => [`2400:4:${k.toString(16)}::/48`, `C${k % 3}`]),
]);
/** NAT64's network, and IPv4 addresses in it. */
const TRANSLATED = ["64:ff9b::/96", "64:ff9b::303:100", "64:ff9b::303:207", "64:ff9b::505:14", "64:ff9b::c000:201"];
const ALL = { ...NAMES, ...MANY };

/** Addresses at the borders of the zones and anywhere. */
function addresses(version: 4 | 6): bigint[] {
  const width = version === 4 ? 32n : 128n;
  const own = [
    ...Object.keys(ALL),
    ...LOCAL,
    "10.1.2.3",
    "127.0.0.1",
    "224.0.0.5",
    "fe80::/10",
    "ff02::1",
    "::1",
    ...TRANSLATED,
  ]
    .map(parseRange)
    .filter((range) => range.version === version);
  const borders = own.flatMap(({ first, last }) => [first - 1n, first, last, last + 1n]);
  return [0n, (1n << width) - 1n, ...borders].map((value) => BigInt.asUintN(Number(width), value));
}

function frameOf(version: 4 | 6, source: bigint, destination: bigint): Uint8Array {
  const digits = version === 4 ? 8 : 32;
  const words = [source, destination].map((address) => address.toString(16).padStart(digits, "0")).join("");
  const header = version === 4 ? "0800 4500 0014 0000 4000 40 11 0000" : "86dd 6000 0000 0000 11 40";
  return hex(`${MACS} ${header} ${words}`);
}

for (const hook of HOOKS) {
  describe(`a program at ${hook} counts by zone as the ledger does`, options, () => {
    test("between addresses at the borders of zones", () => {
      using twins = new Twins([], { hook, zonings: () => [zoningOf(ALL, LOCAL)] });
      for (const version of [4, 6] as const) {
        const all = addresses(version);
        const property = fc.property(fc.constantFrom(...all), fc.constantFrom(...all), (source, destination) => {
          twins.see(frameOf(version, source, destination));
        });
        fc.assert(property, { numRuns: 4000 });
        for (const address of all) twins.see(frameOf(version, address, all[2]!));
      }
      const counted = twins.counted();
      assert.deepEqual(counted, twins.parsed());
      assert.ok(counted.zones.size > 30);
    });

    test("stacks of headers, legal and not, by two zonings, merged and not", () => {
      const zonings = () => [
        zoningOf(ALL, LOCAL),
        zoningOf({ "10.0.0.0/8": "1", "0.0.0.0/0/8": "2", "::/0": "3" }, [], "asn"),
      ];
      for (const wireSizes of [false, true]) {
        using twins = new Twins(RANGES.map(parseRange), { hook, wireSizes, zonings });
        const property = fc.property(frames, fc.constantFrom(0, 0, 100, 1448), (frame, gsoSize) => {
          // The kernel takes no segments that are as long as the packet.
          if (canRun(hook, frame)) twins.see(frame, { gsoSize: gsoSize < frame.length ? gsoSize : 0 });
        });
        fc.assert(property, { numRuns: 2000 });
        const counted = twins.counted();
        assert.deepEqual(counted, twins.parsed());
        assert.ok(counted.zones.size > 3);
      }
    });

    test("beyond the limit of slots", () => {
      using twins = new Twins([], { hook, zonings: () => [zoningOf(ALL, LOCAL, "asn", 3)] });
      for (const [k, address] of addresses(4).entries()) twins.see(frameOf(4, 0xc000_0201n, address + BigInt(k % 2)));
      const counted = twins.counted();
      assert.deepEqual(counted, twins.parsed());
      assert.ok(counted.zones.has("asn other TX"));
    });

    test("in another table, as soon as there is one, with the counts there were", () => {
      const made: Zoning[] = [];
      const zonings = () => {
        made.push(zoningOf(ALL, LOCAL));
        return [made.at(-1)!];
      };
      using twins = new Twins([], { hook, zonings });
      for (const names of [ALL, NAMES, { "1.0.0.0/8": "US", "2001:200::/32": "AU" }, {}, ALL]) {
        for (const zoning of made) assert.equal(zoning.use(tableOf(zoning, names, LOCAL)), undefined);
        for (const version of [4, 6] as const) {
          const all = addresses(version);
          for (const [k, address] of all.entries()) twins.see(frameOf(version, address, all[(k * 7) % all.length]!));
        }
      }
      assert.deepEqual(twins.counted(), twins.parsed());
    });
  });
}

test("a table that finds no room in the kernel is refused, and the one before stays in use", options, () => {
  const made: Zoning[] = [];
  using twins = new Twins([], { zonings: () => [(made[made.length] = zoningOf(NAMES, LOCAL))] });
  const [zoning] = made;
  const before = zoning!.table;
  const many = new Spans(4);
  for (let k = 0; k < 20_000; k++) many.add(k * 1000, 0, 0, 0, 1 + (k % 2));
  assert.match(zoning!.use(new ZoneTable(many, Spans.all(6, Zone.UNKNOWN)))!, /too large .* restart promtap/);
  const deep = new Spans(4);
  for (let k = 0; k < 8000; k++) deep.add(k, 0, 0, 0, 1 + (k % 2));
  assert.match(zoning!.use(new ZoneTable(deep, Spans.all(6, Zone.UNKNOWN)))!, /too large/);
  assert.equal(zoning!.table, before);
  twins.see(frameOf(4, 0xc000_0201n, 0x0101_0101n));
  assert.deepEqual(twins.counted().zones, new Map([["country AU TX", [1, 20]]]));
});

test("a small table leaves room for a host that gets two thousand addresses in one network", options, () => {
  const made: Zoning[] = [];
  using twins = new Twins([], {
    zonings: () => {
      made.push(zoningOf({ "8.0.0.0/8": "US" }));
      return [made.at(-1)!];
    },
  });
  const own = Array.from({ length: 2000 }, (_, k) => `10.96.${k >> 6}.${(k & 63) * 4}`);
  for (const zoning of made) assert.equal(zoning.use(tableOf(zoning, { "8.0.0.0/8": "US" }, own)), undefined);
  for (let k = 0; k < 1000; k++) twins.see(frameOf(4, 0x0a60_0000n + BigInt(k), 0x0808_0808n - BigInt(k)));
  for (let k = 0; k < 1000; k++) twins.see(frameOf(4, 0x0a60_0000n + BigInt(k * 31), 0x0a60_0001n + BigInt(k)));
  assert.deepEqual(twins.counted(), twins.parsed());
});

test("packets without a link header count by zone as well", options, () => {
  using twins = new Twins([], { isEthernet: false, zonings: () => [zoningOf(ALL, LOCAL)] });
  for (const version of [4, 6] as const) {
    const all = addresses(version);
    const etherType = version === 4 ? 0x0800 : 0x86dd;
    for (const [k, address] of all.entries()) {
      twins.see(frameOf(version, address, all[(k * 11) % all.length]!).slice(14), { etherType });
    }
  }
  assert.deepEqual(twins.counted(), twins.parsed());
});
