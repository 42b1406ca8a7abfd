import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { Format } from "../../../src/page/negotiation.ts";
import { parseExposition } from "../../page/exposition-parser.ts";
import { binary, blackBox, compressed, data, line, shortData } from "../../support/wialon/packets.ts";
import { ACK, Connection, FIN, frameOf, Site } from "./wire.ts";

const GOLDEN = resolve(import.meta.dirname, "../../golden/wialon.txt");

/** One connection of each version, one of them over, and a datagram. */
function smallSite(): Site {
  const site = new Site({ hasDevices: true });
  const options = { protocol: "2.0" } as const;
  const talk = new Connection(site).open();
  talk.tracker(line("L", "2.0;356307042441013;s3cret", options).bytes).server("#AL#1\r\n");
  talk.tracker(line("SD", shortData(1), options).bytes).server("#ASD#1\r\n");
  talk.tracker(line("D", data(1), { ...options, isDamaged: true }).bytes).server("#AD#16\r\n");
  talk.tracker(compressed(blackBox([data(1), shortData(2)], options)).bytes).server("#AB#2\r\n");
  talk.tracker(binary("I", Buffer.from("#D#\r\n"), "0;0;1;2;x", options).bytes).server("#AI#0;1\r\n#AI#1\r\n");
  talk.tracker("#XX#\r\n").tracker("", FIN | ACK);
  const other = new Connection(site, { tracker: "fd00::1", server: "fd00::9" }).open();
  other.tracker("#L#imei;s3cret\r\n").server("#AL#01\r\n").tracker("#P#\r\n").server("#AP#\r\n");
  const payload = Buffer.from("imei#SD#1;2\r\n");
  site.show(frameOf({ source: "10.0.0.2", destination: "10.0.0.9", sourcePort: 5, destinationPort: 20332, payload }));
  return site;
}

test("the page of a small site is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const page = await smallSite().text();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
  assert.doesNotMatch(page, /s3cret/);
});

test("the page is well formed in both formats", async () => {
  const site = smallSite();
  for (const format of [Format.TEXT, Format.OPENMETRICS]) {
    const families = parseExposition(Buffer.from(await site.text(format)), format);
    assert.ok(families.size > 15, format);
  }
});

test("before any stream has ended its quantiles are NaN, as the formats spell it", async () => {
  for (const format of [Format.TEXT, Format.OPENMETRICS]) {
    const lives = parseExposition(Buffer.from(await new Site({}).text(format)), format).get(
      "wialon_ips_stream_live_seconds",
    );
    assert.deepEqual(
      lives?.samples.map(({ value }) => value),
      ["NaN", "NaN", "NaN", "NaN", "0", "0"],
    );
  }
});

describe("series", () => {
  const pair = (host: number) => `src_ip="10.0.1.${host}",dst_ip="10.0.0.9"`;
  const OTHER = 'src_ip="other",dst_ip="other"';

  test("by address of what is silent longest give way beyond the limit, to other, and sums stay exact", async () => {
    const site = new Site({ limit: 2 });
    const talks = [1, 2, 3, 4, 5].map((host) => new Connection(site, { tracker: `10.0.1.${host}`, port: host }));
    for (const talk of talks) talk.tracker("#P#\r\n#XX#\r\n");
    let page = await site.page();
    for (const [series, packets] of [
      [pair(3), undefined],
      [pair(4), 1],
      [pair(5), 1],
      [OTHER, 3],
    ] as const) {
      assert.equal(page.value(`wialon_ips_packets_total{type="P",${series}}`), packets);
      assert.equal(page.value(`wialon_ips_streams_by_ip_size{${series}}`), packets);
    }
    assert.equal(page.value('wialon_ips_evicted_series_total{of="addresses"}'), 3);
    // What was active up to the last page keeps its place; from there to the next all are silent.
    await site.page();
    talks[2]!.tracker("#P#\r\n").tracker("#P#\r\n");
    talks[0]!.tracker("", FIN | ACK);
    page = await site.page();
    assert.equal(page.value(`wialon_ips_packets_total{type="P",${pair(3)}}`), 2, "begins as new");
    assert.equal(page.value(`wialon_ips_packets_total{type="P",${pair(4)}}`), undefined);
    assert.equal(page.value(`wialon_ips_packets_total{type="P",${OTHER}}`), 4);
    assert.equal(page.value(`wialon_ips_streams_by_ip_size{${pair(3)}}`), 1, "its stream comes back with it");
    assert.equal(page.value(`wialon_ips_streams_by_ip_size{${OTHER}}`), 2);
    assert.equal(page.sum("wialon_ips_packets_total"), 7);
    assert.equal(page.sum("wialon_ips_parse_errors_total"), 5);
    assert.equal(page.sum("wialon_ips_streams_by_ip_size"), page.value("wialon_ips_streams_size"));
  });

  test("of a tracker with a new address each day are its own for as long as they are the latest", async () => {
    const site = new Site({ limit: 10 });
    for (let day = 1; day <= 200; day++) {
      site.now += 86_400;
      new Connection(site, { tracker: `10.0.1.${day}`, port: day })
        .open()
        .tracker("#P#\r\n")
        .tracker("", FIN | ACK);
      assert.equal((await site.page()).value(`wialon_ips_packets_total{type="P",${pair(day)}}`), 1);
    }
    assert.equal((await site.page()).sum("wialon_ips_packets_total"), 200);
  });

  test("by device are there only if they are asked for, and bounded", async () => {
    const logins = ["imei1", "imei2", "imei3", 'no"name', "a".repeat(40)];
    for (const hasDevices of [true, false]) {
      const site = new Site({ limit: 2, hasDevices });
      for (const [index, imei] of logins.entries()) {
        new Connection(site, { port: 4000 + index }).open().tracker(`#L#${imei};NA\r\n#P#\r\n`);
      }
      const page = await site.page();
      const name = "wialon_ips_device_packets_total";
      assert.equal(page.value(`${name}{imei="imei3"}`), hasDevices ? 2 : undefined);
      assert.equal(page.value(`${name}{imei="other"}`), hasDevices ? 6 : undefined);
      assert.equal(page.sum(name), hasDevices ? 10 : 0);
      assert.equal(page.value('wialon_ips_evicted_series_total{of="devices"}'), hasDevices ? 1 : undefined);
      assert.equal((await site.text()).includes("imei1"), false);
    }
  });

  test("of a device that others took the place of begin as new when it speaks again", async () => {
    const site = new Site({ limit: 1, hasDevices: true });
    const value = async (imei: string, what = "packets_total") =>
      (await site.page()).value(`wialon_ips_device_${what}{imei="${imei}"}`);
    const first = new Connection(site, { port: 1 }).open().tracker("#L#first;NA\r\n#P#\r\n");
    const seen = await value("first", "last_packet_timestamp_seconds");
    // It is silent from that page to the next.
    await site.page();
    site.now += 10;
    new Connection(site, { port: 2 }).open().tracker("#L#second;NA\r\n");
    assert.equal(await value("other"), 2);
    assert.equal(await value("other", "last_packet_timestamp_seconds"), seen);
    first.tracker("#P#\r\n");
    assert.deepEqual([await value("first"), await value("second"), await value("other")], [1, undefined, 3]);
  });
});

test("the time of a device's last packet follows a host's clock that is set", async () => {
  const site = new Site({ hasDevices: true });
  new Connection(site).open().tracker("#L#imei;NA\r\n");
  const seen = 'wialon_ips_device_last_packet_timestamp_seconds{imei="imei"}';
  assert.equal((await site.page()).value(seen), 1000);
  site.clockOffset = 50_000;
  assert.equal((await site.page()).value(seen), 51_000);
});

describe("answers", () => {
  test("are counted by code if they refuse, and timed by what they answer", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    talk.tracker("#SD#1\r\n#D#1\r\n#P#\r\n").server("#AD#15\r\n#ASD#-1\r\n").server("#AP#\r\n");
    talk
      .tracker("#B#1\r\n#M#x\r\n#I#1;0;1\r\nx")
      .server("#AB#0\r\n")
      .server("#AB#\r\n")
      .server("#AM#0\r\n#AI#0;01\r\n#AI#NA;0\r\n#AIT#abc\r\n");
    const page = await site.page();
    const rejected = [...page.samples].filter(([series]) => series.startsWith("wialon_ips_rejected_packets_total"));
    assert.deepEqual(
      Object.fromEntries(
        rejected.map(([series, value]) => [series.replace(/.*type="(\w+)",code="(.*)"}/, "$1 $2"), value]),
      ),
      {
        "SD -1": 1,
        "D 15": 1,
        "B 0": 1,
        "B empty": 1,
        "M 0": 1,
        "I 01": 1,
        "I 0": 1,
        "IT other": 1,
      },
    );
    const seconds = (type: string) => page.value(`wialon_ips_answer_latency_seconds_sum{type="${type}"}`);
    assert.deepEqual([seconds("SD"), seconds("D"), seconds("P"), seconds("B")], [0.25, 0.25, 0.5, 0.25]);
    assert.equal(
      page.value('wialon_ips_answer_latency_seconds_count{type="B"}'),
      1,
      "the second answer answers nothing",
    );
  });

  test("to logins are counted by code, whatever a server says", async () => {
    const site = new Site();
    new Connection(site).open().server("#AL#1\r\n#AL#0\r\n#AL#01\r\n#AL#10\r\n#AL#7\r\n#AL#s3cret\r\n#AL#\x001\r\n");
    const page = await site.page();
    for (const code of ["1", "0", "01", "10"]) assert.equal(page.value(`wialon_ips_logins_total{code="${code}"}`), 1);
    assert.equal(page.value('wialon_ips_logins_total{code="other"}'), 3);
  });

  test("are timed however many requests are under way", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    for (let count = 0; count < 40; count++) talk.tracker("#SD#1\r\n");
    for (let count = 0; count < 40; count++) talk.server("#ASD#1\r\n");
    talk.tracker("#SD#1\r\n").server("#ASD#1\r\n");
    const page = await site.page();
    assert.equal(page.value('wialon_ips_answer_latency_seconds_count{type="SD"}'), 17);
    assert.equal(page.value('wialon_ips_answer_latency_seconds_sum{type="SD"}'), 16 * 10 + 0.25);
  });

  test("that never come do not hold up the times of others", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    for (let count = 0; count < 40; count++) {
      talk.tracker("#P#\r\n");
      site.now += 30;
    }
    talk.tracker("#SD#1\r\n").server("#ASD#1\r\n");
    assert.equal((await site.page()).value('wialon_ips_answer_latency_seconds_sum{type="SD"}'), 0.25);
  });

  test("that the capture missed are not taken for those to later requests", async () => {
    for (const side of ["server", "tracker"] as const) {
      const site = new Site();
      const talk = new Connection(site).open();
      talk.tracker("#SD#1\r\n").server("#AP#\r\n");
      if (side === "tracker") talk.held("#SD#1\r\n");
      else talk.missed("#ASD#1\r\n");
      for (let count = 0; count < 3; count++) {
        site.now += 10;
        talk.tracker("#P#\r\n").server("#AP#\r\n").tracker("#SD#1\r\n").server("#ASD#1\r\n");
      }
      const page = await site.page();
      assert.equal(site.tally.skippedBytes[0]! > 0, true, side);
      assert.ok(page.value('wialon_ips_answer_latency_seconds_sum{type="SD"}')! < 1, side);
    }
  });
});
