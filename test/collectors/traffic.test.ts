import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { TrafficCollector } from "../../src/collectors/traffic.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { parseAddress } from "../../src/packet/address.ts";
import { Packet, Verdict } from "../../src/packet/packet.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";
import { PageWriter } from "../../src/page/page-writer.ts";
import { parseRange } from "../../src/config/range-syntax.ts";
import { packetOf } from "../ledger/model.ts";
import { parseExposition, type ParsedFamily } from "../page/exposition-parser.ts";
import { lacking } from "../support/requirements.ts";
import { FakeTraffic } from "./fake-traffic.ts";

const GOLDEN = resolve(import.meta.dirname, "../golden/traffic.txt");
const TCP = 6;
const UDP = 17;
const RSVP = 46;

/** A collector over a ledger of these ranges, and what to feed it with. */
class Site {
  readonly source = new FakeTraffic();
  readonly ledger: Ledger;
  readonly collector: TrafficCollector;

  constructor(ranges: string[], maxAddresses = 1000) {
    this.ledger = new Ledger(new RangeTable(ranges.map(parseRange)), maxAddresses);
    this.collector = new TrafficCollector(this.source, this.ledger);
  }

  send(name: string, source: string, destination: string, protocol: number, ...lengths: number[]): void {
    const [from, to] = [parseAddress(source)!, parseAddress(destination)!];
    for (const lengthBytes of lengths) {
      const packet = { version: from.version, source: from.value, destination: to.value, protocol, lengthBytes };
      this.ledger.interface(name).record(packetOf(packet));
    }
  }

  sendOther(name: string, verdict: Verdict, lengthBytes: number): void {
    this.ledger.interface(name).record(Object.assign(new Packet(), { verdict, lengthBytes }));
  }

  look(): void {
    for (const _ of this.ledger.look());
  }

  async page(format: Format = Format.TEXT): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of makePage(await this.collector.collect(), format)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  async families(format: Format = Format.TEXT): Promise<Map<string, ParsedFamily>> {
    return parseExposition(await this.page(format), format);
  }
}

/** A little of everything that the page tells apart. */
function smallSite(): Site {
  const site = new Site(["10.0.0.0/24:customer=acmecorp:environment=production", "2001:db8::/48/64:customer=lab"], 2);
  site.source.interfaces.push(
    { name: "eth0", isUp: true, lostPackets: 3, position: { kind: "veth", master: "br0", lower: "", isEdge: true } },
    { name: "wg0", isUp: false, lostPackets: 0 },
  );
  site.send("eth0", "10.0.0.1", "192.0.2.1", TCP, 40, 64, 65, 1500, 9000);
  site.send("eth0", "2001:db8::1", "10::", RSVP, 1280);
  site.send("eth0", "198.51.100.1", "10.0.0.9", UDP, 128);
  site.sendOther("eth0", Verdict.NOT_IP, 28);
  site.sendOther("eth0", Verdict.TRUNCATED, 10);
  site.ledger.interface("wg0");
  return site;
}

test("the page of a small ledger is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const page = (await smallSite().page()).toString();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});

test("the golden page passes the strict reader and promtool", { skip: lacking("promtool") }, () => {
  const page = readFileSync(GOLDEN);
  parseExposition(page, "text");
  execFileSync("promtool", ["check", "metrics"], { input: page });
});

test("OpenMetrics says the same as the text, with bounds as floats", async () => {
  const site = smallSite();
  const text = await site.families();
  const openMetrics = await site.families(Format.OPENMETRICS);
  assert.deepEqual(
    [...openMetrics.keys()],
    [...text.values()].map(({ name, type }) => (type === "counter" ? name.replace(/_total$/, "") : name)),
  );
  const facts = (families: Map<string, ParsedFamily>) =>
    [...families.values()].flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => [
        name,
        labels.map(([label, text]) => (label === "le" ? [label, Number(text)] : [label, text])),
        Number(value),
      ]),
    );
  assert.deepEqual(facts(openMetrics), facts(text));
  const bounds = openMetrics.get("promacct_packet_size_bytes_all")!.samples.flatMap(({ labels }) => labels.slice(1, 2));
  assert.deepEqual(
    bounds.map(([, le]) => le),
    ["64.0", "128.0", "256.0", "512.0", "1024.0", "2048.0", "+Inf"],
  );
});

describe("the families that promacct has", () => {
  test("keep its names, labels and their order, and its buckets", async () => {
    const text = (await smallSite().page()).toString();
    const labels = 'interface="eth0",customer="acmecorp",environment="production",ip="10.0.0.1",protocol="tcp"';
    for (const line of [
      'promacct_packet_size_bytes_all_count{interface="eth0"} 9',
      'promacct_packet_size_bytes_all_bucket{interface="eth0",le="64"} 4',
      `promacct_packet_size_bytes_ipv4_tx_bucket{${labels},le="64"} 2`,
      `promacct_packet_size_bytes_ipv4_tx_bucket{${labels},le="128"} 3`,
      `promacct_packet_size_bytes_ipv4_tx_bucket{${labels},le="2048"} 4`,
      `promacct_packet_size_bytes_ipv4_tx_bucket{${labels},le="+Inf"} 5`,
      `promacct_packet_size_bytes_ipv4_tx_sum{${labels}} 10669`,
      `promacct_packet_size_bytes_ipv4_tx_count{${labels}} 5`,
    ]) {
      assert.ok(text.includes(`\n${line}\n`), line);
    }
  });

  test("leave out what has no sample: interfaces, directions, protocols", async () => {
    const site = new Site(["10.0.0.0/24"]);
    site.ledger.interface("eth1");
    site.send("eth0", "192.0.2.1", "10.0.0.1", TCP, 100);
    const families = await site.families();
    const labels = (name: string) =>
      families.get(`promacct_packet_size_bytes_${name}`)!.samples.filter((sample) => sample.name.endsWith("_count"));
    assert.deepEqual(
      labels("all").map((sample) => sample.labels),
      [[["interface", "eth0"]]],
    );
    assert.deepEqual(
      labels("ipv4_rx").map((sample) => sample.labels),
      [
        [
          ["interface", "eth0"],
          ["ip", "10.0.0.1"],
          ["protocol", "tcp"],
        ],
      ],
    );
    for (const name of ["ipv4_tx", "ipv6_tx", "ipv6_rx"]) assert.deepEqual(labels(name), []);
  });

  test("have no protocol label if the protocol has no name", async () => {
    const site = new Site(["10.0.0.0/24"]);
    site.send("eth0", "10.0.0.1", "192.0.2.1", RSVP, 100);
    site.send("eth0", "10.0.0.1", "192.0.2.1", 255, 100);
    const [first] = (await site.families()).get("promacct_packet_size_bytes_ipv4_tx")!.samples.slice(-1);
    assert.deepEqual(first, {
      name: "promacct_packet_size_bytes_ipv4_tx_count",
      labels: [
        ["interface", "eth0"],
        ["ip", "10.0.0.1"],
      ],
      value: "2",
    });
  });
});

test("what the source has seen is on the page that asks for it", async () => {
  const site = new Site([]);
  site.source.seen = () => site.sendOther("eth0", Verdict.NOT_IP, 60);
  for (const expected of ["1", "2"]) {
    const all = (await site.families()).get("promacct_packet_size_bytes_all")!;
    assert.equal(all.samples.at(-1)?.value, expected);
  }
});

test("frames that stand for several packets are told by interface", async () => {
  const site = new Site([]);
  const merged = Object.assign(new Packet(), { verdict: Verdict.IP, version: 4, lengthBytes: 64_000 });
  for (let count = 0; count < 3; count++) site.ledger.interface("eth0").recordAggregated(merged);
  site.sendOther("eth1", Verdict.NOT_IP, 60);
  const { samples } = (await site.families()).get("promtap_traffic_aggregated_packets_total")!;
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels, value]),
    [
      [[["interface", "eth0"]], "3"],
      [[["interface", "eth1"]], "0"],
    ],
  );
});

test("what one page has, the next one has too, and counters go on", async () => {
  const site = smallSite();
  const before = await site.families();
  for (let host = 1; host < 200; host++) site.send("eth0", `10.0.0.${host}`, "192.0.2.1", TCP, 40);
  const after = await site.families();
  const values = new Map(
    [...after.values()].flatMap(({ samples }) => samples.map((sample) => [keyOf(sample), sample.value])),
  );
  for (const sample of [...before.values()].flatMap(({ samples }) => samples)) {
    assert.ok(Number(values.get(keyOf(sample))) >= Number(sample.value), keyOf(sample));
  }
});

function keyOf({ name, labels }: { name: string; labels: [string, string][] }): string {
  return `${name}${JSON.stringify(labels)}`;
}

test("a source that cannot be read fails the collector", async () => {
  const site = new Site([]);
  site.source.seen = () => {
    throw new Error("the ring is gone");
  };
  await assert.rejects(site.collector.collect(), /the ring is gone/);
});

test("a page of 200,000 lines leaves the event loop its turns", async () => {
  const site = new Site(["10.0.0.0/16"], 100_000);
  for (let host = 0; host < 22_000; host++) site.send("eth0", `10.0.${host >> 8}.${host & 0xff}`, "192.0.2.1", TCP, 40);
  let turns = 0;
  let maxMs = 0;
  let last = performance.now();
  let immediate = setImmediate(function turn() {
    const now = performance.now();
    turns++;
    maxMs = Math.max(maxMs, now - last);
    last = now;
    immediate = setImmediate(turn);
  });
  const page = makePage(await site.collector.collect(), Format.TEXT);
  let bytes = 0;
  for await (const chunk of page) bytes += chunk.length;
  clearImmediate(immediate);
  assert.ok(bytes > 15_000_000, `${bytes} bytes`);
  // A turn for each chunk of half a megabyte at least.
  assert.ok(turns >= bytes / 600_000, `${turns} turns`);
  // A turn takes a millisecond or two; what is asserted holds on a machine that does other things as well.
  assert.ok(maxMs < 500, `${maxMs} ms without a turn`);
});

test("rows without a line to write do not hold the event loop either", async () => {
  const site = new Site(["10.0.0.0/16"], 100_000);
  for (let host = 0; host < 22_000; host++) site.send("eth0", `10.0.${host >> 8}.${host & 0xff}`, "192.0.2.1", TCP, 40);
  const written = (await site.collector.collect()).find(({ name }) => name.endsWith("_ipv6_rx"))!;
  assert.ok("write" in written);
  const turns = [...written.write(new PageWriter(), Format.TEXT)].length;
  assert.ok(turns >= 5, `${turns} turns for 22,000 rows`);
});

describe("addresses that give their series to others", () => {
  const TX = "promacct_packet_size_bytes_ipv4_tx";
  const HOSTS = 8000;

  function full(): Site {
    const site = new Site(["10.0.0.0/16:a=1"], HOSTS);
    for (let host = 0; host < HOSTS; host++) sendFrom(site, 0, host);
    site.look();
    site.look();
    return site;
  }

  function sendFrom(site: Site, network: number, host: number): void {
    site.send("eth0", `10.0.${network + (host >> 8)}.${host & 0xff}`, "192.0.2.1", TCP, 40);
  }

  function countsOf({ samples }: ParsedFamily): Map<string, number> {
    const counts = samples.filter(({ name }) => name.endsWith("_count"));
    return new Map(counts.map(({ labels, value }) => [labels.find(([name]) => name === "ip")![1], Number(value)]));
  }

  test("keep them until a page is done, so that its sum is exact, and are `other` on the next one", async () => {
    const site = full();
    await site.page();
    let isBegun = false;
    const chunks: Buffer[] = [];
    for await (const chunk of makePage(await site.collector.collect(), Format.TEXT)) {
      chunks.push(Buffer.from(chunk));
      if (!Buffer.concat(chunks).includes(`# TYPE ${TX} `) || isBegun) continue;
      isBegun = true;
      for (let host = 0; host < 300; host++) sendFrom(site, 100, host);
    }
    const during = countsOf(parseExposition(Buffer.concat(chunks), Format.TEXT).get(TX)!);
    const sum = [...during.values()].reduce((all, count) => all + count, 0);
    assert.ok(sum === HOSTS || sum === HOSTS + 300, `${sum} packets`);
    assert.equal([...during.keys()].filter((address) => address !== "other").length, HOSTS);

    for (let host = 0; host < 300; host++) sendFrom(site, 100, host);
    const families = await site.families();
    const after = countsOf(families.get(TX)!);
    assert.equal(after.get("other"), 600);
    assert.deepEqual([after.get("10.0.100.0"), after.get("10.0.101.43"), after.get("10.0.0.0")], [1, 1, undefined]);
    assert.equal(
      [...after.values()].reduce((all, count) => all + count),
      HOSTS + 600,
    );
    assert.equal(after.size, HOSTS + 1);
    const told = (name: string) => families.get(`promtap_traffic_${name}`)!.samples.map(({ value }) => value);
    assert.deepEqual(
      [told("evicted_addresses_total"), told("addresses"), told("other_packets_total")],
      [["300"], ["8000"], ["600"]],
    );
  });

  test("do so after a page that nobody read to its end", async () => {
    const site = full();
    for await (const chunk of makePage(await site.collector.collect(), Format.TEXT)) {
      if (Buffer.from(chunk).includes(TX)) break;
    }
    sendFrom(site, 100, 0);
    assert.equal(countsOf((await site.families()).get(TX)!).get("10.0.100.0"), 1);
  });
});
