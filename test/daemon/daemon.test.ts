import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { type Config, configOf } from "../../src/daemon/config.ts";
import { check } from "../../src/daemon/check.ts";
import { run } from "../../src/daemon/daemon.ts";
import { configureLog } from "../../src/log.ts";
import { pcap, sectionHeader } from "../capture/savefile/captures.ts";
import { parseExposition } from "../page/exposition-parser.ts";
import { arpFrame, type Frame, ipv4Frame, ipv6Frame, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { expectedTraffic } from "../support/oracle.ts";
import { Page } from "../support/page.ts";
import { PROMTAP, runPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const FRAMES: Frame[] = [
  ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes: 1500 }),
  ipv4Frame({ source: "192.0.2.1", destination: "10.0.0.1", protocol: PROTOCOL_UDP, lengthBytes: 64 }),
  ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol: PROTOCOL_UDP, lengthBytes: 65 }),
  arpFrame(),
];
const RANGES = ["10.0.0.0/24:site=lab", "2001:db8::/64"];
const FLAGS = RANGES.flatMap((range) => ["-r", range]);
/** Of a pcap file. */
const RECORD_HEADER_BYTES = 16;

/** What the page has to say of the frames. */
function expectedOf(name: string, frames: readonly Frame[]): Map<string, number> {
  return expectedTraffic(name, frames, (address) => {
    if (address.startsWith("10.0.0.")) return 'site="lab",';
    return address.startsWith("2001:db8::") ? "" : undefined;
  });
}

function savefile(): Buffer {
  return Buffer.from(pcap({ order: "little" }, FRAMES).flat());
}

/** What is given up would be missing to the tests that follow in this process. */
function configFor(flags: Record<string, string[]>): Config {
  return configOf(new Map(Object.entries({ "keep-capabilities": [""], ...flags })));
}

describe("a file that is read once", () => {
  const folder = new TemporaryFolder();
  const path = join(folder.path, "traffic.pcap");
  const readOnce = (...args: string[]) => runPromtap(undefined, ["--read", path, "--once", ...FLAGS, ...args]);
  after(() => folder[Symbol.dispose]());

  test("is on the page that is printed, and the status is 0", async () => {
    writeFileSync(path, savefile());
    const { status, stdout, stderr } = await readOnce();
    assert.equal(status, 0, stderr);
    assert.deepEqual(new Page(stdout).traffic("traffic.pcap"), expectedOf("traffic.pcap", FRAMES));
    const families = parseExposition(Buffer.from(stdout), "text");
    for (const name of ["promtap_build_info", "promtap_collector_success", "promtap_capture_info"]) {
      assert.ok(families.has(name), name);
    }
  });

  test("that ends early is on the page up to there; then comes one line of error, and the status is 1", async () => {
    const whole = savefile();
    writeFileSync(path, whole.subarray(0, whole.length - 1));
    const { status, stdout, stderr } = await readOnce();
    assert.equal(status, 1);
    assert.deepEqual(new Page(stdout).traffic("traffic.pcap"), expectedOf("traffic.pcap", FRAMES.slice(0, -1)));
    const damagedAt = whole.length - arpFrame().bytes.length - RECORD_HEADER_BYTES;
    assert.match(stderr, new RegExp(`^couldn't read .*traffic\\.pcap at byte ${damagedAt}: .*\\n$`));
  });

  for (const [kind, content, error] of [
    ["that is not there", undefined, "couldn't open PATH: no such file"],
    ["that is empty", "", "couldn't read PATH at byte 0: the file is empty"],
    [
      "that is no capture",
      "text",
      "couldn't read PATH at byte 0: neither a pcap nor a pcapng file: it begins with 74657874",
    ],
    [
      "that is of a version nobody knows",
      Buffer.concat([savefile().subarray(0, 4), Buffer.alloc(20)]),
      "couldn't read PATH at byte 0: pcap version 0.0 isn't supported, only 2.0 to 2.4",
    ],
    [
      "that ends inside its header",
      savefile().subarray(0, 23),
      "couldn't read PATH at byte 0: the file ends inside the pcap header",
    ],
    [
      "that is a pcapng of a version nobody knows",
      Uint8Array.from(sectionHeader("little", 2)),
      "couldn't read PATH at byte 0: pcapng version 2 isn't supported, only 1",
    ],
    [
      "that ends inside its section header",
      Uint8Array.from(sectionHeader("big").slice(0, 27)),
      "couldn't read PATH at byte 0: the file ends inside a block: 27 of 28 bytes are there",
    ],
    [
      "that is a pcapng of no byte order",
      Uint8Array.from([0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 1, 2, 3, 4, ...sectionHeader("big").slice(12)]),
      "couldn't read PATH at byte 0: a section header with the byte-order magic 0x4030201",
    ],
  ] as const) {
    test(`${kind} gives one line, no page and the status 1, whether it is to be printed, served or checked`, async () => {
      const bad = join(folder.path, kind);
      if (content !== undefined) writeFileSync(bad, content);
      const listen = ["--web.listen-address", `unix:${join(folder.path, "http")}`];
      for (const flags of [["--once"], listen, [...listen, "--check"]]) {
        const outcome = await runPromtap(undefined, ["--read", bad, ...flags]);
        assert.deepEqual(
          outcome,
          { status: 1, stdout: "", stderr: `${error.replace("PATH", bad)}\n` },
          flags.join(" "),
        );
      }
    });
  }
});

/** The daemon in this process, on a unix socket. */
class Daemon implements AsyncDisposable {
  readonly socket: string;
  readonly ended: Promise<void>;
  readonly #folder = new TemporaryFolder();
  readonly #controller = new AbortController();

  constructor(flags: Record<string, string[]>) {
    this.socket = join(this.#folder.path, "http");
    const config = configFor({ ...flags, "web.listen-address": [`unix:${this.socket}`] });
    this.ended = run(config, this.#controller.signal);
    this.ended.catch(() => {});
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<{ type: string; body: string }> {
    const sent = request({ socketPath: this.socket, path, headers, agent: false }).end();
    const [response] = await once(sent, "response");
    return { type: response.headers["content-type"], body: await text(response) };
  }

  /** The first page on which the file has so many frames. */
  async pageWith(name: string, frames: number): Promise<string> {
    const count = `promacct_packet_size_bytes_all_count{interface="${name}"}`;
    return until(`${frames} frames are on the page`, async () => {
      const { body } = await this.get("/metrics");
      return new Page(body).value(count) === frames && body;
    });
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
    this.#folder[Symbol.dispose]();
  }
}

describe("the daemon", () => {
  const folder = new TemporaryFolder();
  const path = join(folder.path, "traffic.pcap");
  before(() => configureLog("error", "logfmt"));
  after(() => folder[Symbol.dispose]());

  test("serves a file in both formats until the signal, and then takes its socket away", async () => {
    writeFileSync(path, savefile());
    await using daemon = new Daemon({ read: [path], range: RANGES });
    const body = await daemon.pageWith("traffic.pcap", FRAMES.length);
    assert.deepEqual(new Page(body).traffic("traffic.pcap"), expectedOf("traffic.pcap", FRAMES));
    const openMetrics = await daemon.get("/metrics", { accept: "application/openmetrics-text;version=1.0.0" });
    assert.match(openMetrics.type, /^application\/openmetrics-text/);
    const families = parseExposition(Buffer.from(openMetrics.body), "openmetrics");
    assert.equal(families.get("promacct_packet_size_bytes_all")?.samples.at(-1)?.value, String(FRAMES.length));
    // As promacct wrote it, and as OpenMetrics wants it.
    const bucket = 'promacct_packet_size_bytes_all_bucket{interface="traffic.pcap",le=';
    assert.ok(body.includes(`\n${bucket}"64"} `), body);
    assert.ok(openMetrics.body.includes(`\n${bucket}"64.0"} `), openMetrics.body);
    assert.match((await daemon.get("/")).body, /savefile/);
    await daemon.stop();
    assert.equal(existsSync(daemon.socket), false);
  });

  test("serves the collectors and families that are asked for, and refuses those there are not", async () => {
    writeFileSync(path, savefile());
    await using daemon = new Daemon({ read: [path], range: RANGES });
    const all = new Page(await daemon.pageWith("traffic.pcap", FRAMES.length));
    const familiesOf = async (query: string): Promise<string[]> => [
      ...parseExposition(Buffer.from((await daemon.get(`/metrics?${query}`)).body), "text").keys(),
    ];
    const traffic = await familiesOf("collect[]=traffic");
    assert.ok(traffic.includes("promacct_packet_size_bytes_all") && !traffic.includes("promtap_build_info"));
    assert.deepEqual(await familiesOf("exclude[]=self"), traffic);
    const sums = await daemon.get("/metrics?name[]=promacct_packet_size_bytes_ipv4_tx_sum&name[]=promtap_build_info");
    assert.deepEqual(
      [...new Page(sums.body).samples],
      [...all.samples].filter(([name]) => /^(?:promacct_packet_size_bytes_ipv4_tx|promtap_build_info)/.test(name)),
    );
    for (const [query, message] of [
      ["collect[]=cpu", "unknown collector; there are self, traffic"],
      ["exclude[]=cpu", "unknown collector; there are self, traffic"],
      ["collect[]=self&exclude[]=traffic", "collect[] and exclude[] exclude each other"],
      ["name[]=node_load1", "name[] names a family that is not on this page"],
      ["collect[]=self&name[]=promacct_packet_size_bytes_all", "name[] names a family that is not on this page"],
    ] as const) {
      assert.deepEqual(await daemon.get(`/metrics?${query}`), {
        type: "text/plain; charset=utf-8",
        body: `${message}\n`,
      });
    }
  });

  test("serves what stands before the damage of a file, and tells of the damage at the end", async () => {
    const whole = savefile();
    writeFileSync(path, whole.subarray(0, whole.length - 1));
    await using daemon = new Daemon({ read: [path] });
    await daemon.pageWith("traffic.pcap", FRAMES.length - 1);
    await assert.rejects(daemon.stop(), { name: "PromtapError", code: "INPUT" });
  });

  test("serves while it waits for a pipe, and ends by itself when no capture comes out of it", async () => {
    const fifo = join(folder.path, "fifo");
    execFileSync("mkfifo", [fifo]);
    await using daemon = new Daemon({ read: [fifo] });
    await until("the daemon serves", async () => (await daemon.get("/-/ready")).body !== "");
    createWriteStream(fifo).end("no capture");
    await assert.rejects(daemon.ended, { name: "PromtapError", code: "INPUT", message: /neither a pcap nor/ });
  });

  test("logs damage once, when it is met", async () => {
    writeFileSync(path, savefile().subarray(0, -1));
    const socket = join(folder.path, "http");
    const args = [...PROMTAP.slice(1), "--read", path, "--web.listen-address", `unix:${socket}`];
    const promtap = spawn(PROMTAP[0]!, args, { stdio: ["ignore", "ignore", "pipe"], timeout: 20_000 });
    const exit = once(promtap, "exit");
    const lines: string[] = [];
    for await (const line of createInterface(promtap.stderr)) {
      lines.push(line);
      if (line.includes("stopped reading")) promtap.kill("SIGTERM");
    }
    assert.deepEqual(await exit, [1, null]);
    assert.equal(lines.filter((line) => line.includes("level=error")).length, 1);
    assert.match(lines.at(-1)!, /^couldn't read .*: the file ends inside a packet/);
  });

  test("ends at once when the signal has come before it started", async () => {
    writeFileSync(path, savefile());
    await run(configFor({ read: [path], "web.listen-address": ["127.0.0.1:0"] }), AbortSignal.abort());
  });

  test("does not start if its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert.ok(typeof address === "object" && address !== null);
    const config = configFor({ read: [path], "web.listen-address": [`127.0.0.1:${address.port}`] });
    await assert.rejects(run(config, new AbortController().signal), { name: "PromtapError", code: "HOST" });
    other.close();
  });
});

describe("a check", () => {
  const folder = new TemporaryFolder();
  const path = join(folder.path, "traffic.pcap");
  before(() => writeFileSync(path, savefile()));
  after(() => folder[Symbol.dispose]());

  test("of a file says what would be read and with which ranges", async () => {
    const config = configFor({ read: [path], once: [""], range: ["10.0.0.1:a=1", "10.0.0.2:a=1", "10.0.0.3"] });
    assert.deepEqual(await check({ ...config, maxAddresses: 10 }), [
      `would read ${path}`,
      "ranges: 3, with 2 different sets of labels",
      "at most 10 addresses have series",
      "would print one page",
    ]);
  });

  test("says where it would listen, and listens there no more", async () => {
    const socket = join(folder.path, "http");
    const lines = await check(configFor({ read: [path], "web.listen-address": [`unix:${socket}`, "127.0.0.1:0"] }));
    assert.match(lines.at(-1)!, /^would listen on unix:.*\/http, 127\.0\.0\.1:[1-9]\d*$/);
    assert.equal(existsSync(socket), false);
  });

  test("fails if a port is taken, but for one page that is printed", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const flags = { read: [path], "web.listen-address": [`127.0.0.1:${port}`] };
    try {
      await assert.rejects(check(configFor(flags)), { code: "HOST", message: /the port is taken by another process/ });
      const lines = await check(configFor({ ...flags, once: [""] }));
      assert.ok(lines.includes("would print one page"), lines.join());
    } finally {
      other.close();
    }
  });

  test("refuses a filter that libpcap does not take", { skip: lacking("root", "libpcap") }, async () => {
    const flags = { interface: ["lo"], engine: ["pcap"], "web.listen-address": ["127.0.0.1:0"] };
    const config = configFor({ ...flags, "pcap.filter": ["udp and"] });
    await assert.rejects(check(config), { code: "USAGE", message: /^invalid --pcap\.filter "udp and": / });
    assert.equal((await check(configFor({ ...flags, "pcap.filter": ["udp"] })))[1], "engine: pcap");
  });

  test("of a pipe leaves its bytes to what will read them", async () => {
    const fifo = join(folder.path, "fifo");
    execFileSync("mkfifo", [fifo]);
    assert.equal((await check(configFor({ read: [fifo], once: [""] })))[0], `would read ${fifo}`);
  });

  test("of live traffic names interfaces and engine", { skip: lacking("root") }, async () => {
    const lines = await check(configFor({ interface: ["lo"], engine: ["ring"], once: [""] }));
    assert.deepEqual(lines.slice(0, 2), ["would capture lo", "engine: ring"]);
    const waiting = await check(configFor({ interface: ["no-such-*"], engine: ["ring"], once: [""] }));
    assert.equal(waiting[0], "would capture nothing yet (waiting for no-such-*)");
  });

  test("of an interface that is not there fails as a run would", { skip: lacking("root") }, async () => {
    const config = configFor({ interface: ["no-such0"], engine: ["ring"] });
    await assert.rejects(
      check(config),
      /^PromtapError: couldn't open no-such0: no such interface; this host has .*\blo\b/,
    );
  });
});
