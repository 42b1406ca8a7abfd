import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CustomerAccounts } from "../../../src/customers/customer-accounts.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { Direction } from "../../../src/ledger/rows.ts";
import { BYTES, PACKETS } from "../../../src/ledger/zones/slot-counters.ts";
import { FIRST_NAMED, Zone } from "../../../src/ledger/zones/zone.ts";
import { lastOf, type Listed } from "../../customers/prefix-sets.ts";
import { addresses } from "../arbitraries.ts";
import { packetOf, type Traffic } from "../model.ts";
import { books, plainCount, type TariffBook, TariffCounts } from "./books.ts";
import { sorted } from "../../support/sorted.ts";

const PROTOCOLS = [1, 6, 17, 58, 132, 200];

/** Labels and direction → packets and bytes, of all that has series. */
function countsOf(ledger: Ledger, series: CustomerAccounts): Map<string, [number, number]> {
  const counts = series.countsOf(ledger.interface("eth0"));
  const found: [string, [number, number]][] = [];
  for (let slot = Zone.OTHER; slot < series.slots.count; slot++) {
    for (const [name, direction] of Object.entries(Direction)) {
      const packets = counts.count(slot, direction, PACKETS);
      const labels = slot < FIRST_NAMED ? series.otherLabels : series.labelsOf(slot);
      if (packets > 0) found.push([`${labels} ${name}`, [packets, counts.count(slot, direction, BYTES)]]);
    }
  }
  return sorted(found);
}

/** Addresses of both kinds of lists and their neighbours, and any others. */
function packetsFor({ customers, zones }: TariffBook): fc.Arbitrary<Traffic[]> {
  const versions = [4, 6] as const;
  const ends = (version: 4 | 6): fc.Arbitrary<bigint> => {
    const borders = [...customers, ...zones].flatMap((prefix: Listed) =>
      prefix.version === version ? [prefix.first, lastOf(prefix)] : [],
    );
    return borders.length === 0 ? addresses(version) : fc.oneof(fc.constantFrom(...borders), addresses(version));
  };
  const packets = versions.map((version) =>
    fc.record({
      version: fc.constant(version),
      source: ends(version),
      destination: ends(version),
      protocol: fc.constantFrom(...PROTOCOLS),
      lengthBytes: fc.integer({ min: 20, max: 1500 }),
    }),
  );
  return fc.array(fc.oneof(...packets), { maxLength: 60 });
}

const traffic = books.chain((book) => fc.tuple(fc.constant(book), packetsFor(book)));

function ledgerOf({ accounts }: CustomerAccounts): Ledger {
  return new Ledger(new RangeTable([]), 1, [], { accounts });
}

/** Counts as the ring does, which gives what it can in the short way of IPv4. */
function see(ledger: Ledger, packets: readonly Traffic[]): void {
  const { sink } = ledger.interface("eth0");
  for (const each of packets) {
    const packet = packetOf(each);
    const { version, source, destination, protocol, lengthBytes } = packet;
    if (version === 4 && sink.recordIpv4(source, destination, protocol, lengthBytes)) continue;
    sink.record(packet);
  }
}

test("each customer has what a plain longest-prefix count gives it, by zone and protocol", async () => {
  await fc.assert(
    fc.asyncProperty(traffic, async ([book, packets]) => {
      const counts = new TariffCounts(10, ["zone", "protocol"], 10_000);
      assert.deepEqual(await counts.use(book), [undefined, undefined]);
      const ledger = ledgerOf(counts.series);
      see(ledger, packets);
      assert.deepEqual(countsOf(ledger, counts.series), plainCount(book, packets));
    }),
  );
});

test("other customers and zones count from when they come, and what there was keeps its counts", async () => {
  await fc.assert(
    fc.asyncProperty(traffic, books, async ([book, packets], later) => {
      const counts = new TariffCounts(10, ["zone", "protocol"], 10_000);
      const ledger = ledgerOf(counts.series);
      await counts.use(book);
      see(ledger, packets);
      assert.deepEqual(await counts.use(later), [undefined, undefined]);
      see(ledger, packets);
      const expected = plainCount(later, packets, plainCount(book, packets));
      assert.deepEqual(countsOf(ledger, counts.series), expected);
    }),
    { numRuns: 50 },
  );
});

test("whatever the limit, no packet is lost, and no more than that have series", async () => {
  let evicted = 0;
  await fc.assert(
    fc.asyncProperty(traffic, fc.nat(6), async ([book, packets], limit) => {
      const counts = new TariffCounts(10, ["zone", "protocol"], limit);
      await counts.use(book);
      const ledger = ledgerOf(counts.series);
      for (const packet of packets) {
        see(ledger, [packet]);
        for (const _ of ledger.look());
      }
      const { slots } = counts.series;
      assert.ok(slots.quota.used <= limit);
      evicted += slots.evicted;
      const sum = (map: Map<string, [number, number]>, direction: string): number[] =>
        [...map].reduce(
          ([packets, bytes], [name, of]) =>
            name.endsWith(direction) ? [packets! + of[0], bytes! + of[1]] : [packets!, bytes!],
          [0, 0],
        );
      const [counted, expected] = [countsOf(ledger, counts.series), plainCount(book, packets)];
      for (const direction of ["TX", "RX"]) assert.deepEqual(sum(counted, direction), sum(expected, direction));
    }),
  );
  assert.ok(evicted > 10, `only ${evicted} gave way`);
});

/** Told apart in the order in which they are seen, as long as there is room: two of these have it, and no tag needs none. */
const [SINGLE, DOUBLE, LATE] = [7, (100 << 12) | 7, 4094];

test("a customer has counts in each VLAN, and the VLANs that find no room together", async () => {
  const tags = fc.array(fc.constantFrom(undefined, SINGLE, DOUBLE, LATE), { minLength: 60, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(traffic, tags, async ([book, packets], vlans) => {
      const counts = new TariffCounts(10, ["vlan", "zone", "protocol"], 10_000, 2);
      await counts.use(book);
      const ledger = ledgerOf(counts.series);
      const own: Traffic = { version: 4, source: 1n, destination: 2n, protocol: 6, lengthBytes: 64 };
      const customers = [...book.customers, { version: 4, first: 1n, bits: 32, labels: { customer: "own" } } as const];
      const withOwn = { ...book, customers };
      await counts.use(withOwn);
      const first = [SINGLE, DOUBLE].map((vlan) => ({ ...own, vlan }));
      const sent = [...first, ...packets.map((each, index) => ({ ...each, vlan: vlans[index] ?? 0 }))];
      see(ledger, sent);
      const labels = { [SINGLE]: ',vlan="7"', [DOUBLE]: ',vlan="100.7"', [LATE]: ',vlan="other"' };
      assert.deepEqual(countsOf(ledger, counts.series), plainCount(withOwn, sent, undefined, labels));
    }),
  );
});

test("a merged frame counts as the packets it stands for, with their headers", async () => {
  const prefix: Listed = { version: 4, first: 0x0a00_0000n, bits: 8, labels: { customer: "c" } };
  const counts = new TariffCounts(1, ["zone"], 10);
  await counts.use({ customers: [prefix], zones: [] });
  const ledger = ledgerOf(counts.series);
  const packet = packetOf({ version: 4, source: 0x0a00_0001n, destination: 1n, protocol: 6, lengthBytes: 3040 });
  ledger.interface("eth0").sink.recordAggregated(Object.assign(packet, { headerBytes: 40, segmentBytes: 1000 }));
  assert.deepEqual([...countsOf(ledger, counts.series)], [['customer="c",zone="rest" TX', [3, 3120]]]);
});
