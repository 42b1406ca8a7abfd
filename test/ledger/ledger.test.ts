import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { InterfaceLedger } from "../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { type Range, RangeTable } from "../../src/ledger/ranges.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { Packet, Verdict } from "../../src/packet/packet.ts";
import { Direction } from "../../src/ledger/rows.ts";
import type { Zoning } from "../../src/ledger/zones/zoning.ts";
import { parseRange } from "../../src/config/range-syntax.ts";
import { bordersOf, rangeLists, traffic } from "./arbitraries.ts";
import { zoningOf } from "./zones/zonings.ts";
import { Model, packetOf, seriesOf, type SeriesCounts, type Traffic } from "./model.ts";

const NO_LIMIT = 1_000_000;
const TCP = 6;

function ledgerOf(limit: number, ...texts: string[]): Ledger {
  return new Ledger(new RangeTable(texts.map(parseRange)), limit);
}

function send(ledger: InterfaceLedger, source: string, destination: string, fields: Partial<Traffic> = {}): void {
  const { version } = parseAddress(source)!;
  const addresses = { source: ip(source), destination: ip(destination) };
  ledger.record(packetOf({ version, ...addresses, protocol: TCP, lengthBytes: 100, ...fields }));
}

/** What of the traffic belongs to addresses: series → packets and bytes. */
function addressTotals(ledger: Ledger, name = "eth0"): Record<string, [packets: number, bytes: number]> {
  const series = [...seriesOf(ledger.interface(name), ledger.ranges)].filter(([key]) => key !== "all");
  return Object.fromEntries(series.map(([key, counts]) => [key, [packetsOf(counts), counts.bytes]]));
}

/** The number that an address is. */
function ip(text: string): bigint {
  return parseAddress(text)!.value;
}

function packetsOf({ buckets }: SeriesCounts): number {
  return buckets.reduce((sum, count) => sum + count, 0);
}

test("any traffic over any ranges is counted as by the model, to the last byte", () => {
  const lists = fc.array(fc.tuple(fc.constantFrom("eth0", "wg0"), traffic), { maxLength: 120 });
  const property = fc.property(rangeLists, lists, fc.nat(25), (ranges, list, limit) => {
    const table = new RangeTable(ranges);
    const ledger = new Ledger(table, limit);
    const model = new Model(ranges, limit);
    for (const [name, packet] of [...list, ...alongBorders(ranges)]) {
      ledger.interface(name).record(packetOf(packet));
      model.record(name, packet);
    }
    for (const each of ledger.interfaces()) {
      assert.deepEqual(seriesOf(each, table), model.seriesOf(each.name));
    }
    assert.equal(ledger.addresses.used, model.addresses);
    const refused = ledger.interfaces().reduce((sum, each) => sum + each.addresses.refusedPackets(), 0);
    assert.equal(refused, model.refused);
  });
  fc.assert(property, { numRuns: 400 });
});

/** A packet from and to each end of each range. */
function alongBorders(ranges: readonly Range[]): [string, Traffic][] {
  return ([4, 6] as const).flatMap((version) =>
    bordersOf(ranges, version).map((address, index, all): [string, Traffic] => {
      const destination = all[all.length - 1 - index]!;
      return ["eth0", { version, source: address, destination, protocol: TCP, lengthBytes: index }];
    }),
  );
}

test("a packet between two addresses of a range counts for both, once in each direction", () => {
  const ledger = ledgerOf(NO_LIMIT, "192.0.2.0/24");
  send(ledger.interface("eth0"), "192.0.2.1", "192.0.2.255");
  assert.deepEqual(addressTotals(ledger), {
    [`tx 4 ${ip("192.0.2.1")}/32 tcp`]: [1, 100],
    [`rx 4 ${ip("192.0.2.255")}/32 tcp`]: [1, 100],
  });
});

test("a packet from an address to itself is sent and received", () => {
  const ledger = ledgerOf(NO_LIMIT, "192.0.2.0/24", "2001:db8::/64");
  send(ledger.interface("eth0"), "192.0.2.1", "192.0.2.1");
  send(ledger.interface("eth0"), "2001:db8::1", "2001:db8::1");
  assert.deepEqual(addressTotals(ledger), {
    [`tx 4 ${ip("192.0.2.1")}/32 tcp`]: [1, 100],
    [`rx 4 ${ip("192.0.2.1")}/32 tcp`]: [1, 100],
    [`tx 6 ${ip("2001:db8::1")}/128 tcp`]: [1, 100],
    [`rx 6 ${ip("2001:db8::1")}/128 tcp`]: [1, 100],
  });
});

test("a protocol without a name is counted without one, and icmpv6 is none of IPv4's", () => {
  const ledger = ledgerOf(NO_LIMIT, "192.0.2.1", "::1");
  for (const protocol of [0, 58, 255]) send(ledger.interface("eth0"), "192.0.2.1", "198.51.100.1", { protocol });
  send(ledger.interface("eth0"), "::1", "::2", { protocol: 58 });
  assert.deepEqual(addressTotals(ledger), {
    [`tx 4 ${ip("192.0.2.1")}/32 `]: [3, 300],
    "tx 6 1/128 icmpv6": [1, 100],
  });
});

test("the first and the last address there is can be accounted", () => {
  const ledger = ledgerOf(NO_LIMIT, "0.0.0.0-0.0.0.1", "255.255.255.254-255.255.255.255");
  send(ledger.interface("eth0"), "0.0.0.0", "255.255.255.255");
  assert.deepEqual(addressTotals(ledger), { "tx 4 0/32 tcp": [1, 100], "rx 4 4294967295/32 tcp": [1, 100] });
});

test("a rollup makes one series of a /24 of IPv4 and of a /64 of IPv6", () => {
  const ledger = ledgerOf(NO_LIMIT, "10.0.0.0/8/24", "2001:db8::/48/64");
  for (const host of ["10.1.2.0", "10.1.2.3", "10.1.2.255", "10.1.3.0"]) {
    send(ledger.interface("eth0"), host, "192.0.2.1");
  }
  for (const host of ["2001:db8:0:7::1", "2001:db8:0:7:ffff::", "2001:db8:0:8::"]) {
    send(ledger.interface("eth0"), "::1", host);
  }
  assert.deepEqual(addressTotals(ledger), {
    [`tx 4 ${ip("10.1.2.0")}/24 tcp`]: [3, 300],
    [`tx 4 ${ip("10.1.3.0")}/24 tcp`]: [1, 100],
    [`rx 6 ${ip("2001:db8:0:7::")}/64 tcp`]: [2, 200],
    [`rx 6 ${ip("2001:db8:0:8::")}/64 tcp`]: [1, 100],
  });
  assert.equal(ledger.addresses.used, 4);
});

test("an address of an earlier range is left out of the rollup around it", () => {
  const ledger = ledgerOf(NO_LIMIT, "10.0.0.0:host=gateway", "10.0.0.0/8/24");
  send(ledger.interface("eth0"), "10.0.0.0", "10.0.0.1");
  assert.deepEqual(addressTotals(ledger), {
    [`tx 4 host=gateway ${ip("10.0.0.0")}/32 tcp`]: [1, 100],
    [`rx 4 ${ip("10.0.0.0")}/24 tcp`]: [1, 100],
  });
});

test("addresses beyond the limit share `other`, one for each set of labels and IP version", () => {
  const ledger = ledgerOf(2, "10.0.0.0/24:site=a", "10.0.1.0/24:site=a", "10.0.2.0/24:site=b", "::/64:site=a");
  const eth0 = ledger.interface("eth0");
  for (const host of ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.4", "10.0.2.5", "10.0.2.6"]) {
    send(eth0, host, "192.0.2.1");
  }
  send(eth0, "::7", "2001:db8::1");
  send(eth0, "10.0.0.1", "192.0.2.1");
  assert.deepEqual(addressTotals(ledger), {
    [`tx 4 site=a ${ip("10.0.0.1")}/32 tcp`]: [2, 200],
    [`tx 4 site=a ${ip("10.0.0.2")}/32 tcp`]: [1, 100],
    "tx 4 site=a other tcp": [2, 200],
    "tx 4 site=b other tcp": [2, 200],
    "tx 6 site=a other tcp": [1, 100],
  });
  assert.equal(eth0.addresses.refusedPackets(), 5);
  assert.equal(ledger.addresses.used, 2);
});

test("an empty label is no label, so it shares `other` with the ranges that lack it", () => {
  const ledger = ledgerOf(0, "10.0.0.1:site=", "10.0.0.2");
  send(ledger.interface("eth0"), "10.0.0.1", "10.0.0.2");
  assert.equal(ledger.interface("eth0").rows.count, 1);
});

test("interfaces share the limit: an address counts on each that sees it", () => {
  const ledger = ledgerOf(3, "10.0.0.0/24");
  for (const name of ["eth0", "eth1"]) send(ledger.interface(name), "10.0.0.1", "10.0.0.2");
  assert.deepEqual(Object.keys(addressTotals(ledger, "eth1")), [`tx 4 ${ip("10.0.0.1")}/32 tcp`, "rx 4 other tcp"]);
  assert.equal(ledger.addresses.used, 3);
});

test("a limit of 0 leaves `other` alone", () => {
  const ledger = ledgerOf(0, "10.0.0.0/24", "2001:db8::/48/64");
  send(ledger.interface("eth0"), "10.0.0.1", "10.0.0.2");
  send(ledger.interface("eth0"), "2001:db8::1", "2001:db8::2");
  const other = { "tx 4 other tcp": [1, 100], "rx 4 other tcp": [1, 100] };
  assert.deepEqual(addressTotals(ledger), { ...other, "tx 6 other tcp": [1, 100], "rx 6 other tcp": [1, 100] });
});

test("hundreds of sets of labels have an `other` each", () => {
  const hosts = Array.from({ length: 200 }, (_, host) => `10.0.0.${host}`);
  const ledger = ledgerOf(0, ...hosts.map((host, index) => `${host}:site=${index}`));
  for (const host of hosts) send(ledger.interface("eth0"), host, "192.0.2.1");
  const expected = hosts.map((_, index): [string, number[]] => [`tx 4 site=${index} other tcp`, [1, 100]]);
  assert.deepEqual(addressTotals(ledger), Object.fromEntries(expected));
});

test("a whole /16 in both directions grows every table and loses nothing", () => {
  const ledger = ledgerOf(NO_LIMIT, "10.7.0.0/16");
  const eth0 = ledger.interface("eth0");
  const base = ip("10.7.0.0");
  const packet = { version: 4, protocol: TCP, lengthBytes: 65 } as const;
  for (let host = 0n; host < 65_536n; host++) {
    eth0.record(packetOf({ ...packet, source: base + host, destination: base + (65_535n - host) }));
  }
  const series = seriesOf(eth0, ledger.ranges);
  assert.equal(series.size, 1 + 2 * 65_536);
  const once = { buckets: [0, 1, 0, 0, 0, 0, 0], bytes: 65 };
  for (const [name, counts] of series) if (name !== "all") assert.deepEqual(counts, once, name);
  assert.equal(packetsOf(series.get("all")!), 65_536);
});

test("frames that are not accounted by address count for their interface, and by their verdict", () => {
  const ledger = ledgerOf(NO_LIMIT, "0.0.0.0/0/24");
  const eth0 = ledger.interface("eth0");
  assert.equal(eth0.isEmpty(), true);
  for (const verdict of [Verdict.NOT_IP, Verdict.TRUNCATED, Verdict.MALFORMED, Verdict.UNKNOWN_LINK]) {
    // Addresses of the frame before are still in the record.
    const leftover = packetOf({ version: 4, source: 1n, destination: 2n, protocol: TCP, lengthBytes: 50 });
    for (let count = 0; count <= verdict; count++) eth0.record(Object.assign(leftover, { verdict }));
  }
  assert.deepEqual([...eth0.verdicts], [0, 2, 3, 4, 5]);
  assert.equal(eth0.rows.count, 0);
  assert.deepEqual(seriesOf(eth0, ledger.ranges).get("all"), { buckets: [14, 0, 0, 0, 0, 0, 0], bytes: 700 });
  assert.equal(eth0.isEmpty(), false);
});

test("bytes are exact up to 2^53", () => {
  const ledger = ledgerOf(NO_LIMIT);
  const eth0 = ledger.interface("eth0");
  const packet = Object.assign(new Packet(), { lengthBytes: 1 });
  eth0.slots.counters[7] = Number.MAX_SAFE_INTEGER - 1;
  eth0.record(packet);
  assert.equal(eth0.slots.counters[7], Number.MAX_SAFE_INTEGER);
});

test("the ledger of an interface outlives it", () => {
  const ledger = ledgerOf(NO_LIMIT);
  assert.equal(ledger.interface("eth0"), ledger.interface("eth0"));
  assert.notEqual(ledger.interface("eth0"), ledger.interface("eth1"));
  assert.deepEqual(
    ledger.interfaces().map(({ name }) => name),
    ["eth0", "eth1"],
  );
});

test("hundreds of interfaces find the addresses of the widest range in little memory", () => {
  const before = process.memoryUsage().arrayBuffers;
  const ledger = ledgerOf(131_072, "0.0.0.0/0/24");
  const names = Array.from({ length: 256 }, (_, index) => `veth${index}`);
  for (const name of names) send(ledger.interface(name), "1.2.3.4", "223.255.255.1");
  const bytes = process.memoryUsage().arrayBuffers - before;
  assert.ok(bytes < 48 * 2 ** 20, `${bytes} bytes`);
  for (const name of names) {
    assert.deepEqual(addressTotals(ledger, name), {
      [`tx 4 ${ip("1.2.3.0")}/24 tcp`]: [1, 100],
      [`rx 4 ${ip("223.255.255.0")}/24 tcp`]: [1, 100],
    });
  }
});

test("a forgotten interface gives its addresses back, and begins again", () => {
  const ledger = ledgerOf(2, "10.0.0.0/24", "2001:db8::/64");
  send(ledger.interface("eth0"), "10.0.0.1", "8.8.8.8");
  send(ledger.interface("veth1"), "2001:db8::1", "2001:db8:1::1");
  send(ledger.interface("veth1"), "10.0.0.2", "10.0.0.3");
  assert.equal(ledger.addresses.used, 2);
  ledger.forget("veth1");
  ledger.forget("veth7");
  assert.equal(ledger.addresses.used, 1);
  assert.deepEqual(
    ledger.interfaces().map(({ name }) => name),
    ["eth0"],
  );
  assert.ok(ledger.interface("veth1").isEmpty());
  send(ledger.interface("veth1"), "10.0.0.2", "8.8.8.8");
  assert.equal(ledger.interface("veth1").addresses.refusedPackets(), 0);
  assert.equal(ledger.addresses.used, 2);
});

test("counts in other ways besides from now on: those that stay go on, and addresses do as well", () => {
  const [stays, goes, comes] = ["a", "b", "c"].map((label) => zoningOf({ "8.8.8.0/24": "US" }, [], label));
  const ledger = new Ledger(new RangeTable([parseRange("10.0.0.0/8")]), NO_LIMIT, [stays!, goes!]);
  const eth0 = ledger.interface("eth0");
  const sendTo = (each: InterfaceLedger): void =>
    each.sink.record(
      packetOf({ version: 4, source: ip("10.0.0.1"), destination: ip("8.8.8.8"), protocol: TCP, lengthBytes: 100 }),
    );
  const packets = (zoning: Zoning, each = eth0) =>
    each.zonesOf(zoning)?.counts.packets(zoning.slotOf(zoning.knownZone("US")!, Direction.TX), Direction.TX);
  sendTo(eth0);
  const { edition } = ledger;
  ledger.countFurther({ zonings: [comes!, stays!], accounts: undefined });
  assert.notEqual(ledger.edition, edition);
  for (const each of [eth0, eth0, ledger.interface("eth1")]) sendTo(each);
  assert.deepEqual(
    [stays!, goes!, comes!].map((zoning) => packets(zoning)),
    [3, undefined, 2],
  );
  assert.equal(packets(comes!, ledger.interface("eth1")), 1);
  assert.deepEqual(goes!.slots.hasSent(goes!.slotOf(goes!.knownZone("US")!, Direction.TX)), false);
  assert.deepEqual(addressTotals(ledger), { "tx 4 167772161/32 tcp": [3, 300] });
});
