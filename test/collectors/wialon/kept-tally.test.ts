import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readTally, writeTally } from "../../../src/collectors/wialon/kept-tally.ts";
import { Tally } from "../../../src/collectors/wialon/tally.ts";
import { ByteReader } from "../../../src/state/byte-reader.ts";
import type { Page } from "../../support/page.ts";
import { data, line, shortData } from "../../support/wialon/packets.ts";
import { Connection, FIN, ACK, Site } from "./wire.ts";
import { damaged } from "../../state/damage.ts";

const DEVICES = { hasDevices: true };
/** What is of the run alone. */
const OF_THE_RUN = /^wialon_ips_(?:streams_size|streams_by_ip_size|interface_up|stream_live_seconds\{)/;

/** Trackers by their number, each with a connection that has said something and one that is over. */
function busySite(trackers: number): Site {
  const site = new Site(DEVICES);
  for (let host = 1; host <= trackers; host++) {
    const options = { protocol: "2.0" } as const;
    const talk = new Connection(site, { tracker: `10.0.0.${host}` }).open();
    talk.tracker(line("L", `2.0;35630704244101${host};s3cret`, options).bytes).server("#AL#1\r\n");
    talk.tracker(line("SD", shortData(1), options).bytes).server("#ASD#1\r\n");
    talk.tracker(line("D", data(1), { ...options, isDamaged: true }).bytes).server("#AD#16\r\n");
    talk.tracker("#XX#\r\n").tracker("", FIN | ACK);
  }
  return site;
}

async function kept(site: Site): Promise<Uint8Array> {
  const source = { taps: () => [{ name: "eth0", isUp: true, lostPackets: 2 }], clockOffset: () => site.clockOffset };
  return Buffer.concat(await writeTally(site.tally, source, async () => {}));
}

/** A site that goes on from what was kept. */
function goneOn(bytes: Uint8Array, options: { limit?: number; hasDevices?: boolean } = DEVICES): Site {
  const site = new Site(options);
  const reader = new ByteReader(bytes);
  readTally(reader, site.tally);
  assert.ok(!reader.hasMore);
  return site;
}

function counts(page: Page): Map<string, number> {
  return new Map([...page.samples].filter(([series]) => !OF_THE_RUN.test(series)));
}

test("all counts go on, and those of streams that are alive do not", async () => {
  const site = busySite(3);
  site.clockOffset = 7;
  const before = counts(await site.page());
  const next = goneOn(await kept(site));
  const page = await next.page();
  const lost = 'wialon_ips_capture_lost_packets_total{interface="eth0"}';
  assert.equal(before.get(lost), 2);
  assert.deepEqual(counts(page), new Map([...before, [lost, 4]]));
  assert.equal(page.sum("wialon_ips_streams_by_ip_size"), 0);
  assert.equal(page.value("wialon_ips_streams_size"), 0);
  new Connection(next, { tracker: "10.0.0.2" }).open().tracker("#P#\r\n");
  assert.equal(
    (await next.page()).value("wialon_ips_raw_packets_total"),
    before.get("wialon_ips_raw_packets_total")! + 1,
  );
});

test("if fewer may have series those keep theirs that were active last; sums stay", async () => {
  const site = busySite(4);
  const before = await site.page();
  const next = goneOn(await kept(site), { limit: 2, hasDevices: false });
  const page = await next.page();
  assert.equal(page.sum("wialon_ips_packets_total"), before.sum("wialon_ips_packets_total"));
  const shown = new Set([...page.samples.keys()].flatMap((series) => /src_ip="([^"]+)"/.exec(series)?.[1] ?? []));
  assert.deepEqual([...shown].toSorted(), ["10.0.0.4", "10.0.0.9", "other"]);
  assert.ok(![...page.samples.keys()].some((series) => series.startsWith("wialon_ips_device_")));
});

test("what is cut, of another shape or random is refused with a reason, or counts what it can", async () => {
  const good = await kept(busySite(2));
  const read = (bytes: Uint8Array): void => void readTally(new ByteReader(bytes), new Tally(100, true));
  for (let length = 0; length < good.length; length++) assert.throws(() => read(good.subarray(0, length)), Error);
  const renamed = Buffer.from(good.map((byte, at) => (at === 10 ? byte + 1 : byte)));
  assert.throws(() => read(renamed), /^Error: it counts other packets, codes or reasons than this version$/);
  const quoted = Buffer.from(Buffer.from(good).toString("latin1").replace("10.0.0.1 ", '10.0.0"1 '), "latin1");
  assert.throws(() => read(quoted), /^Error: it has counts of what is no address and no device$/);
  fc.assert(
    fc.property(damaged(good), (bytes) => {
      try {
        read(bytes);
      } catch (error) {
        assert.match((error as Error).message, /^(?:it |The encoded data was not valid)/);
      }
    }),
    { numRuns: 500 },
  );
});
