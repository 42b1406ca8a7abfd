import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Differences } from "../../../src/collectors/produce/differences.ts";
import { ProduceCollector, type RecordTarget } from "../../../src/collectors/produce/produce.ts";
import { type TrafficContext, TrafficRecords } from "../../../src/collectors/produce/traffic-records.ts";
import { RECORD_KEYS } from "../../../src/collectors/produce/section.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { parseAddress } from "../../../src/packet/address.ts";
import type { SampledFamily } from "../../../src/page/family.ts";
import { Format } from "../../../src/page/negotiation.ts";
import { makePage } from "../../../src/page/page.ts";
import { packetOf } from "../../ledger/model.ts";
import { until } from "../../support/waiting.ts";
import { FakeTraffic } from "../fake-traffic.ts";

const GOLDEN = resolve(import.meta.dirname, "../../golden/flow-produce.txt");
const TCP = 6;
const UDP = 17;
const ENCAP = 41;
const ICMPV6 = 58;
const RSVP = 46;

type Fields = Record<string, string | number>;

/** Stands in for Kafka: takes records, or lets them wait. */
class FakeTarget implements RecordTarget {
  isUp = true;
  failures = 0;
  readonly taken: Fields[] = [];
  readonly pieces: number[] = [];
  /** Settles when records are taken. */
  away: Promise<void> = Promise.resolve();
  /** Whether records are kept instead of waited for. */
  keeps = false;
  /** Settles when what was taken is safe. */
  safe: Promise<void> = Promise.resolve();
  readonly #returned = Promise.withResolvers<void>();
  #kept = Promise.resolve();

  leave(): void {
    this.isUp = false;
    this.failures++;
    this.away = this.#returned.promise;
  }

  comeBack(): void {
    this.isUp = true;
    this.#returned.resolve();
  }

  async reach(signal: AbortSignal): Promise<void> {
    await this.#wait(signal);
  }

  async send(records: readonly Buffer[], signal: AbortSignal, done: () => void): Promise<void> {
    await this.#wait(signal);
    this.pieces.push(records.length);
    for (const record of records) this.taken.push(JSON.parse(record.toString()) as Fields);
    this.#kept = this.#keep(done);
    if (!this.keeps) await this.#kept;
  }

  settle(): Promise<void> {
    return this.#kept;
  }

  async #keep(done: () => void): Promise<void> {
    await this.safe;
    done();
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, reject } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    return Promise.race([this.away, promise]);
  }
}

/** A ledger, what is written of it, and where that goes. */
class Site implements AsyncDisposable {
  readonly source = new FakeTraffic();
  readonly target = new FakeTarget();
  readonly ledger: Ledger;
  readonly #differences: Differences;
  readonly #context: TrafficContext & { readonly intervalMs: number };
  #collector: ProduceCollector | undefined;

  constructor(ranges: readonly string[], more: Partial<TrafficContext> & { maxAddresses?: number } = {}) {
    this.ledger = new Ledger(new RangeTable(ranges.map(parseRange)), more.maxAddresses ?? 100_000);
    const indexes = () => new Map([["eth0", 2]]);
    this.#differences = new Differences(this.ledger);
    this.#context = { intervalMs: 1, label: "host1", ownAs: 0, indexes, ...more };
  }

  /** Begins to write. */
  start(): ProduceCollector {
    const records = new TrafficRecords(this.source, this.#differences, this.#context);
    const sources = { all: () => [records], forget: () => {} };
    this.#collector = new ProduceCollector(sources, this.target, this.#context.intervalMs);
    return this.#collector;
  }

  count(name: string, source: string, destination: string, protocol: number, lengthBytes: number): void {
    const [from, to] = [parseAddress(source)!, parseAddress(destination)!];
    const packet = { version: from.version, source: from.value, destination: to.value, protocol, lengthBytes };
    this.ledger.interface(name).record(packetOf(packet));
  }

  /** Ends it, which writes what is left; returns all that was written, without the times. */
  async written(): Promise<Fields[]> {
    await this.#collector?.[Symbol.asyncDispose]();
    return this.target.taken.map(({ stamp_inserted: _from, stamp_updated: _until, ...rest }) => rest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#collector?.[Symbol.asyncDispose]();
  }
}

/** Starts and ends it: all that has been counted is written once. */
async function writtenOf(site: Site): Promise<Fields[]> {
  site.start();
  return site.written();
}

describe("the records", () => {
  test("are an interface's if no range was given", async () => {
    await using site = new Site([]);
    site.count("eth0", "192.0.2.1", "192.0.2.2", TCP, 100);
    site.count("eth0", "192.0.2.2", "192.0.2.1", UDP, 200);
    assert.deepEqual(await writtenOf(site), [
      { event_type: "purge", label: "host1", iface: "eth0", iface_in: 2, iface_out: 2, packets: 2, bytes: 300 },
    ]);
  });

  test("are an address's, by what it sent and what it received, with the range's labels", async () => {
    await using site = new Site(["192.0.2.0/24:customer=acme"], { ownAs: 64500 });
    site.count("eth1", "192.0.2.1", "198.51.100.1", TCP, 100);
    site.count("eth1", "198.51.100.1", "192.0.2.1", UDP, 200);
    const common = { customer: "acme", event_type: "purge", label: "host1", iface: "eth1", packets: 1 };
    assert.deepEqual(await writtenOf(site), [
      { ...common, as_src: 64500, ip_src: "192.0.2.1", ip_proto: "tcp", bytes: 100 },
      { ...common, as_dst: 64500, ip_dst: "192.0.2.1", ip_proto: "udp", bytes: 200 },
    ]);
  });

  test("are of the interfaces where packets enter or leave the host, and of none that shows them once more", async () => {
    await using site = new Site(["192.0.2.1"]);
    const inner = { kind: "veth", master: "br0", lower: "", isEdge: false };
    site.source.interfaces.push(
      { name: "eth0", isUp: true, lostPackets: 0, position: { ...inner, isEdge: true } },
      { name: "veth1", isUp: true, lostPackets: 0, position: inner },
    );
    for (const name of ["veth1", "eth0"]) site.count(name, "192.0.2.1", "198.51.100.1", TCP, 100);
    assert.deepEqual(
      (await writtenOf(site)).map(({ iface, packets }) => [iface, packets]),
      [["eth0", 1]],
    );
  });

  test("are of an interface that has the name of one that is gone, too", async () => {
    await using site = new Site([]);
    const position = { kind: "veth", master: "br0", lower: "", isEdge: false };
    site.source.interfaces.push({ name: "veth1", isUp: true, lostPackets: 0, position });
    site.count("veth1", "192.0.2.1", "198.51.100.1", TCP, 100);
    let round = 0;
    site.source.seen = () => {
      round++;
      if (round === 2) site.ledger.forget(site.source.interfaces.pop()!.name);
      if (round === 4) site.count("veth1", "192.0.2.1", "198.51.100.1", TCP, 200);
    };
    site.start();
    await until("both have counted", () => round > 4);
    assert.deepEqual(
      (await site.written()).map(({ iface, bytes }) => [iface, bytes]),
      [["veth1", 200]],
    );
  });

  test("name protocols as pmacct does, and none that promtap does not tell apart", async () => {
    await using site = new Site(["192.0.2.1", "2001:db8::1"]);
    for (const protocol of [ENCAP, RSVP]) site.count("eth0", "192.0.2.1", "198.51.100.1", protocol, 100);
    site.count("eth0", "2001:db8::1", "2001:db8::2", ICMPV6, 100);
    const written = await writtenOf(site);
    assert.deepEqual(
      written.map(({ ip_proto }) => ip_proto),
      [undefined, "ipv6", "ipv6-icmp"],
    );
  });

  test("are a network's if a range is rolled up", async () => {
    await using site = new Site(["192.0.2.0/24/28", "2001:db8::/32/64"]);
    site.count("eth0", "192.0.2.17", "198.51.100.1", TCP, 100);
    site.count("eth0", "2001:db8:0:1::5", "2001:db9::", TCP, 100);
    const written = await writtenOf(site);
    assert.deepEqual(
      written.map(({ ip_src, net_src, mask_src }) => [ip_src, net_src, mask_src]),
      [
        [undefined, "192.0.2.16", 28],
        [undefined, "2001:db8:0:1::", 64],
      ],
    );
  });

  test("carry the address of nobody for what was refused an address of its own", async () => {
    await using site = new Site(["192.0.2.0/24", "2001:db8::/32"], { maxAddresses: 0 });
    site.count("eth0", "192.0.2.1", "198.51.100.1", TCP, 100);
    site.count("eth0", "2001:db9::", "2001:db8::5", TCP, 100);
    const written = await writtenOf(site);
    assert.deepEqual(
      written.map(({ ip_src, ip_dst }) => [ip_src, ip_dst]),
      [
        ["0.0.0.0", undefined],
        [undefined, "::"],
      ],
    );
  });

  test("have all the keys that no label of a range may have, and no others", async () => {
    await using site = new Site(["192.0.2.0/24", "198.51.100.0/24/28"], { ownAs: 64500 });
    for (const [source, destination] of [
      ["192.0.2.1", "198.51.100.1"] as const,
      ["198.51.100.1", "192.0.2.1"] as const,
    ]) {
      site.count("eth0", source, destination, TCP, 100);
    }
    await writtenOf(site);
    const keys = new Set(site.target.taken.flatMap((record) => Object.keys(record)));
    // Of what was sampled nothing is written.
    assert.deepEqual([...keys, "sampling_rate"].toSorted(), [...RECORD_KEYS].toSorted());
  });

  test("tell in which time it was counted", async () => {
    await using site = new Site([]);
    const before = Math.floor(Date.now() / 1000);
    site.count("eth0", "192.0.2.1", "192.0.2.2", TCP, 100);
    site.start();
    await site.written();
    const [record] = site.target.taken;
    for (const key of ["stamp_inserted", "stamp_updated"]) {
      assert.match(String(record?.[key]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const seconds = Date.parse(String(record?.[key])) / 1000;
      assert.ok(seconds >= before && seconds <= Date.now() / 1000, key);
    }
  });
});

describe("writing", () => {
  test("loses nothing and writes nothing twice, whatever is counted when", async () => {
    const address = fc.integer({ min: 0, max: 15 }).map((host) => `192.0.2.${host}`);
    const packet = fc.tuple(fc.constantFrom("eth0", "eth1"), address, address, fc.constantFrom(TCP, UDP), fc.nat(1500));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(packet)), fc.boolean(), async (rounds, isForgotten) => {
        await using site = new Site(["192.0.2.0/28"]);
        const left = rounds.slice();
        let expected = { packets: 0, bytes: 0 };
        site.source.seen = () => {
          for (const [name, source, destination, protocol, lengthBytes] of left.shift() ?? []) {
            site.count(name, source, destination, protocol, lengthBytes);
            // Each packet is one that was sent and one that was received.
            expected = { packets: expected.packets + 2, bytes: expected.bytes + 2 * lengthBytes };
          }
        };
        site.start();
        await until("all rounds are over", () => left.length === 0);
        if (isForgotten) site.ledger.forget("eth1");
        const written = await site.written();
        const sum = (key: string) => written.reduce((total, record) => total + Number(record[key]), 0);
        assert.deepEqual({ packets: sum("packets"), bytes: sum("bytes") }, expected);
        assert.ok(written.every(({ packets }) => Number(packets) > 0));
      }),
      { numRuns: 30 },
    );
  });

  test("keeps what was counted while Kafka is away, and writes it in one record when it is back", async () => {
    await using site = new Site(["192.0.2.1"]);
    site.count("eth0", "192.0.2.1", "198.51.100.1", TCP, 100);
    site.target.leave();
    site.start();
    site.count("eth0", "192.0.2.1", "198.51.100.1", TCP, 1000);
    site.target.comeBack();
    assert.deepEqual(
      (await site.written()).map(({ packets, bytes }) => [packets, bytes]),
      [[2, 1100]],
    );
  });

  test("goes on beside records that Kafka may have, writes them no second time, and counts what is safe", async () => {
    await using site = new Site(["192.0.2.1"]);
    const safe = Promise.withResolvers<void>();
    site.target.keeps = true;
    site.target.safe = safe.promise;
    site.count("eth0", "192.0.2.1", "198.51.100.1", TCP, 100);
    const collector = site.start();
    await until("the first is kept", () => site.target.taken.length === 1);
    site.count("eth0", "192.0.2.1", "198.51.100.1", TCP, 1000);
    await until("the second is kept", () => site.target.taken.length === 2);
    const values = async () => {
      const families = (await collector.collect()) as SampledFamily[];
      const value = (name: string) => families.find((each) => each.name === name)?.samples[0]?.value;
      return [
        value("promtap_flow_produce_records_total"),
        value("promtap_flow_produce_last_success_timestamp_seconds") === 0,
      ];
    };
    assert.deepEqual(await values(), [0, true]);
    safe.resolve();
    assert.deepEqual(
      (await site.written()).map(({ packets, bytes }) => [packets, bytes]),
      [
        [1, 100],
        [1, 1000],
      ],
    );
    assert.equal((await values())[0], 2);
  });

  test("gives up at the end if Kafka stays away", async () => {
    await using site = new Site(["192.0.2.1"]);
    site.count("eth0", "192.0.2.1", "198.51.100.1", TCP, 100);
    site.target.leave();
    site.start();
    assert.deepEqual(await site.written(), []);
  });

  test("parts what is much into batches", async () => {
    await using site = new Site(["10.0.0.0/16"]);
    for (let host = 0; host < 2500; host++) {
      site.count("eth0", `10.0.${host >> 8}.${host & 255}`, "198.51.100.1", TCP, 100);
    }
    assert.equal((await writtenOf(site)).length, 2500);
    assert.deepEqual(site.target.pieces, [1000, 1000, 500]);
  });
});

test("the page is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  await using site = new Site(["192.0.2.0/24"]);
  site.count("eth0", "192.0.2.1", "192.0.2.2", TCP, 100);
  site.target.failures = 3;
  const collector = site.start();
  await site.written();
  const chunks: Buffer[] = [];
  for await (const chunk of makePage(await collector.collect(), Format.TEXT)) chunks.push(Buffer.from(chunk));
  // The time is of this run.
  const page = Buffer.concat(chunks)
    .toString()
    .replace(/(_timestamp_seconds) [\d.]+/, "$1 1000000000");
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});
