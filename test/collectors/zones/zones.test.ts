import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { ZonesCollector, type ZoneUpdater } from "../../../src/collectors/zones/zones.ts";
import { GeoDatabases } from "../../../src/geo/databases.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import type { Zoning } from "../../../src/ledger/zones/zoning.ts";
import { parseAddress } from "../../../src/packet/address.ts";
import { Format } from "../../../src/page/negotiation.ts";
import { makePage } from "../../../src/page/page.ts";
import { packetOf } from "../../ledger/model.ts";
import { zoningOf } from "../../ledger/zones/zonings.ts";
import { parseExposition } from "../../page/exposition-parser.ts";
import { mmdb } from "../../support/mmdb-writer.ts";
import { lacking } from "../../support/requirements.ts";
import { FakeTraffic } from "../fake-traffic.ts";

const GOLDEN = resolve(import.meta.dirname, "../../golden/zones.txt");
const OURS = ["192.0.2.1"];

const UP_TO_DATE: ZoneUpdater = { refresh: async () => {}, isCurrent: () => true };

/** A collector over the traffic of eth0, each packet given by its ends and size. */
function collectorOf(zonings: readonly Zoning[], packets: readonly (readonly [string, string, number])[]) {
  const ledger = new Ledger(new RangeTable([]), 1, zonings);
  for (const [source, destination, lengthBytes] of packets) {
    const [from, to] = [parseAddress(source)!, parseAddress(destination)!];
    const packet = { version: from.version, source: from.value, destination: to.value, protocol: 6, lengthBytes };
    ledger.interface("eth0").sink.record(packetOf(packet));
  }
  ledger.interface("wg0");
  return { ledger, source: new FakeTraffic() };
}

async function pageOf(collector: ZonesCollector, format: Format = Format.TEXT, patienceMs = 10_000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const families = await collector.collect(performance.now() + patienceMs);
  for await (const chunk of makePage(families, format)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function smallPage(format?: Format): Promise<Buffer> {
  const countries = zoningOf({ "8.8.8.0/24": "US", "193.0.0.0/16": "NL" }, OURS);
  const systems = zoningOf({ "8.8.8.0/24": "15169", "193.0.0.0/16": "3333" }, OURS, "asn", 1);
  systems.describe(systems.zoneOf("15169"), 'Google "LLC"');
  const { ledger, source } = collectorOf(
    [countries, systems],
    [
      ["192.0.2.1", "8.8.8.8", 60],
      ["8.8.8.8", "192.0.2.1", 1500],
      ["8.8.8.8", "192.0.2.1", 1500],
      ["192.0.2.1", "193.0.14.129", 70],
      ["10.0.0.1", "10.0.0.2", 40],
      ["8.8.8.8", "193.0.14.129", 50],
    ],
  );
  const carried = mmdb({ "8.8.8.0/24": { country_code: "US" } }, { type: "Country" });
  const databases = await GeoDatabases.open(
    [],
    () => carried,
    () => {},
  );
  return pageOf(new ZonesCollector(source, ledger, UP_TO_DATE, databases), format);
}

test("the page of a little traffic is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const page = (await smallPage()).toString();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});

test("promtool finds nothing to say against it", { skip: lacking("promtool") }, async () => {
  execFileSync("promtool", ["check", "metrics"], { input: await smallPage() });
});

test("OpenMetrics has the same counters, under names without their suffix", async () => {
  const families = parseExposition(await smallPage(Format.OPENMETRICS), Format.OPENMETRICS);
  const family = families.get("promtap_traffic_country_bytes")!;
  assert.equal(family.type, "counter");
});

test("the ledger is brought up to date once the table is, and 4096 ASes take no time at a stretch", async () => {
  const names = Object.fromEntries(Array.from({ length: 4096 }, (_, k) => [`8.${k >> 8}.${k & 255}.0/24`, String(k)]));
  const zoning = zoningOf(names, OURS, "asn", 4096);
  const packets = Array.from({ length: 4096 }, (_, k) => ["192.0.2.1", `8.${k >> 8}.${k & 255}.1`, 100] as const);
  const { ledger, source } = collectorOf([zoning], packets);
  const order: string[] = [];
  source.seen = () => order.push("sync");
  const collector = new ZonesCollector(
    source,
    ledger,
    { ...UP_TO_DATE, refresh: async () => void order.push("refresh") },
    undefined,
  );
  const page = (await pageOf(collector)).toString();
  assert.deepEqual(order, ["refresh", "sync"]);
  assert.equal(page.match(/^promtap_traffic_asn_bytes_total\{.*\} 100$/gm)?.length, 4096);
  assert.equal(page.match(/^promtap_traffic_asn_info\{.*\} 1$/gm)?.length, 4096);
});

test("an update that takes too long keeps no counter off the page; what isn't used as it is now is told", async () => {
  const zoning = zoningOf({ "8.8.8.0/24": "US" }, OURS);
  const { ledger, source } = collectorOf([zoning], [["192.0.2.1", "8.8.8.8", 60]]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const updater: ZoneUpdater = { refresh: () => promise, isCurrent: () => false };
  const page = (await pageOf(new ZonesCollector(source, ledger, updater, undefined), Format.TEXT, 20)).toString();
  assert.match(page, /^promtap_traffic_by_current\{by="country"\} 0$/m);
  assert.match(page, /^promtap_traffic_country_bytes_total\{.*country="US"\} 60$/m);
  resolve();
});
