import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../src/config/range-syntax.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { rangeLists, traffic } from "./arbitraries.ts";
import { Model, packetOf, seriesOf, type SeriesCounts, type Traffic } from "./model.ts";

const UDP = 17;
const LIMIT = 16;

function ip(text: string): bigint {
  return parseAddress(text)!.value;
}

/** Interfaces that share few places, and what they counted. */
class Site {
  readonly ledger: Ledger;

  constructor(limit: number, ...ranges: string[]) {
    this.ledger = new Ledger(new RangeTable(ranges.map(parseRange)), limit);
  }

  send(source: string, destination: string, name = "eth0"): void {
    const { version } = parseAddress(source)!;
    const ends = { source: ip(source), destination: ip(destination) };
    this.ledger.interface(name).record(packetOf({ version, ...ends, protocol: UDP, lengthBytes: 100 }));
  }

  look(): void {
    for (const _ of this.ledger.addresses.look());
  }

  /** Series → packets. */
  packets(name = "eth0"): Record<string, number> {
    const series = [...seriesOf(this.ledger.interface(name), this.ledger.ranges)];
    return Object.fromEntries(series.map(([key, { buckets }]) => [key, buckets.reduce((sum, count) => sum + count)]));
  }

  evicted(name = "eth0"): number {
    return this.ledger.interface(name).addresses.evicted;
  }
}

test("a customer who begins to send after a scan of all addresses has series from then on", () => {
  const site = new Site(LIMIT, "10.0.0.0/24:a=1", "2001:db8::/64:a=1");
  for (let host = 0; host < 200; host++) site.send("192.0.2.1", `10.0.0.${host}`);
  site.look();
  site.look();
  for (let k = 0; k < 3; k++) site.send("10.0.0.250", "192.0.2.1");
  site.send("2001:db8::1", "2001:db8:1::1");
  const found = site.packets();
  assert.equal(found[`tx 4 a=1 ${ip("10.0.0.250")}/32 udp`], 3);
  assert.equal(found[`tx 6 a=1 ${ip("2001:db8::1")}/128 udp`], 1);
  assert.equal(found["rx 4 a=1 other udp"], 200 - LIMIT + 2);
  assert.equal(Object.keys(found).length, 1 + LIMIT + 1);
  assert.deepEqual([site.evicted(), site.ledger.addresses.used], [2, LIMIT]);
});

test("a slot and a row that were given away count for the new address alone, on every way to them", () => {
  const site = new Site(2, "10.0.0.0/24", "10.1.0.0/16/24", "2001:db8::/64", "2001:db8:1::/48/64");
  site.send("10.0.0.1", "192.0.2.1");
  site.send("10.1.2.3", "192.0.2.1");
  for (const [first, second] of [
    ["10.0.0.2", "10.1.3.3"],
    ["10.0.0.1", "10.1.2.3"],
    ["2001:db8::1", "2001:db8::2"],
    ["2001:db8:1:1::1", "2001:db8:1:2::1"],
    ["2001:db8:1:3::1", "2001:db8:1:1::1"],
  ] as const) {
    site.look();
    site.look();
    for (const source of [first, second, first, second]) site.send(source, source.includes(":") ? "::" : "192.0.2.1");
    const own = Object.entries(site.packets()).filter(([key]) => /^tx.*\/\d+ udp$/.test(key));
    assert.deepEqual(
      own.map(([, packets]) => packets),
      [2, 2],
      own.join(),
    );
  }
  assert.equal(site.packets()["tx 4 other udp"], 10);
});

test("interfaces that share the limit give places to each other, and one that is forgotten gives none away", () => {
  const site = new Site(4, "10.0.0.0/24");
  for (const name of ["eth0", "eth1"]) for (const host of [1, 2]) site.send(`10.0.0.${host}`, "192.0.2.1", name);
  site.look();
  site.look();
  site.ledger.forget("eth1");
  for (const host of [3, 4, 5, 6, 7]) site.send(`10.0.0.${host}`, "192.0.2.1", "eth2");
  assert.equal(site.ledger.addresses.used, 4);
  assert.equal(site.evicted(), 2);
  assert.deepEqual(site.packets(), { all: 2, "tx 4 other udp": 2 });
  assert.equal(Object.keys(site.packets("eth2")).length, 1 + 4 + 1);
});

test("addresses that come and go for ever take no more memory", () => {
  const site = new Site(64, "10.0.0.0/8", "2001:db8::/32");
  for (let round = 0; round < 300; round++) {
    for (let host = 0; host < 64; host++) {
      if (host % 2 === 0) site.send(`10.${round % 256}.${host}.1`, "192.0.2.1");
      else site.send(`2001:db8:${round}::${host}`, "::1");
    }
    site.look();
    site.look();
  }
  const { slots, rows } = site.ledger.interface("eth0");
  assert.ok(slots.used <= 64 + 3 && rows.count <= 64 + 2, `${slots.used} slots, ${rows.count} rows`);
  assert.equal(site.evicted(), 299 * 64);
});

test("addresses that come and go for ever leave room in the tables for those that stay", () => {
  const site = new Site(LIMIT, "10.0.0.0/8");
  const eth0 = site.ledger.interface("eth0");
  const isRemembered = (host: number): boolean => eth0.recordIpv4((10 << 24) | host, 0, UDP, 100);
  const send = (host: number): void => {
    if (!isRemembered(host)) site.send(`10.${(host >> 16) & 0xff}.${(host >> 8) & 0xff}.${host & 0xff}`, "192.0.2.1");
  };
  for (let network = 1; network < 20_000; network++) {
    send(0);
    send(network * 256);
    if (network % LIMIT === 0) site.look();
  }
  assert.equal(isRemembered(0), true);
  for (let more = 0; more < 3; more++) {
    site.look();
    send(0);
  }
  send(20_000 * 256);
  assert.equal(isRemembered(20_000 * 256), true);
});

test("an address that gave way has series again when a page was without it, also if that took long to write", () => {
  const site = new Site(2, "10.0.0.0/24", "2001:db8::/64");
  const hasSeries = (): boolean => `tx 4 ${ip("10.0.0.1")}/32 udp` in site.packets();
  const lookTwice = (): void => {
    site.look();
    site.look();
  };
  site.send("10.0.0.1", "192.0.2.1");
  site.send("2001:db8::1", "::1");
  site.ledger.beginPage();
  lookTwice();
  for (const source of ["10.0.0.2", "10.0.0.3"]) site.send(source, "192.0.2.1");
  for (const [begins, expected] of [
    [false, false],
    // This one is without it from its first line to its last.
    [true, false],
    [true, true],
  ] as const) {
    if (begins) site.ledger.beginPage();
    lookTwice();
    site.send("10.0.0.1", "192.0.2.1");
    assert.equal(hasSeries(), expected);
  }
});

test("no more addresses give way between two pages than have series", () => {
  const site = new Site(4, "10.0.0.0/16");
  site.ledger.beginPage();
  for (let round = 0; round < 5; round++) {
    for (let host = 0; host < 4; host++) site.send(`10.0.${round}.${host}`, "192.0.2.1");
    site.look();
    site.look();
  }
  assert.equal(site.evicted(), 4);
  site.ledger.beginPage();
  site.send("10.0.9.1", "192.0.2.1");
  assert.equal(site.evicted(), 5);
});

/** A packet of the pool, by its number, or what befalls the places. */
type Step = number | "look" | "hold" | "release" | "begin" | "write";

const POOL = 12;
const pools = fc.array(traffic, { minLength: POOL, maxLength: POOL });
const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.nat(POOL - 1) },
    { weight: 6, arbitrary: fc.constant<Step>("look") },
    { weight: 1, arbitrary: fc.constantFrom<Step>("hold", "release", "release") },
    { weight: 3, arbitrary: fc.constantFrom<Step>("begin", "write") },
  ),
  { minLength: 30, maxLength: 100 },
);
/** Behind others, so that all packets are of a range. */
const everything = fc
  .constantFrom(8, 20, 24, 26, 32)
  .map((bits) =>
    [`0.0.0.0/0/8:all=1`, `::/0/${4 * bits}:all=1`]
      .map(parseRange)
      .map((range) => ({ ...range, rollupBits: range.version === 4 ? bits : 4 * bits })),
  );

/** What one packet adds to the series that it belongs to. */
function added(packet: Traffic, ledger: Ledger): Map<string, SeriesCounts> {
  const model = new Model(ledger.ranges.ranges, 2);
  model.record("", packet);
  return model.seriesOf("");
}

/** Series → sum over all that differ in the address alone. */
function totals(series: ReadonlyMap<string, SeriesCounts>): Map<string, number[]> {
  const sums = new Map<string, number[]>();
  for (const [key, { buckets, bytes }] of series) {
    const group = key.replace(/ (\d+\/\d+|other)(?= \w*$)/, "");
    const sum = sums.get(group) ?? Array<number>(8).fill(0);
    sums.set(
      group,
      [...buckets, bytes].map((value, k) => value + sum[k]!),
    );
  }
  return new Map(
    [...sums].filter(([, sum]) => sum.some((value) => value > 0)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Asserts that each address has what it had and what the packet adds, or begins again, or is gone. */
function assertStep(
  before: ReadonlyMap<string, SeriesCounts>,
  after: ReadonlyMap<string, SeriesCounts>,
  more: ReadonlyMap<string, SeriesCounts>,
): void {
  for (const [key, counts] of after) {
    if (key.includes(" other ")) continue;
    const old = before.get(key)?.bytes ?? 0;
    const news = more.get(key)?.bytes ?? 0;
    assert.ok(
      counts.bytes === old + news || counts.bytes === news,
      `${key} has ${counts.bytes}, had ${old}, gets ${news}`,
    );
  }
  for (const [key, { bytes }] of before) if (key.includes(" other ")) assert.ok(after.get(key)!.bytes >= bytes, key);
}

test("whatever traffic and looks there are, sums are exact, and an address counts what it sent and received", () => {
  let evictions = 0;
  const property = fc.property(rangeLists, everything, pools, steps, fc.nat(6), (some, rest, pool, list, limit) => {
    const ranges = [...some, ...rest];
    const ledger = new Ledger(new RangeTable(ranges), limit);
    const eth0 = ledger.interface("eth0");
    const model = new Model(ranges, Number.POSITIVE_INFINITY);
    let held: Disposable | undefined;
    const count = (packet: Traffic): void => {
      const before = seriesOf(eth0, ledger.ranges);
      eth0.record(packetOf(packet));
      model.record("eth0", packet);
      const after = seriesOf(eth0, ledger.ranges);
      assertStep(before, after, added(packet, ledger));
      const gone = [...before.keys()].filter((key) => !after.has(key));
      assert.ok(held === undefined || gone.length === 0, gone.join());
    };
    let page = seriesOf(eth0, ledger.ranges);
    let isBegun = false;
    const write = (): void => {
      if (!isBegun) return;
      isBegun = false;
      const next = seriesOf(eth0, ledger.ranges);
      for (const [key, { bytes, buckets }] of next) {
        const before = page.get(key);
        if (before === undefined) continue;
        assert.ok(bytes >= before.bytes && buckets.every((count, k) => count >= before.buckets[k]!), key);
      }
      page = next;
    };
    for (const step of list) {
      if (step === "begin") {
        write();
        ledger.beginPage();
        isBegun = true;
      } else if (step === "write") write();
      else if (step === "look") for (const _ of ledger.addresses.look());
      else if (step === "hold") held ??= ledger.addresses.hold();
      else if (step !== "release") count(pool[step]!);
      else {
        held?.[Symbol.dispose]();
        held = undefined;
      }
    }
    assert.deepEqual(totals(seriesOf(eth0, ledger.ranges)), totals(model.seriesOf("eth0")));
    evictions += eth0.addresses.evicted;
    const networks = [...seriesOf(eth0, ledger.ranges).keys()].flatMap(
      (key) => key.replace(/^.x /, "").match(/^.*\/\d+(?= \w*$)/) ?? [],
    );
    assert.ok(ledger.addresses.used <= limit && new Set(networks).size <= ledger.addresses.used);
  });
  fc.assert(property, { numRuns: 300 });
  assert.ok(evictions > 300, `only ${evictions} evictions`);
});
