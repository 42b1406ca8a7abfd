import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { ACK, frameOf } from "../collectors/wialon/wire.ts";
import { type Frame, tagged } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { type Journal, together } from "../support/wialon/journal.ts";

const PORT = 20332;
const PROGRAMS = resolve(import.meta.dirname, "../support/wialon");
const live = liveOptions("libpcap");
const rough = liveOptions("libpcap", "/dev/net/tun");

/** A program of test/support/wialon in a namespace, and the lines it prints. */
class Program implements Disposable {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(namespace: Namespace, name: string, ...args: (string | number)[]) {
    const command = [process.execPath, resolve(PROGRAMS, name), ...args.map(String)];
    this.#process = namespace.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
    this.#reader = createInterface(this.#process.stdout!);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the program ended before it said what was waited for");
    return value;
  }

  async journal(): Promise<Journal> {
    return JSON.parse(await this.line()) as Journal;
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
    this.#reader.close();
  }
}

/** Two namespaces with a road between them: 10.0.0.1 is where trackers are, 10.0.0.2 where the server and promtap are. */
class Road implements Disposable {
  readonly trackers = new Namespace();
  readonly server = new Namespace();
  #rough: Program | undefined;

  /** A wire. */
  static smooth(): Road {
    const road = new Road();
    road.trackers.ip("link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", road.server.name);
    road.#setUp("mtu", "1500");
    return road;
  }

  /** Loses and repeats a part of the packets, and delays each by another time, as tc-netem(8) would if there is one. */
  static async rough(loss: number, duplication: number, delayMs: number, mtu: number): Promise<Road> {
    const road = new Road();
    const args = ["near0", "far0", road.server.name, loss, duplication, delayMs];
    road.#rough = new Program(road.trackers, "rough-road.ts", ...args);
    assert.equal(await road.#rough.line(), "open");
    road.#setUp("mtu", `${mtu}`);
    return road;
  }

  #setUp(...settings: string[]): void {
    for (const [namespace, end, host] of [
      [this.trackers, "near0", 1],
      [this.server, "far0", 2],
    ] as const) {
      namespace.run("sysctl", "-qw", `net.ipv6.conf.${end}.disable_ipv6=0`);
      namespace.ip("address", "add", `10.0.0.${host}/24`, "dev", end);
      namespace.ip("address", "add", `fd00::${host}/64`, "dev", end, "nodad");
      namespace.ip("link", "set", end, ...settings, "up");
    }
  }

  [Symbol.dispose](): void {
    this.#rough?.[Symbol.dispose]();
    this.trackers[Symbol.dispose]();
    this.server[Symbol.dispose]();
  }
}

interface Talk {
  protocol: "1.1" | "2.0";
  writeBytes: number;
  messages: number;
  connections?: number;
  host?: string;
}

/** Lets trackers talk to a server; returns what both sent, and the page when all of it is counted. */
async function talk(road: Road, { protocol, writeBytes, messages, connections = 1, host = "10.0.0.2" }: Talk) {
  const flags = ["--wialon", "--wialon-interface", "far0", "--wialon-devices", "--log.level=debug"];
  await using promtap = await RunningPromtap.start(road.server, flags);
  using server = new Program(road.server, "server.ts", PORT, writeBytes);
  assert.equal(await server.line(), "listening");
  using trackers = new Program(road.trackers, "tracker.ts", host, PORT, protocol, writeBytes, messages, connections);
  const journals = [await trackers.journal()];
  for (let count = 0; count < connections; count++) journals.push(await server.journal());
  const page = await promtap.pageWhere("all streams have ended", (page) => page.value("wialon_ips_streams_size") === 0);
  const text = (await promtap.get("/metrics")).body;
  const listed = [await promtap.listedWhere("trackers", ({ size }) => size > 0)];
  listed.push(await promtap.listed("connections of trackers"));
  const { stderr } = await promtap.stop();
  for (const said of [text, stderr]) assert.doesNotMatch(said, /s3cret/);
  return { page, listed, sent: together(journals) };
}

/** Types → the sum of a family over all addresses. */
function byType(page: Page, family: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [series, value] of page.samples) {
    const type = /type="(\w+)"/.exec(series)?.[1];
    if (!series.startsWith(`${family}{`) || type === undefined || value === 0) continue;
    sums[type] = (sums[type] ?? 0) + value;
  }
  return sums;
}

function assertCounted(page: Page, sent: Journal): void {
  for (const none of ["capture_lost_packets", "skipped_bytes", "parse_errors", "crc_errors", "compressed_errors"]) {
    assert.equal(page.sum(`wialon_ips_${none}_total`), 0, none);
  }
  assert.deepEqual(byType(page, "wialon_ips_packets_total"), sent.packets);
  assert.deepEqual(byType(page, "wialon_ips_bytes_total"), sent.bytes);
  assert.equal(page.value("wialon_ips_black_box_points_total"), sent.points);
  assert.equal(page.sum("wialon_ips_answer_latency_seconds_count", 'type="P"'), sent.packets["AP"]);
}

for (const writeBytes of [100_000, 100, 7, 1]) {
  test(`counts what trackers and server say in writes of ${writeBytes} bytes, by their own account`, live, async () => {
    using road = Road.smooth();
    const { page, listed, sent } = await talk(road, { protocol: "2.0", writeBytes, messages: 33, connections: 3 });
    assertCounted(page, sent);
    const [trackers, pairs] = listed;
    assert.deepEqual(trackers, new Map([["356307042441013", 3 * 34]]));
    const packets = Object.values(sent.packets).reduce((sum, count) => sum + count);
    assert.equal((pairs!.get("10.0.0.1 → 10.0.0.2") ?? 0) + (pairs!.get("10.0.0.2 → 10.0.0.1") ?? 0), packets);
    assert.equal(page.value('wialon_ips_logins_total{code="1"}'), 3);
    assert.equal(page.value('wialon_ips_rejected_packets_total{type="SD",code="-1"}'), 9);
    assert.equal(page.value('wialon_ips_device_packets_total{imei="356307042441013"}'), 3 * 34);
    assert.equal(page.value("wialon_ips_stream_live_seconds_count"), 6);
    assert.equal(page.value('wialon_ips_streams_by_ip_size{src_ip="10.0.0.1",dst_ip="10.0.0.2"}'), 0);
  });
}

test("counts version 1.1 over IPv6", live, async () => {
  using road = Road.smooth();
  const { page, sent } = await talk(road, { protocol: "1.1", writeBytes: 50, messages: 22, host: "fd00::2" });
  assertCounted(page, sent);
  assert.equal(page.value('wialon_ips_packets_total{type="L",src_ip="fd00::1",dst_ip="fd00::2"}'), 1);
});

for (const [what, loss, duplication, delayMs, mtu] of [
  ["loses a tenth of the packets", 0.1, 0, 1, 1500],
  ["repeats a fifth of the packets", 0, 0.2, 1, 576],
  ["reorders packets", 0, 0, 20, 576],
  ["does all of that", 0.05, 0.1, 10, 576],
] as const) {
  for (const writeBytes of [4000, 20]) {
    test(`counts each packet once on a road that ${what}, in writes of ${writeBytes} bytes`, rough, async () => {
      using road = await Road.rough(loss, duplication, delayMs, mtu);
      const { page, sent } = await talk(road, { protocol: "2.0", writeBytes, messages: 33, connections: 4 });
      assertCounted(page, sent);
    });
  }
}

/** Frames of a tracker's packets, each once, behind a VLAN tag if one is given. */
function trackerFrames(count: number, vlan?: number): Frame[] {
  return Array.from({ length: count }, (_, index) => {
    const tcp = { sequence: 1 + index * 5, acknowledgment: 0, flags: ACK };
    const addresses = { source: "10.0.0.1", destination: "10.0.0.9", sourcePort: 4000, destinationPort: PORT };
    const bytes = [...frameOf({ ...addresses, payload: Buffer.from("#P#\r\n"), tcp })];
    const frame = { bytes, lengthBytes: bytes.length - 14 };
    return vlan === undefined ? frame : tagged(frame, vlan);
  });
}

test("loses none of a burst, with the offloads that an interface has by itself", live, async () => {
  using namespace = new Namespace();
  namespace.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
  for (const end of ["veth0", "veth1"]) namespace.ip("link", "set", end, "arp", "off", "up");
  await using promtap = await RunningPromtap.start(namespace, ["--wialon", "--wialon-interface", "veth0"]);
  const count = 20_000;
  await send(namespace, "veth1", trackerFrames(500), { count });
  const page = await promtap.pageWhere(
    "all are captured or lost",
    (page) => page.value("wialon_ips_raw_packets_total")! + page.sum("wialon_ips_capture_lost_packets_total") === count,
  );
  assert.equal(page.sum("wialon_ips_capture_lost_packets_total"), 0);
  assert.equal(page.sum("wialon_ips_packets_total"), 500, "what is sent again counts once");
});

test("takes 64 MiB for the packets of all interfaces, however many there are", live, async () => {
  using namespace = new Namespace();
  const pairs = 60;
  const commands = Array.from({ length: pairs }, (_, pair) => [
    `link add a${pair} type veth peer name b${pair}`,
    ...["a", "b"].map((end) => `link set ${end}${pair} arp off up`),
  ]).flat();
  namespace.run("sh", "-c", `printf '%s\\n' "$@" | ip -batch -`, "sh", ...commands);
  await using promtap = await RunningPromtap.start(namespace, ["--wialon"]);
  await promtap.pageWhere("all are captured", (page) => page.sum("wialon_ips_interface_up") === 2 * pairs);
  const maps = readFileSync(`/proc/${promtap.process.pid}/maps`, "utf8").matchAll(/^(\w+)-(\w+) .* socket:\[\d+\]$/gm);
  const bytes = [...maps].map(([, start, end]) => Number.parseInt(end!, 16) - Number.parseInt(start!, 16));
  assert.equal(bytes.length, 2 * pairs);
  assert.ok(bytes.reduce((sum, size) => sum + size) <= 64 * 2 ** 20);
});

for (const [expression, expected, vlan] of [
  ["tcp port 20332", 5, undefined],
  ["tcp port 20332", 5, 7],
  ["vlan 5 and tcp port 20332", 3, 5],
  ["vlan 6 and tcp port 20332", 0, 6],
  ["tcp port 20332 and not vlan", 2, undefined],
  ["tcp port 20332 and ip protochain 6", 5, undefined],
] as const) {
  const last = vlan === undefined ? "without a tag" : `of VLAN ${vlan}`;
  test(`a filter means the same live and in files: ${expression}, the last packet ${last}`, live, async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    const frames = [...trackerFrames(3, 5), ...trackerFrames(5).slice(3), ...trackerFrames(6, vlan).slice(5)];
    const flags = ["--wialon", "--wialon-filter", expression];
    await using promtap = await RunningPromtap.start(namespace, [...flags, "--wialon-interface", "veth0"]);
    await send(namespace, "veth1", frames);
    const raw = (page: Page) => page.value("wialon_ips_raw_packets_total")!;
    const page = await promtap.pageWhere("the last packet is captured", (page) => raw(page) > expected);
    assert.equal(raw(page), expected + 1);
    using folder = new TemporaryFolder();
    const path = join(folder.path, "trackers.pcap");
    writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, frames).flat()));
    const { stdout } = await runPromtap(undefined, [...flags, "--read", path, "--once"]);
    assert.equal(raw(new Page(stdout)), expected + 1);
  });
}
