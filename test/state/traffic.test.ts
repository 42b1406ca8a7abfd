import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../src/config/range-syntax.ts";
import { Accounts } from "../../src/ledger/accounts/accounts.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { type Range, RangeTable } from "../../src/ledger/ranges.ts";
import { Direction } from "../../src/ledger/rows.ts";
import { KnownVlans } from "../../src/ledger/vlans/known-vlans.ts";
import { NO_VLAN, OTHER_VLAN } from "../../src/ledger/vlans/vlan.ts";
import { Ends, FIRST_NAMED, Zone } from "../../src/ledger/zones/zone.ts";
import { BYTES, PACKETS } from "../../src/ledger/zones/slot-counters.ts";
import { Zoning } from "../../src/ledger/zones/zoning.ts";
import { ByteReader } from "../../src/state/byte-reader.ts";
import { readTraffic } from "../../src/state/traffic-reader.ts";
import { writeTraffic } from "../../src/state/traffic-writer.ts";
import { rangeLists, traffic } from "../ledger/arbitraries.ts";
import { Model, packetOf, seriesOf } from "../ledger/model.ts";

const NO_LIMIT = 1_000_000;
const NAMES = ["eth0", "wg0", "br-ü"];

async function noTurn(): Promise<void> {}

async function written(ledger: Ledger, lost: ReadonlyMap<string, number> = new Map()): Promise<Uint8Array> {
  return Buffer.concat(await writeTraffic(ledger, lost, noTurn));
}

/** A ledger that goes on from what was written, by other ranges or the same. */
function successor(bytes: Uint8Array, ranges: readonly Range[], limit = NO_LIMIT, zonings: Zoning[] = []): Ledger {
  const ledger = new Ledger(new RangeTable(ranges), limit, zonings);
  ledger.succeed(readTraffic(new ByteReader(bytes), limit));
  return ledger;
}

function ranges(...texts: string[]): Range[] {
  return texts.map(parseRange);
}

test("any traffic over any ranges, written and read, goes on as if nothing had been", async () => {
  const lists = fc.array(fc.tuple(fc.constantFrom(...NAMES), traffic), { maxLength: 40 });
  const property = fc.asyncProperty(rangeLists, lists, lists, fc.nat(12), async (given, first, second, limit) => {
    const before = new Ledger(new RangeTable(given), limit);
    const unbroken = new Ledger(new RangeTable(given), limit);
    for (const [name, packet] of first) {
      for (const ledger of [before, unbroken]) ledger.interface(name).record(packetOf(packet));
    }
    const after = successor(await written(before), given, limit);
    // Interfaces come back before there is traffic on them.
    for (const { name } of before.interfaces()) after.interface(name);
    for (const [name, packet] of second) {
      for (const ledger of [after, unbroken]) ledger.interface(name).record(packetOf(packet));
    }
    assert.equal(after.addresses.used <= limit, true);
    for (const { name } of unbroken.interfaces()) {
      const [now, expected] = [after, unbroken].map((ledger) => ledger.interface(name));
      assert.deepEqual(seriesOf(now!, after.ranges), seriesOf(expected!, unbroken.ranges));
      assert.equal(now!.addresses.refusedPackets(), expected!.addresses.refusedPackets());
    }
  });
  await fc.assert(property, { numRuns: 150 });
});

test("what the ranges of now don't give is not counted, and the interface as a whole goes on", async () => {
  const [before, after] = [ranges("10.0.0.0/24:a=1", "10.0.1.0/24"), ranges("10.0.0.0/24:a=1", "10.0.1.0/24:b=2")];
  const ledger = new Ledger(new RangeTable(before), NO_LIMIT);
  const model = new Model(before.slice(0, 1), NO_LIMIT);
  for (const source of [0x0a000001n, 0x0a000101n]) {
    const packet = { version: 4 as const, source, destination: 1n, protocol: 6, lengthBytes: 90 };
    ledger.interface("eth0").record(packetOf(packet));
    model.record("eth0", packet);
  }
  const next = successor(await written(ledger), after);
  assert.deepEqual(seriesOf(next.interface("eth0"), next.ranges), model.seriesOf("eth0"));
});

test("an interface that has not come back is written again, with the ranges that it was counted by", async () => {
  const ledger = new Ledger(new RangeTable(ranges("10.0.0.0/24:a=1")), NO_LIMIT);
  const packet = { version: 4 as const, source: 0x0a000001n, destination: 1n, protocol: 17, lengthBytes: 700 };
  ledger.interface("veth1").record(packetOf(packet));
  const expected = seriesOf(ledger.interface("veth1"), ledger.ranges);
  const second = successor(await written(ledger, new Map([["veth1", 5]])), ranges("10.9.0.0/24"));
  second.interface("eth0");
  const third = successor(await written(second), ranges("10.0.0.0/24:a=1"));
  const veth1 = third.interface("veth1");
  assert.deepEqual(seriesOf(veth1, third.ranges), expected);
  assert.equal(veth1.lostBefore, 5);
  // What was taken over once is there once.
  const fourth = successor(await written(third), ranges("10.0.0.0/24:a=1"));
  assert.deepEqual(seriesOf(fourth.interface("veth1"), fourth.ranges), expected);
  const left = fourth.inherited.flatMap((each) => each.interfaces().map(({ name }) => name));
  assert.deepEqual(left, ["eth0"]);
  const given = successor(await written(second), ranges("10.0.0.0/24:a=1"));
  given.disinherit();
  assert.ok(given.interface("veth1").isEmpty());
});

test("VLANs go on one by one, and are counted with the interface if they are told apart no more", async () => {
  const given = ranges("10.0.0.0/24");
  const apart = (): Ledger => new Ledger(new RangeTable(given), NO_LIMIT, [], { maxVlans: 2 });
  const ledger = apart();
  const packet = packetOf({ version: 4, source: 0x0a000001n, destination: 1n, protocol: 6, lengthBytes: 64 });
  for (const vlan of [0, 7, 7, 100, 300]) ledger.interface("eth0").sink.record(Object.assign(packet, { vlan }));
  const bytes = await written(ledger);
  const counts = (of: Ledger): unknown[] =>
    of
      .interface("eth0")
      .parts()
      .map((part) => [part.vlan, seriesOf(part, of.ranges)]);
  const next = apart();
  next.succeed(readTraffic(new ByteReader(bytes), NO_LIMIT));
  assert.deepEqual(counts(next), counts(ledger));
  assert.equal(counts(next).length, 4);
  assert.equal(next.vlans!.used, 2);
  const together = successor(bytes, given).interface("eth0");
  assert.equal(together.slots.packets(0), 5);
  assert.equal(together.slots.packets(1), 5);
});

/** Zones by the names of those that a database or a list has. */
function zoning(label: string, limit: number, ...names: string[]): Zoning {
  const made = new Zoning(label, limit, FIRST_NAMED + names.length, Ends.REMOTE);
  for (const name of names) made.zoneOf(name);
  return made;
}

function zoneCounts(ledger: Ledger, name: string): Record<string, number[]> {
  const zones = ledger.interface(name).zones[0]!;
  const counts: Record<string, number[]> = {};
  for (let slot = 1; slot < zones.zoning.slots.count; slot++) {
    const all = [Direction.TX, Direction.RX].flatMap((direction) =>
      [PACKETS, BYTES].map((what) => zones.counts.count(slot, direction, what)),
    );
    if (all.some((count) => count > 0)) counts[zones.zoning.nameOf(zones.zoning.slots.ownerOf(slot))] = all;
  }
  return counts;
}

test("zones go on by their names; those of no name here are left out, and what finds no place is other's", async () => {
  const before = zoning("country", 10, "DE", "FR", "NL");
  before.slots.evicted = 7;
  const ledger = new Ledger(new RangeTable([]), NO_LIMIT, [before]);
  const [zones] = ledger.interface("eth0").zones;
  for (const [index, name] of ["DE", "FR", "NL"].entries()) {
    zones!.counts.add(before.slotOf(before.zoneOf(name), Direction.TX), Direction.TX, index + 1, 100);
  }
  zones!.counts.add(before.slotOf(Zone.PRIVATE, Direction.RX), Direction.RX, 2 ** 60, 2 ** 61);
  const bytes = await written(ledger);
  const same = successor(bytes, [], NO_LIMIT, [zoning("country", 10, "NL", "DE")]);
  assert.deepEqual(zoneCounts(same, "eth0"), {
    DE: [1, 100, 0, 0],
    NL: [3, 100, 0, 0],
    private: [0, 0, 2 ** 60, 2 ** 61],
  });
  assert.equal(same.zonings[0]!.slots.evicted, 7);
  const narrow = successor(bytes, [], NO_LIMIT, [zoning("country", 1, "NL", "DE", "FR")]);
  assert.deepEqual(zoneCounts(narrow, "eth0"), {
    DE: [1, 100, 0, 0],
    other: [5, 200, 0, 0],
    private: [0, 0, 2 ** 60, 2 ** 61],
  });
  const other = successor(bytes, [], NO_LIMIT, [zoning("asn", 10, "DE")]);
  assert.deepEqual(zoneCounts(other, "eth0"), {});
});

test("a customer that is in no list any more is told once more, and its number goes to others", async () => {
  const customers = (...names: string[]): Zoning => {
    const made = new Zoning("customer", 10, FIRST_NAMED + 2, Ends.BOTH);
    for (const name of names) made.zoneOf(name);
    return made;
  };
  const before = customers("acme", "bolt");
  const ledger = new Ledger(new RangeTable([]), NO_LIMIT, [before]);
  for (const [index, name] of ["acme", "bolt"].entries()) {
    const slot = before.slotOf(before.zoneOf(name), Direction.TX);
    ledger.interface("eth0").zones[0]!.counts.add(slot, Direction.TX, index + 1, 100);
  }
  const now = customers("bolt");
  const next = successor(await written(ledger), [], NO_LIMIT, [now]);
  next.interface("eth0");
  const page = (): Record<string, number[]> => {
    now.slots.beginPage();
    return zoneCounts(next, "eth0");
  };
  assert.deepEqual(page(), { acme: [1, 100, 0, 0], bolt: [2, 100, 0, 0] });
  assert.deepEqual(page(), { bolt: [2, 100, 0, 0] });
  assert.equal(now.knownZone("acme"), undefined);
  // Without room for its number it is left out: it is not counted for others.
  const full = customers("bolt", "cord");
  assert.deepEqual(zoneCounts(successor(await written(ledger), [], NO_LIMIT, [full]), "eth0"), {
    bolt: [2, 100, 0, 0],
  });
});

test("accounts of customers go on by the names of both ends, if protocols and VLANs are told apart as before", async () => {
  const accounts = (
    limit: number,
    [hasProtocols, hasVlans]: readonly [boolean, boolean],
    customers: string[],
    remotes: string[],
  ): Accounts =>
    new Accounts(
      zoning("customer", 0, ...customers),
      zoning("remote", 0, ...remotes),
      { hasProtocols, vlans: hasVlans ? new KnownVlans(3) : undefined },
      limit,
    );
  const ledgerOf = (of: Accounts): Ledger => new Ledger(new RangeTable([]), NO_LIMIT, [], { accounts: of });
  const before = accounts(10, [true, true], ["acme", "bolt"], ["DE", "FR"]);
  before.slots.evicted = 3;
  const ledger = ledgerOf(before);
  const { counts } = ledger.interface("eth0").accounts!;
  const zone = (of: Zoning, name: string): number => of.knownZone(name)!;
  const pairs = [
    ["acme", "DE", 3, NO_VLAN],
    ["acme", "FR", 4, 7],
    ["bolt", "DE", 3, OTHER_VLAN],
  ] as const;
  for (const [index, [customer, remote, column, vlan]] of pairs.entries()) {
    const [own, other] = [zone(before.customers, customer), zone(before.remotes, remote)];
    const slot = before.slotOf(own, other, column, vlan, Direction.TX);
    counts.add(slot, Direction.TX, index + 1, 100);
  }
  counts.add(Zone.OTHER, Direction.RX, 9, 900);
  const bytes = await written(ledger);
  const heir = (of: Accounts): Record<string, number> => {
    const next = ledgerOf(of);
    next.succeed(readTraffic(new ByteReader(bytes), NO_LIMIT));
    const kept = next.interface("eth0").accounts!.counts;
    const told: Record<string, number> = { other: kept.count(Zone.OTHER, Direction.RX, PACKETS) };
    for (let slot = FIRST_NAMED; slot < of.slots.count; slot++) {
      const { customer, remote, column, vlan } = of.accountOf(slot);
      const name = `${of.customers.nameOf(customer)} ${of.remotes.nameOf(remote)} ${column} ${vlan}`;
      told[name] = kept.count(slot, Direction.TX, PACKETS);
    }
    assert.equal(of.slots.evicted, 3);
    return told;
  };
  assert.deepEqual(heir(accounts(10, [true, true], ["bolt", "acme"], ["FR", "DE"])), {
    other: 9,
    "acme DE 3 0": 1,
    "acme FR 4 7": 2,
    "bolt DE 3 -1": 3,
  });
  assert.deepEqual(heir(accounts(10, [true, true], ["acme"], ["DE"])), { other: 9, "acme DE 3 0": 1 });
  for (const by of [
    [false, true],
    [true, false],
  ] as const) {
    assert.deepEqual(heir(accounts(10, by, ["acme", "bolt"], ["DE", "FR"])), { other: 0 });
  }
});

test("each interface is written as it is at one moment, though packets and ranges come meanwhile", async () => {
  const given = ranges("10.0.0.0/8");
  const ledger = new Ledger(new RangeTable(given), NO_LIMIT);
  let sent = 0;
  const send = (addresses: number): void => {
    for (let k = 0; k < addresses; k++, sent++) {
      const source = 0x0a000000n + BigInt(sent % 100_003);
      const packet = { version: 4 as const, source, destination: 1n, protocol: 6, lengthBytes: 64 };
      ledger.interface("eth0").record(packetOf(packet));
    }
  };
  send(20_000);
  let turns = 0;
  const bytes = await writeTraffic(ledger, new Map(), async () => {
    send(1000);
    if (++turns === 3) ledger.rerange(new RangeTable([...given]), NO_LIMIT);
  });
  const { slots } = successor(Buffer.concat(bytes), given).interface("eth0");
  let packets = 0;
  for (let slot = 1; slot < slots.used; slot++) packets += slots.packets(slot);
  assert.equal(packets, slots.packets(0));
  assert.ok(turns > 5 && packets < sent && packets >= 20_000);
});

test("bytes of any kind are read to an end, or refused", async () => {
  const ledger = new Ledger(new RangeTable(ranges("10.0.0.0/24:a=1", "::/0")), NO_LIMIT, [zoning("country", 3, "DE")]);
  const packet = { version: 4 as const, source: 0x0a000001n, destination: 1n, protocol: 17, lengthBytes: 700 };
  ledger.interface("eth0").record(packetOf(packet));
  const bytes = await written(ledger);
  const read = (from: Uint8Array): void => {
    try {
      readTraffic(new ByteReader(from), 100);
    } catch (error) {
      assert.match(String(error), /^Error: it |^TypeError: The encoded data was not valid/);
    }
  };
  for (let at = 0; at < bytes.length; at++) {
    assert.throws(() => readTraffic(new ByteReader(bytes.subarray(0, at)), 100));
    for (const value of [0, 8, 0xff]) read(Uint8Array.from(bytes, (byte, k) => (k === at ? value : byte)));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => read(Buffer.concat([bytes.subarray(0, 200), tail]))),
  );
});
