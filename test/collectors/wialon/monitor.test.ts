import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { line, shortData } from "../../support/wialon/packets.ts";
import { ACK, Connection, FIN, frameOf, RST, Site, SYN } from "./wire.ts";

const PAIR = 'src_ip="10.0.0.1",dst_ip="10.0.0.9"';

/** Packets of a type from the tracker. */
async function count(site: Site, type: string): Promise<number> {
  return (await site.page()).value(`wialon_ips_packets_total{type="${type}",${PAIR}}`) ?? 0;
}

describe("a stream", () => {
  test("that is sent again, late and out of order is counted once", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    const [first, second, third] = [talk.held("#D#1"), talk.held(";2\r\n#S"), talk.held("D#3\r\n")];
    for (const frame of [third, second, first, first, third, second]) site.show(frame);
    assert.equal(await count(site, "D"), 1);
    assert.equal(await count(site, "SD"), 1);
    assert.equal(site.tally.rawPackets, 6);
    assert.equal(site.monitor.keptBytes, 0);
  });

  test("whose SYN carries data, or comes twice, is read from its first byte", async () => {
    const site = new Site();
    const opening = { source: "10.0.0.1", destination: "10.0.0.9", sourcePort: 1, destinationPort: 20332 };
    const at = (sequence: number, text: string, flags: number) =>
      site.show(frameOf({ ...opening, payload: Buffer.from(text), tcp: { sequence, acknowledgment: 0, flags } }));
    at(100, "#P#\r\n", SYN);
    at(106, "#P#\r\n", ACK);
    at(100, "#P#\r\n", SYN);
    at(111, "#P#\r\n", ACK);
    assert.equal(await count(site, "P"), 3);
    assert.equal(site.tally.streams, 1);
  });

  test("whose SYN is followed by a keep-alive with a byte of its own is read from its first byte", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    talk.jump(-1).tracker("\0").tracker("#P#\r\n");
    assert.equal(await count(site, "P"), 1);
    assert.equal(site.tally.streams, 1);
  });

  test("whose SYN was of another connection of its ports begins where two segments in a row are", async () => {
    const site = new Site();
    new Connection(site).open().jump(100_000_000).tracker("#P#\r\n").tracker("#P#\r\n");
    assert.equal(await count(site, "P"), 1);
    assert.equal(site.tally.streams, 1);
  });

  test("that was joined in the middle starts at the next packet", async () => {
    const site = new Site();
    new Connection(site).tracker("5544.6025;N;60\r\n#P#\r\n").tracker("#P#\r\n");
    assert.equal(await count(site, "P"), 2);
    assert.equal((await site.page()).sum("wialon_ips_parse_errors_total"), 0);
  });

  test("with a hole that is acknowledged goes on behind it", async () => {
    const site = new Site();
    const talk = new Connection(site).open().tracker("#P#\r\n");
    talk.held("#SD#1;2\r\n");
    talk.tracker("#P#\r\n").server("#AP#\r\n").tracker("#P#\r\n");
    assert.equal(await count(site, "P"), 3);
    assert.equal(site.tally.skippedBytes[0], 9);
  });

  test("with a hole is read to its end when the file ends", async () => {
    const site = new Site();
    const talk = new Connection(site).open().tracker("#P#\r\n");
    talk.held("#SD#1;2\r\n");
    talk.tracker("#P#\r\n");
    assert.equal(await count(site, "P"), 1);
    site.monitor.flush(site.now);
    assert.equal(await count(site, "P"), 2);
    assert.equal(site.monitor.keptBytes, 0);
  });

  test("ends with its FIN, with a RST for both sides, and with five minutes of silence", async () => {
    const site = new Site();
    const talk = new Connection(site).open().tracker("#P#\r\n").server("#AP#\r\n");
    assert.equal(site.tally.streams, 2);
    talk.tracker("", FIN | ACK);
    assert.equal(site.tally.streams, 1);
    talk.server("#AP#\r\n", FIN | ACK);
    assert.equal(site.tally.streams, 0);
    new Connection(site, { port: 4001 }).open().tracker("#P#\r\n").server("#AP#\r\n").tracker("", RST);
    assert.equal(site.tally.streams, 0);
    new Connection(site, { port: 4002 }).tracker("#P#\r\n").tracker("#P#\r\n");
    site.now += 301;
    site.monitor.age(site.now);
    const page = await site.page();
    assert.equal(page.value("wialon_ips_streams_size"), 0);
    assert.equal(page.value("wialon_ips_stream_live_seconds_count"), 5);
    assert.equal(page.value("wialon_ips_stream_live_seconds_sum"), 0.75);
    assert.equal(page.value('wialon_ips_stream_live_seconds{quantile="0.99"}'), 0.5);
  });

  test("that has ended is not counted again when its last segment is repeated", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    const last = talk.held("#P#\r\n");
    site.show(last);
    talk.tracker("", FIN | ACK).server("", FIN | ACK);
    site.show(last);
    assert.equal(await count(site, "P"), 1);
    assert.equal(site.tally.streams, 0);
    new Connection(site).open().tracker("#P#\r\n");
    assert.equal(await count(site, "P"), 2, "its ports may be used again");
  });

  test("is not ended by a RST from far away", async () => {
    const site = new Site();
    new Connection(site).open().tracker("#P#\r\n");
    const tcp = { sequence: 2_000_000_000, acknowledgment: 0, flags: RST };
    const fields = { source: "10.0.0.1", destination: "10.0.0.9", sourcePort: 4000, destinationPort: 20332 };
    site.show(frameOf({ ...fields, payload: Buffer.alloc(0), tcp }));
    assert.equal(site.tally.streams, 1);
  });

  test("that is reset behind a hole is read to its end", async () => {
    const site = new Site();
    const talk = new Connection(site).open().tracker("#P#\r\n");
    talk.held("#SD#1;2\r\n");
    talk.tracker("#P#\r\n").tracker("", RST);
    assert.equal(await count(site, "P"), 2);
    assert.equal(site.tally.skippedBytes[0], 9);
    assert.equal(site.monitor.keptBytes, 0);
  });

  test("that was silent for long is still of its device", async () => {
    const site = new Site({ hasDevices: true });
    const talk = new Connection(site).open().tracker("#L#imei;NA\r\n");
    site.now += 600;
    talk.tracker("#P#\r\n");
    assert.equal(site.tally.lives.count, 1);
    assert.equal((await site.page()).value('wialon_ips_device_packets_total{imei="imei"}'), 2);
    talk.tracker("", RST);
    new Connection(site).open().tracker("#P#\r\n");
    assert.equal((await site.page()).value('wialon_ips_device_packets_total{imei="imei"}'), 2, "but not its successor");
  });

  test("of datagrams is read one by one", async () => {
    const site = new Site();
    for (const text of ["imei#P#\r\n", "imei#SD#1", "2.0;imei#P#"]) {
      const payload = Buffer.from(text);
      site.show(
        frameOf({ source: "10.0.0.1", destination: "10.0.0.9", sourcePort: 1, destinationPort: 20332, payload }),
      );
    }
    assert.equal(await count(site, "P"), 2);
    assert.equal(await count(site, "SD"), 1);
    assert.equal(site.tally.streams, 1);
  });
});

describe("a packet", () => {
  const counts: readonly [string, readonly string[], Record<string, number>][] = [
    ["of a device that logs in twice", ["#L#a;NA\r\n", "#L#a;NA\r\n", "#D#1\r\n"], { a: 3 }],
    ["of another device on the same connection", ["#L#a;NA\r\n#P#\r\n", "#L#b;NA\r\n", "#D#1\r\n"], { a: 2, b: 2 }],
    ["whose login comes in pieces", ["#L#a;", "NA\r", "\n#L", "#b;NA\r\n#P#"], { a: 1, b: 2 }],
    ["that is a login without a name", ["#L#a;NA\r\n", "#L#s3cret\r\n", "#P#\r\n"], { a: 3 }],
    ["that is a login with an empty name", ["#L#a;NA\r\n", "#L#;NA\r\n", "#P#\r\n"], { a: 1, other: 2 }],
    ["that is a login of version 2.0", ["#L#2.0;a;NA;BEEF\r\n", "#L#2.0;b;NA;BEEF\r\n", "#P#\r\n"], { a: 1, b: 2 }],
    ["that is a login without an end", ["#L#a;NA\r\n", "#P#\r\n", "#L#b;N"], { a: 2, b: 1 }],
  ];
  for (const [what, texts, expected] of counts) {
    for (const answer of ["", "#AL#0\r\n", "#AL#1\r\n"]) {
      test(`${what} counts for one device, when logins are answered by ${JSON.stringify(answer)}`, async () => {
        const site = new Site({ hasDevices: true });
        const talk = new Connection(site).open();
        for (const text of texts) {
          talk.tracker(text);
          if (answer !== "") talk.server(answer);
        }
        talk.tracker("", FIN | ACK);
        const page = await site.page();
        const packets = [...page.samples].filter(([series]) => series.startsWith("wialon_ips_device_packets_total{"));
        const byDevice = packets.map(([series, value]) => [/imei="(.*)"/.exec(series)![1], value]);
        assert.deepEqual(Object.fromEntries(byDevice), expected);
      });
    }
  }

  test("of a connection that took the ports of another counts for neither of its devices", async () => {
    const site = new Site({ hasDevices: true });
    const talk = new Connection(site).open().tracker("#L#a;NA\r\n#L#b;");
    talk.jump(100_000_000).tracker("#P#\r\n").tracker("#P#\r\n");
    const page = await site.page();
    assert.equal(page.value('wialon_ips_device_packets_total{imei="a"}'), 1);
    assert.equal(page.value('wialon_ips_device_packets_total{imei="b"}'), 1);
    assert.equal(await count(site, "P"), 1);
  });
});

describe("frames", () => {
  test("that are fragments, cut short or malformed are counted as that", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    const fragment = talk.held("#P#\r\n");
    fragment[14 + 6] = 0x20;
    site.show(fragment);
    const whole = talk.held("#P#\r\n");
    site.show(whole, 40);
    whole[14 + 20 + 12] = 0xf0;
    site.show(whole);
    const page = await site.page();
    for (const reason of ["fragment", "truncated", "malformed"]) {
      assert.equal(page.value(`wialon_ips_skipped_frames_total{reason="${reason}"}`), 1, reason);
    }
  });

  test("whose payload was captured in part leave a gap of the rest", async () => {
    const site = new Site();
    const talk = new Connection(site).open();
    const long = talk.held("#SD#1;2;3;4;5;6;7;8;9\r\n");
    site.show(long, long.length - 10);
    talk.tracker("#P#\r\n");
    assert.equal(await count(site, "P"), 1);
    assert.equal(site.tally.skippedBytes[1], 10);
  });

  test("of datagrams that were captured in part end with a gap, too", async () => {
    const site = new Site();
    const options = { protocol: "2.0" } as const;
    const packet = line("SD", shortData(1), options).bytes;
    const payload = Buffer.concat([Buffer.from("2.0;imei"), packet]);
    const frame = frameOf({
      source: "10.0.0.1",
      destination: "10.0.0.9",
      sourcePort: 1,
      destinationPort: 20332,
      payload,
    });
    site.show(frame, frame.length - 10);
    const page = await site.page();
    assert.equal(await count(site, "SD"), 1);
    assert.equal(page.sum("wialon_ips_crc_errors_total"), 0);
    assert.equal(page.value('wialon_ips_skipped_bytes_total{reason="truncated"}'), 10);
  });
});

describe("memory", () => {
  test("is bounded by the number of connections, the longest silent of which gives way", async () => {
    const site = new Site({ maxConnections: 100 });
    for (let port = 1; port <= 1000; port++) {
      new Connection(site, { port }).open().tracker("#P#\r\n#SD#not at an end");
    }
    const page = await site.page();
    assert.equal(page.value("wialon_ips_streams_size"), 100);
    assert.equal(page.value("wialon_ips_evicted_streams_total"), 900);
    assert.equal(page.sum("wialon_ips_packets_total"), 2000);
  });

  test("of a silent connection is kept for its device alone", async () => {
    for (const hasDevices of [false, true]) {
      const site = new Site({ hasDevices });
      new Connection(site).open().tracker("#L#imei;NA\r\n");
      site.now += 600;
      site.monitor.age(site.now);
      assert.equal(site.monitor.connectionCount, hasDevices ? 1 : 0);
      site.now += 3600;
      site.monitor.age(site.now);
      assert.equal(site.monitor.connectionCount, 0);
    }
  });

  test("is bounded if no segment ever fits to another", () => {
    const site = new Site({ maxConnections: 50 });
    for (let port = 1; port <= 200; port++) {
      const talk = new Connection(site, { port }).open();
      for (let hole = 0; hole < 100; hole++) {
        talk.held("x");
        talk.tracker(Buffer.alloc(1400, "#D#1\r\n"));
      }
      assert.ok(site.monitor.keptBytes <= 32 * 1024 * 1024);
    }
    site.now += 400;
    site.monitor.age(site.now);
    assert.equal(site.monitor.keptBytes, 0);
  });

  test("is not taken by lines without an end, by types without an end, or by nothing but noise", async () => {
    const site = new Site();
    for (const [port, text] of ["#SD#", "#", "", "\xff\xff\xff"].entries()) {
      const talk = new Connection(site, { port: 4000 + port }).open().tracker(text);
      for (let count = 0; count < 500; count++) talk.tracker(Buffer.alloc(1400, "A;|"));
      talk.tracker("\r\n#P#\r\n");
    }
    assert.equal(await count(site, "P"), 4);
    assert.equal(await count(site, "SD"), 1);
    assert.equal(site.monitor.keptBytes, 0);
  });
});

test("any frames at all are read without an error", () => {
  const flags = fc.constantFrom(0, ACK, SYN, SYN | ACK, FIN | ACK, RST);
  const text = fc.constantFrom("", "#P#\r\n", "#I#7;0\r\n", "\xff\x05\x00\x78\x9c", "#L#a;b\r\n", "x", "#B#|;\n");
  const frame = fc.record({
    host: fc.integer({ min: 1, max: 2 }),
    isForward: fc.boolean(),
    isTcp: fc.boolean(),
    sequence: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.nat(0xffff_ffff)),
    acknowledgment: fc.integer({ min: 0, max: 60 }),
    flags,
    text,
    damage: fc.option(fc.tuple(fc.nat(80), fc.nat(255)), { freq: 5 }),
    cut: fc.option(fc.nat(80), { freq: 5 }),
    seconds: fc.constantFrom(0, 0, 0, 31, 301, -100),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
      const site = new Site({ limit: 2, maxConnections: 3, hasDevices: true });
      for (const { host, isForward, isTcp, sequence, acknowledgment, flags, text, damage, cut, seconds } of frames) {
        const [near, far] = [`10.0.0.${host}`, "10.0.0.9"];
        const tcp = isTcp ? { tcp: { sequence, acknowledgment, flags } } : {};
        const bytes = frameOf({
          source: isForward ? near : far,
          destination: isForward ? far : near,
          sourcePort: 1,
          destinationPort: 2,
          payload: Buffer.from(text, "latin1"),
          ...tcp,
        });
        if (damage !== null) bytes[damage[0] % bytes.length] = damage[1];
        site.now += seconds;
        site.show(bytes, Math.min(bytes.length, cut ?? bytes.length));
      }
      site.monitor.flush(site.now);
      site.now += 1000;
      site.monitor.age(site.now);
      assert.equal(site.tally.streams, 0);
      assert.equal(site.monitor.keptBytes, 0);
    }),
    { numRuns: 300 },
  );
});
