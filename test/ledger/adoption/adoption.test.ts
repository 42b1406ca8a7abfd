import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../../src/config/range-syntax.ts";
import type { InterfaceLedger } from "../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { type Range, RangeTable } from "../../../src/ledger/ranges.ts";
import { parseAddress } from "../../../src/packet/address.ts";
import { Packet, Unopened } from "../../../src/packet/packet.ts";
import { bordersOf, rangeLists, traffic } from "../arbitraries.ts";
import { firstRange, Model, packetOf, type SeriesCounts, seriesOf, type Traffic } from "../model.ts";

const NO_LIMIT = 1_000_000;
const TCP = 6;

type Series = Map<string, SeriesCounts>;

/** Series that are in either, summed. */
function sum(one: Series, other: Series): Series {
  const all = new Map(one);
  for (const [name, { buckets, bytes }] of other) {
    const before = all.get(name) ?? { buckets: buckets.map(() => 0), bytes: 0 };
    all.set(name, {
      buckets: buckets.map((count, index) => count + before.buckets[index]!),
      bytes: bytes + before.bytes,
    });
  }
  return all;
}

/** Direction, version, labels and address of all series that ranges can have, by what each address on a border has. */
function namesOf(ranges: readonly Range[], addresses: readonly bigint[], version: 4 | 6): string[] {
  return addresses.flatMap((address) => {
    const range = ranges[firstRange(ranges, version, address)];
    if (range === undefined) return [];
    const hostBits = BigInt((version === 4 ? 32 : 128) - range.rollupBits);
    const labels = range.labels.map((label) => label.join("=")).toSorted();
    const network = `${(address >> hostBits) << hostBits}/${range.rollupBits}`;
    return ["tx", "rx"].map((direction) => [direction, version, ...labels, network].join(" "));
  });
}

/** What a network with these ends has in it, as far as ranges can tell. */
function isIn(name: string, names: ReadonlySet<string>): boolean {
  return name === "all" || names.has(name.slice(0, name.lastIndexOf(" ")));
}

test("any traffic over any ranges, then over others: what both have goes on, and the rest is told once", () => {
  const lists = fc.array(fc.tuple(fc.constantFrom("eth0", "wg0"), traffic), { maxLength: 60 });
  const property = fc.property(rangeLists, rangeLists, lists, lists, (before, after, first, second) => {
    const [tableBefore, tableAfter] = [before, after].map((ranges) => new RangeTable(ranges));
    const ledger = new Ledger(tableBefore!, NO_LIMIT);
    const [modelBefore, modelAfter] = [before, after].map((ranges) => new Model(ranges, NO_LIMIT));
    for (const [name, packet] of first) {
      ledger.interface(name).record(packetOf(packet));
      modelBefore!.record(name, packet);
    }
    ledger.rerange(tableAfter!, NO_LIMIT);
    for (const [name, packet] of second) {
      ledger.interface(name).record(packetOf(packet));
      modelAfter!.record(name, packet);
    }
    const departed = ledger.takeDeparted();
    assert.deepEqual(ledger.takeDeparted(), []);
    const names = new Set(
      ([4, 6] as const).flatMap((version) => {
        const seen = [...first, ...second].flatMap(([, { source, destination }]) => [source, destination]);
        const highest = (1n << (version === 4 ? 32n : 128n)) - 1n;
        const ends = [...bordersOf([...before, ...after], version), ...seen.filter((address) => address <= highest)];
        return namesOf(after, ends, version);
      }),
    );
    for (const each of ledger.interfaces()) {
      const old = modelBefore!.seriesOf(each.name);
      const kept = new Map([...old].filter(([name]) => isIn(name, names)));
      const gone = [...old].filter(([name]) => !isIn(name, names));
      assert.deepEqual(seriesOf(each, tableAfter!), sum(kept, modelAfter!.seriesOf(each.name)));
      const left = departed.find(({ name }) => name === each.name);
      const told = left === undefined ? [] : [...seriesOf(left, tableBefore!)].filter(([name]) => name !== "all");
      assert.deepEqual(new Map(told), new Map(gone));
    }
  });
  fc.assert(property, { numRuns: 400 });
});

function ledgerOf(limit: number, ...texts: string[]): Ledger {
  return new Ledger(new RangeTable(texts.map(parseRange)), limit);
}

function send(ledger: InterfaceLedger, source: string, destination: string): void {
  const value = (text: string): bigint => parseAddress(text)!.value;
  const packet: Traffic = {
    version: 4,
    source: value(source),
    destination: value(destination),
    protocol: TCP,
    lengthBytes: 100,
  };
  ledger.record(packetOf(packet));
}

test("what was refused stays refused, under labels that stay", () => {
  const ledger = ledgerOf(1, "10.0.0.0/8/24:a=1", "11.0.0.0/8/24:a=2");
  const eth0 = ledger.interface("eth0");
  for (const address of ["10.0.0.1", "10.0.1.1", "11.0.0.1", "11.0.1.1"]) send(eth0, address, "192.0.2.1");
  assert.equal(eth0.addresses.refusedPackets(), 3);
  ledger.rerange(new RangeTable([parseRange("10.0.0.0/8/24:a=1")]), 2);
  const now = ledger.interface("eth0");
  assert.equal(now.addresses.refusedPackets(), 3);
  assert.equal(ledger.addresses.used, 1);
  const packets = [...seriesOf(now, ledger.ranges)].map(([name, { buckets }]) => [name, Math.max(...buckets)]);
  assert.deepEqual(packets, [
    ["all", 4],
    ["tx 4 a=1 167772160/24 tcp", 1],
    ["tx 4 a=1 other tcp", 1],
  ]);
  send(now, "10.0.2.1", "192.0.2.1");
  assert.equal(ledger.addresses.used, 2);
});

test("folds are told of all slots that move", () => {
  const ledger = ledgerOf(NO_LIMIT, "10.0.0.0/30");
  const eth0 = ledger.interface("eth0");
  send(eth0, "10.0.0.1", "10.0.0.2");
  const told: unknown[] = [];
  ledger.watchFolds((from, slot, into, to) => told.push([from === eth0, slot, to === ledger.interface("eth0"), into]));
  ledger.rerange(new RangeTable([parseRange("10.0.0.2"), parseRange("10.0.0.0/24")]), NO_LIMIT);
  assert.equal(told.length, 3);
  assert.deepEqual(told[0], [true, 0, true, 0]);
});

test("tunnels that were not opened stay counted", () => {
  const ledger = new Ledger(new RangeTable([]), NO_LIMIT, [], { opensTunnels: true });
  const unopened = (): number[] => [...ledger.interface("eth0").unopened];
  const packet = new Packet();
  packet.unopened = Unopened.FRAGMENT;
  ledger.interface("eth0").sink.record(packet);
  const before = unopened();
  assert.equal(before[Unopened.FRAGMENT], 1);
  ledger.rerange(new RangeTable([parseRange("10.0.0.0/8")]), NO_LIMIT);
  assert.deepEqual(unopened(), before);
  ledger.interface("eth0").sink.record(packet);
  assert.equal(unopened()[Unopened.FRAGMENT], 2);
});
