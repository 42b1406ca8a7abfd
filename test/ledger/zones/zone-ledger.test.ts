import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { Direction } from "../../../src/ledger/rows.ts";
import { FIRST_NAMED, Zone } from "../../../src/ledger/zones/zone.ts";
import { BYTES, PACKETS } from "../../../src/ledger/zones/slot-counters.ts";
import { ZoneLedger } from "../../../src/ledger/zones/zone-ledger.ts";
import type { Zoning } from "../../../src/ledger/zones/zoning.ts";
import { parseAddress } from "../../../src/packet/address.ts";
import { Packet, Verdict } from "../../../src/packet/packet.ts";
import { packetOf, type Traffic } from "../model.ts";
import { tableOf, zoningOf } from "./zonings.ts";

const NAMES = { "8.8.8.0/24": "US", "193.0.0.0/16": "NL", "2001:4860::/32": "US", "2001:67c::/32": "NL" };
const OWN = ["192.0.2.1", "10.9.9.9", "2001:db8::1"];

/** What has packets: zone and direction → packets and bytes. */
function countsOf(ledger: ZoneLedger): Record<string, [packets: number, bytes: number]> {
  const { zoning } = ledger;
  const found: Record<string, [number, number]> = {};
  for (let slot = 1; slot < zoning.slots.count; slot++) {
    for (const [name, direction] of Object.entries(Direction)) {
      const packets = ledger.counts.count(slot, direction, PACKETS);
      const zone = zoning.nameOf(zoning.slots.ownerOf(slot));
      if (packets > 0) found[`${zone} ${name.toLowerCase()}`] = [packets, ledger.counts.count(slot, direction, BYTES)];
    }
  }
  return found;
}

function packet(source: string, destination: string, lengthBytes = 100): Packet {
  const [from, to] = [parseAddress(source)!, parseAddress(destination)!];
  const { version } = from;
  return packetOf({ version, source: from.value, destination: to.value, protocol: 17, lengthBytes });
}

function counted(source: string, destination: string, zoning: Zoning = zoningOf(NAMES, OWN)): string[] {
  const ledger = new ZoneLedger(zoning);
  ledger.record(packet(source, destination));
  return Object.keys(countsOf(ledger));
}

describe("a packet counts once", () => {
  const cases: [what: string, source: string, destination: string, expected: string][] = [
    ["to a country, from us", "192.0.2.1", "8.8.8.8", "US tx"],
    ["from a country, to us", "193.0.14.129", "192.0.2.1", "NL rx"],
    ["over IPv6 to a country", "2001:db8::1", "2001:4860:4860::8888", "US tx"],
    ["over IPv6 from a country", "2001:67c::1", "2001:db8::1", "NL rx"],
    ["over NAT64 to a country", "2001:db8::1", "64:ff9b::808:808", "US tx"],
    ["over NAT64 from a country", "64:ff9b::c100:e81", "2001:db8::1", "NL rx"],
    ["over NAT64 to a private address", "2001:db8::1", "64:ff9b::a00:5", "private tx"],
    ["over NAT64 to an address that the database does not know", "2001:db8::1", "64:ff9b::cb00:7105", "unknown tx"],
    ["over NAT64 between two countries", "64:ff9b::808:808", "2001:67c::1", "transit tx"],
    ["to a network behind another one that begins as NAT64's", "2001:db8::1", "64:ff9b:0:1::808:808", "unknown tx"],
    ["to a country, from a private address that is not ours", "10.0.0.5", "8.8.8.8", "US tx"],
    ["to a private address, from us", "192.0.2.1", "10.0.0.5", "private tx"],
    ["from a private address, to a private one of ours", "10.0.0.5", "10.9.9.9", "private rx"],
    ["between private addresses", "10.0.0.5", "192.168.0.1", "private tx"],
    ["between addresses of ours", "192.0.2.1", "127.0.0.53", "local tx"],
    ["on loopback", "::1", "::1", "local tx"],
    ["to a group, from us", "192.0.2.1", "224.0.0.251", "multicast tx"],
    ["to a group, from a neighbour", "10.0.0.5", "239.1.1.1", "private rx"],
    ["to all, from a neighbour", "169.254.3.4", "255.255.255.255", "private rx"],
    ["to a group, from a country", "8.8.8.8", "232.1.1.1", "US rx"],
    ["to a group of IPv6, from a neighbour", "fe80::1", "ff02::1", "private rx"],
    ["between two countries", "8.8.8.8", "193.0.14.129", "transit tx"],
    ["to an address that the database does not know", "192.0.2.1", "203.0.113.5", "unknown tx"],
    ["from an address that the database does not know", "203.0.113.5", "10.0.0.1", "unknown rx"],
    ["between two of those", "203.0.113.5", "2.2.2.2", "transit tx"],
  ];
  for (const [what, source, destination, expected] of cases) {
    test(`${what}: ${expected}`, () => assert.deepEqual(counted(source, destination), [expected]));
  }
});

test("a database that knows NAT64's network has the word, and so has a range that it is in", () => {
  const zoning = zoningOf({ ...NAMES, "64:ff9b::/104": "NL" }, [...OWN, "64:ff9b::800:0/104"]);
  assert.deepEqual(counted("2001:db8::1", "64:ff9b::1", zoning), ["NL tx"]);
  assert.deepEqual(counted("64:ff9b::808:808", "2001:67c::1", zoning), ["NL tx"]);
  assert.deepEqual(counted("2001:db8::1", "64:ff9b::c100:e81", zoning), ["NL tx"]);
});

test("a database that knows a private address has the word, but not one of ours", () => {
  const zoning = zoningOf({ "10.0.0.0/8": "NL", "224.0.0.0/8": "NL" }, OWN);
  assert.deepEqual(counted("10.9.9.9", "10.0.0.5", zoning), ["NL tx"]);
  assert.deepEqual(counted("10.9.9.9", "224.0.0.5", zoning), ["multicast tx"]);
});

const anyAddress = fc.constantFrom(
  ...Object.keys(NAMES).map((name) => name.split("/")[0]!),
  ...OWN,
  "10.0.0.5",
  "224.0.0.1",
  "1.2.3.4",
  "5.6.7.8",
  "fe80::9",
  "ff02::1",
  "2001:9::9",
);
const anyTraffic = fc
  .tuple(anyAddress, anyAddress, fc.nat(70_000))
  .map(([a, b, bytes]) => [parseAddress(a)!, parseAddress(b)!, bytes] as const)
  .filter(([a, b]) => a.version === b.version)
  .map(([a, b, lengthBytes]): Traffic => {
    return { version: a.version, source: a.value, destination: b.value, protocol: 6, lengthBytes };
  });

test("the zones of an interface add up to all of its IP packets and bytes, whatever the traffic and the bound", () => {
  fc.assert(
    fc.property(fc.array(anyTraffic), fc.nat(3), (list, limit) => {
      const zonings = [zoningOf(NAMES, OWN, "country", limit), zoningOf({}, [], "asn", limit)];
      const ledger = new Ledger(new RangeTable([]), 1, zonings).interface("eth0");
      for (const traffic of list) ledger.sink.record(packetOf(traffic));
      ledger.sink.record(Object.assign(new Packet(), { verdict: Verdict.NOT_IP, lengthBytes: 28 }));
      ledger.sink.record(Object.assign(new Packet(), { verdict: Verdict.TRUNCATED, lengthBytes: 9 }));
      const bytes = list.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      for (const zones of ledger.zones) {
        const counts = Object.values(countsOf(zones));
        assert.equal(
          counts.reduce((sum, [packets]) => sum + packets, 0),
          list.length,
        );
        assert.equal(
          counts.reduce((sum, [, some]) => sum + some, 0),
          bytes,
        );
        assert.ok(zones.zoning.quota.used <= limit);
      }
    }),
  );
});

test("the zones of all interfaces add up however often they give their slots away", () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.tuple(fc.nat(1), anyTraffic) }, fc.constant("look")), {
    minLength: 50,
  });
  let evictions = 0;
  fc.assert(
    fc.property(steps, fc.nat(3), (list, limit) => {
      const zoning = zoningOf(NAMES, OWN, "country", limit);
      const ledgers = [new ZoneLedger(zoning), new ZoneLedger(zoning)];
      const sent = [0, 0];
      for (const step of list) {
        if (typeof step === "string") for (const _ of zoning.quota.look());
        else {
          ledgers[step[0]]!.record(packetOf(step[1]));
          sent[step[0]]!++;
        }
      }
      const sums = ledgers.map((zones) => Object.values(countsOf(zones)).reduce((sum, [packets]) => sum + packets, 0));
      assert.deepEqual(sums, sent);
      assert.ok(zoning.quota.used <= limit);
      evictions += zoning.slots.evicted;
    }),
  );
  assert.ok(evictions > 10, `only ${evictions} evictions`);
});

test("the short way of IPv4 counts as the long one", () => {
  const [short, long] = [new ZoneLedger(zoningOf(NAMES, OWN)), new ZoneLedger(zoningOf(NAMES, OWN))];
  fc.assert(
    fc.property(anyTraffic, (traffic) => {
      const record = packetOf(traffic);
      const { source, destination, protocol, lengthBytes } = record;
      long.record(record);
      if (record.version === 4) short.recordIpv4(source, destination, protocol, lengthBytes);
      else short.record(record);
    }),
  );
  assert.deepEqual(countsOf(short), countsOf(long));
});

test("a merged frame counts as the packets it stands for, with their headers", () => {
  const ledger = new ZoneLedger(zoningOf(NAMES, OWN));
  ledger.recordAggregated(Object.assign(packet("192.0.2.1", "8.8.8.8", 3040), { headerBytes: 40, segmentBytes: 1000 }));
  assert.deepEqual(countsOf(ledger), { "US tx": [3, 3120] });
  ledger.recordAggregated(packet("192.0.2.1", "8.8.8.8", 3040));
  assert.deepEqual(countsOf(ledger), { "US tx": [4, 6160] });
});

describe("a zoning", () => {
  test("gives slots to the zones seen first, and OTHER's to the rest as long as all are active", () => {
    const names = Object.fromEntries(Array.from({ length: 5 }, (_, k) => [`8.0.${k}.0/24`, `Z${k}`]));
    const ledger = new ZoneLedger(zoningOf(names, OWN, "asn", 3));
    for (const k of [4, 2, 4, 0, 1, 3, 2]) ledger.record(packet("192.0.2.1", `8.0.${k}.9`, 10));
    assert.deepEqual(countsOf(ledger), {
      "other tx": [2, 20],
      "Z4 tx": [2, 20],
      "Z2 tx": [2, 20],
      "Z0 tx": [1, 10],
    });
    assert.deepEqual([ledger.zoning.quota.used, ledger.zoning.quota.limit], [3, 3]);
  });

  test("lets interfaces share its slots", () => {
    const zoning = zoningOf(NAMES, OWN, "country", 1);
    const [eth0, eth1] = [new ZoneLedger(zoning), new ZoneLedger(zoning)];
    eth0.record(packet("192.0.2.1", "8.8.8.8"));
    eth1.record(packet("192.0.2.1", "193.0.0.1"));
    eth1.record(packet("8.8.8.8", "192.0.2.1"));
    assert.deepEqual(countsOf(eth1), { "other tx": [1, 100], "US rx": [1, 100] });
  });

  test("gives the slot of what has been silent longest to what is new, on all interfaces at once", () => {
    const names = Object.fromEntries(Array.from({ length: 9 }, (_, k) => [`8.0.${k}.0/24`, `Z${k}`]));
    const zoning = zoningOf(names, OWN, "asn", 4);
    const [eth0, eth1] = [new ZoneLedger(zoning), new ZoneLedger(zoning)];
    const look = (): void => void [...zoning.quota.look()];
    const [to, from] = [
      (k: number) => packet("192.0.2.1", `8.0.${k}.9`),
      (k: number) => packet(`8.0.${k}.9`, "192.0.2.1"),
    ];
    for (const k of [0, 1, 2, 3]) eth0.record(to(k));
    eth1.record(from(0));
    look();
    eth0.record(to(1));
    eth1.record(to(3));
    look();
    for (const k of [4, 5, 6]) eth1.record(to(k));
    assert.deepEqual(countsOf(eth0), { "other tx": [2, 200], "Z1 tx": [2, 200], "Z3 tx": [1, 100] });
    assert.deepEqual(countsOf(eth1), {
      "other tx": [1, 100],
      "other rx": [1, 100],
      "Z3 tx": [1, 100],
      "Z4 tx": [1, 100],
      "Z5 tx": [1, 100],
    });
    assert.deepEqual([zoning.slots.evicted, zoning.quota.used], [2, 4]);
    eth1.record(to(0));
    assert.equal(countsOf(eth1)["Z0 tx"], undefined, "nobody has been silent for long enough");
  });

  test("gives a slot back to what lost its own when a page was without it", () => {
    const names = Object.fromEntries(Array.from({ length: 9 }, (_, k) => [`8.0.${k}.0/24`, `Z${k}`]));
    const zoning = zoningOf(names, OWN, "asn", 1);
    const ledger = new ZoneLedger(zoning);
    const found: boolean[] = [];
    const record = (k: number): void => {
      for (const _ of [...zoning.quota.look(), ...zoning.quota.look()]);
      ledger.record(packet("192.0.2.1", `8.0.${k}.9`));
      found.push(`Z${k} tx` in countsOf(ledger));
    };
    zoning.slots.beginPage();
    for (const k of [0, 1, 0]) record(k);
    zoning.slots.beginPage();
    record(0);
    zoning.slots.beginPage();
    record(0);
    assert.deepEqual(found, [true, true, false, false, true]);
  });

  test("gives the slots first of those that nobody here has sent anything to", () => {
    const names = Object.fromEntries(Array.from({ length: 9 }, (_, k) => [`8.0.${k}.0/24`, `Z${k}`]));
    const ledger = new ZoneLedger(zoningOf(names, OWN, "asn", 2));
    const look = (): void => void [...ledger.zoning.quota.look()];
    ledger.record(packet("192.0.2.1", "8.0.0.9"));
    look();
    ledger.record(packet("8.0.1.9", "192.0.2.1"));
    look();
    look();
    ledger.record(packet("192.0.2.1", "8.0.2.9"));
    assert.deepEqual(countsOf(ledger), { "other rx": [1, 100], "Z0 tx": [1, 100], "Z2 tx": [1, 100] });
  });

  test("keeps no slot for an interface that is forgotten", () => {
    const zoning = zoningOf(NAMES, OWN, "asn", 1);
    const ledger = new Ledger(new RangeTable([]), 1, [zoning]);
    for (const name of ["eth0", "eth1"]) ledger.interface(name).sink.record(packet("192.0.2.1", "8.8.8.8"));
    ledger.forget("eth1");
    assert.equal(zoning.slots.activity(FIRST_NAMED), 1);
  });

  test("keeps the numbers of its zones when another table comes, and looks up in that", () => {
    const zoning = zoningOf({ "8.8.8.0/24": "US", "9.9.9.0/24": "CH" }, OWN);
    const ledger = new ZoneLedger(zoning);
    ledger.record(packet("192.0.2.1", "8.8.8.8"));
    ledger.record(packet("192.0.2.1", "9.9.9.9"));
    zoning.use(tableOf(zoning, { "8.8.8.0/24": "CA", "9.9.9.0/24": "US" }, OWN));
    ledger.record(packet("192.0.2.1", "8.8.8.8"));
    ledger.record(packet("192.0.2.1", "9.9.9.9"));
    assert.deepEqual(countsOf(ledger), { "US tx": [2, 200], "CH tx": [1, 100], "CA tx": [1, 100] });
  });

  test("numbers only so many zones: what is above them is OTHER", () => {
    const zoning = zoningOf({}, [], "asn", 10);
    const names = Array.from({ length: zoning.maxZones - FIRST_NAMED }, (_, k) => zoning.zoneOf(String(k)));
    assert.equal(new Set(names).size, names.length);
    assert.equal(zoning.zoneOf("one more"), Zone.OTHER);
    assert.equal(zoning.zoneOf("5"), names[5]);
  });

  test("keeps the table in use, for all that follow, if one of them cannot take another", () => {
    const zoning = zoningOf(NAMES);
    const before = zoning.table;
    let switches = 0;
    zoning.watch(function* () {
      yield;
      return () => void switches++;
    });
    const stop = zoning.watch(function* () {
      yield;
      return "too large";
    });
    assert.equal(zoning.use(tableOf(zoning, {})), "too large");
    assert.equal(zoning.table, before);
    assert.equal(switches, 0);
    stop();
    assert.equal(zoning.use(tableOf(zoning, {})), undefined);
    assert.equal(switches, 1);
  });
});
