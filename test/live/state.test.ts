import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { decodeState } from "../../src/state/state-file.ts";
import { type Bytes, netflow9, set, template, u32 } from "../flows/datagrams.ts";
import { datagramFrame, type Frame, ipv4Frame, NEAR_MAC, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { Load, send } from "../support/sender.ts";
import { lackingStuckFolder, StuckFolder } from "../support/stuck-folder.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const { PROMTAP_KILLS } = process.env;
/** How often an engine is killed; PROMTAP_KILLS asks for more, and of two engines. */
const KILLS = Number(PROMTAP_KILLS ?? 1);
const KILLED = PROMTAP_KILLS === undefined ? ["bpf"] : ["bpf", "ring"];
const MS_PER_KILL = 30_000;
const INTERVAL_SECONDS = 1;
const FRAMES = ["10.0.0.1", "10.0.0.2", "192.0.2.9"].flatMap((source, index) =>
  [PROTOCOL_TCP, PROTOCOL_UDP].map((protocol) =>
    ipv4Frame({ source, destination: "10.0.0.3", protocol, lengthBytes: 100 + 200 * index }),
  ),
);
const ALL = 'promacct_packet_size_bytes_all_count{interface="near"}';
const WRITTEN = "promtap_state_last_write_timestamp_seconds";
const FAILURES = "promtap_state_write_failures_total";

/** Flags that count `near`, and keep the counts in a file. */
function flags(path: string, ...more: readonly string[]): string[] {
  const interval = `--state-interval=${INTERVAL_SECONDS}`;
  return ["-i", "near", "-r", "10.0.0.0/24:site=lab", "--state", path, interval, ...more];
}

function all(page: Page): number {
  return page.value(ALL) ?? 0;
}

/** Resolves when the file is being written; rarely there is no time to see it. */
async function writing(folder: string): Promise<void> {
  const watcher = watch(folder);
  await Promise.race([once(watcher, "change"), delay(2000 * INTERVAL_SECONDS)]);
  watcher.close();
}

const HERE = "192.0.2.1";
const EXPORTER = "192.0.2.77";
const FLOW_PORT = 2055;
const TRACKER_PORT = 20332;
/** The template comes once: after a kill records can be read by what was kept of it alone. */
const TEMPLATE_FRAME = flowFrame(set(0, template(256, [1, 4], [2, 4])));
const KILL_FRAMES = [
  ...FRAMES,
  flowFrame(set(256, u32(100), u32(1))),
  datagramFrame("10.0.0.1", "10.0.0.9", TRACKER_PORT, Buffer.from("imei#P#\r\n")),
];

/** What is counted of all frames, or of one in each round. */
interface Counted {
  readonly of: string;
  readonly share: number;
  readonly count: (page: Page) => number;
}

const COUNTED: readonly Counted[] = [
  { of: "frames", share: 1, count: all },
  { of: "flows", share: 1 / KILL_FRAMES.length, count: (page) => page.sum("flow_transit_packets_total") },
  { of: "packets of trackers", share: 1 / KILL_FRAMES.length, count: (page) => page.sum("wialon_ips_packets_total") },
];

function flowFrame(content: Bytes): Frame {
  return datagramFrame(EXPORTER, HERE, FLOW_PORT, netflow9([content]));
}

/** A veth whose near end receives what is sent to it, and answers nobody. */
function addReceiver(namespace: Namespace): void {
  namespace.addVeth("near", "far");
  namespace.ip("link", "set", "near", "address", NEAR_MAC.map((byte) => byte.toString(16)).join(":"));
  namespace.ip("address", "add", `${HERE}/32`, "dev", "near");
  namespace.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.near.rp_filter=0");
}

/** What pages may have at most, and have to have at least, of each thing that is counted. */
class Bounds {
  #most = COUNTED.map(() => 0);
  #least = COUNTED.map(() => 0);

  /** So many frames more were sent; a share of them may be one more at either end. */
  allow(frames: number): void {
    this.#most = this.#most.map((most, k) => most + frames * COUNTED[k]!.share + 2 * (1 - COUNTED[k]!.share));
  }

  /** A page has all that went before. */
  begin(page: Page): void {
    this.#most = COUNTED.map(({ count }) => count(page));
  }

  require(page: Page): void {
    this.#least = COUNTED.map(({ count }) => count(page));
  }

  check(page: Page): void {
    for (const [k, { of, count }] of COUNTED.entries()) {
      const [value, most, least] = [count(page), this.#most[k]!, this.#least[k]!];
      assert.ok(value <= most, `${value} ${of} are counted of ${most} that were sent`);
      assert.ok(value >= least, `${value} ${of} are counted after ${least} had been written`);
    }
  }
}

for (const engine of KILLED) {
  const options = { ...liveOptions("libpcap"), timeout: 60_000 + KILLS * MS_PER_KILL };
  test(
    `engine ${engine}, killed ${KILLS} times at random, loses what came since it wrote, and counts nothing twice`,
    options,
    async () => {
      using namespace = new Namespace();
      using folder = new TemporaryFolder();
      addReceiver(namespace);
      const others = [
        "--flow-listen",
        `:${FLOW_PORT}`,
        "--flow-asn=64500",
        "--wialon",
        "--wialon-filter",
        `udp port ${TRACKER_PORT}`,
      ];
      const args = flags(join(folder.path, "state"), "--engine", engine, ...others, "--wialon-interface=near");
      const sent = (): number => namespace.statistic("far", "tx_packets");
      const bounds = new Bounds();
      {
        await using loads = new AsyncDisposableStack();
        for (let kill = 0; kill <= KILLS; kill++) {
          const sentBefore = sent();
          await using promtap = await RunningPromtap.start(namespace, args);
          const sentAtFirst = sent();
          const first = await promtap.page();
          bounds.allow(sent() - sentBefore);
          bounds.check(first);
          if (kill === KILLS) break;
          if (kill === 0) {
            await send(namespace, "far", [TEMPLATE_FRAME]);
            loads.use(new Load(namespace, "far", KILL_FRAMES, "300us"));
          }
          await promtap.pageWhere(
            "flows are counted again",
            (page) => COUNTED[1]!.count(page) > COUNTED[1]!.count(first),
          );
          // What this page has is in what is written from now on.
          const seen = await promtap.page();
          const seenAtSeconds = Date.now() / 1000;
          const last = await promtap.pageWhere("it was written", (page) => page.value(WRITTEN)! > seenAtSeconds);
          assert.equal(last.value(FAILURES), 0);
          bounds.require(seen);
          if (kill % 2 === 0) await writing(folder.path);
          else await delay(randomInt(1000 * INTERVAL_SECONDS));
          const { stderr } = await promtap.kill();
          bounds.begin(first);
          bounds.allow(sent() - sentAtFirst);
          assert.doesNotMatch(stderr, /couldn't/);
        }
      }
      assert.deepEqual(
        readdirSync(folder.path).filter((name) => !/^state(?:\.[0-9a-f]{8}\.tmp)?$/.test(name)),
        [],
      );
    },
  );
}

/** Since when the frames are counted. */
async function createdAt(promtap: RunningPromtap): Promise<string | undefined> {
  const { body } = await promtap.get("/metrics", { Accept: "application/openmetrics-text; version=1.0.0" });
  return /^promacct_packet_size_bytes_all_created\{interface="near"\} (\S+)$/m.exec(body)?.[1];
}

/** All counters of traffic, as samples: of addresses, countries and customers. */
function counters(page: Page): Map<string, number> {
  const isCounter = /^(?:promacct_|promtap_(?:traffic_country|customer)_(?:bytes|packets)_total)/;
  return new Map([...page.samples].filter(([series]) => isCounter.test(series)));
}

for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
  test(`all that engine ${engine} counted goes on, once`, engineOptions(engine), async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("near", "far");
    const list = join(folder.path, "list.csv");
    writeFileSync(list, "prefix,customer\n10.0.0.2/32,acme\n192.0.2.0/24,bolt\n");
    const args = flags(join(folder.path, "state"), "--engine", engine, "--by=country", "--range-file", list);
    args.push("--web.created");
    const created: (string | undefined)[] = [];
    /** A life of the program, in which all frames are sent. */
    const live = async (first: Map<string, number>): Promise<Map<string, number>> => {
      await using promtap = await RunningPromtap.start(namespace, args);
      assert.deepEqual(counters(await promtap.page()), first);
      const before = first.get(ALL) ?? 0;
      await send(namespace, "far", FRAMES);
      const page = await promtap.pageWhere("all is counted", (each) => all(each) === before + FRAMES.length);
      created.push(await createdAt(promtap));
      assert.equal((await promtap.stop()).status, 0);
      return counters(page);
    };
    const first = await live(new Map());
    assert.ok([...first.keys()].some((series) => series.includes('customer="bolt"')));
    assert.ok([...first.keys()].some((series) => series.startsWith("promtap_traffic_country_bytes_total")));
    const second = await live(first);
    assert.deepEqual(second, new Map([...first].map(([series, value]) => [series, 2 * value])));
    assert.ok(Math.abs(Number(created[0]) - Date.now() / 1000) < 600);
    assert.equal(created[1], created[0]);
  });
}

/** Has the program see a disk of its own at this path, of so many bytes. */
function onDisk(path: string, size: string): string[] {
  return ["unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=${size} none ${path} && exec "$@"`, "sh"];
}

test(
  "a full disk, and one that is read-only, is told, and the page is served; then it is written again",
  liveOptions("unshare", "nsenter"),
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("near", "far");
    await using promtap = await RunningPromtap.start(
      namespace,
      flags(join(folder.path, "state")),
      onDisk(folder.path, "16k"),
    );
    const written = await promtap.pageWhere("it was written", (page) => page.value(WRITTEN)! > 0);
    const filler = `/proc/${promtap.process.pid}/root${folder.path}/filler`;
    assert.throws(() => writeFileSync(filler, Buffer.alloc(2 ** 16)), /ENOSPC/);
    const full = await promtap.pageWhere("it couldn't be written", (page) => page.value(FAILURES)! > 0);
    await promtap.logged(/level=error msg="couldn't write the state; .*error="no space left on device"/);
    rmSync(filler);
    const again = await promtap.pageWhere("it is written again", (page) => page.value(WRITTEN)! > full.value(WRITTEN)!);
    assert.ok(again.value(WRITTEN)! > written.value(WRITTEN)!);
    await promtap.logged(/level=info msg="writes the state again"/);
    const remount = (option: string): void => {
      const target = ["-t", `${promtap.process.pid}`, "-m", "--"];
      execFileSync("nsenter", [...target, "mount", "-o", `remount,${option}`, folder.path]);
    };
    remount("ro");
    await promtap.logged(/error="read-only file system"/);
    await send(namespace, "far", FRAMES);
    await promtap.pageWhere("all is counted", (page) => all(page) === FRAMES.length);
    remount("rw");
    const last = await promtap.page();
    await promtap.pageWhere("it is written again", (page) => page.value(WRITTEN)! > last.value(WRITTEN)!);
  },
);

const slow = liveOptions();
test(
  "a disk that answers nothing holds up neither counting, nor the page, nor the end, and metrics tell",
  { ...slow, skip: slow.skip || lackingStuckFolder() },
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("near", "far");
    const path = join(folder.path, "state");
    await using promtap = await RunningPromtap.start(namespace, flags(path));
    await promtap.pageWhere("it was written", (page) => page.value(WRITTEN)! > 0);
    /** It hangs for good once its last writing is that long ago. */
    const stuck = async (): Promise<Page> => {
      await until("it is about to be written", () => readdirSync(folder.path).some((name) => name.endsWith(".tmp")));
      const isLate = (page: Page): boolean => Date.now() / 1000 - page.value(WRITTEN)! > 2 * INTERVAL_SECONDS;
      return promtap.pageWhere("it is late", isLate);
    };
    {
      using _ = new StuckFolder(folder.path);
      const late = await stuck();
      await send(namespace, "far", FRAMES);
      const counted = await promtap.pageWhere("all is counted", (page) => all(page) === FRAMES.length);
      assert.equal(counted.value(WRITTEN), late.value(WRITTEN));
      assert.equal(counted.value(FAILURES), 0);
    }
    const answeredAtSeconds = Date.now() / 1000;
    await promtap.pageWhere("it is written again", (page) => page.value(WRITTEN)! > answeredAtSeconds);
    {
      using _ = new StuckFolder(folder.path);
      await stuck();
      const { status, stderr } = await promtap.stop();
      assert.equal(status, 0, stderr);
      assert.match(stderr, /msg="left behind what did not end in time" part=state/);
    }
    assert.ok(decodeState(readFileSync(path)).writtenAt > answeredAtSeconds);
  },
);

test("a file that is damaged is set aside, and named in the log", liveOptions(), async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  namespace.addVeth("near", "far");
  const path = join(folder.path, "state");
  writeFileSync(path, "promtap\0, or so it seems");
  await using promtap = await RunningPromtap.start(namespace, flags(path));
  await promtap.pageWhere("another is written", (page) => page.value(WRITTEN)! > 0);
  const [aside = ""] = readdirSync(folder.path).filter((name) => name.startsWith("state.damaged-"));
  assert.ok(existsSync(join(folder.path, aside)));
  const { stderr } = await promtap.stop();
  assert.match(stderr, new RegExp(`couldn't use the state; counts begin at 0.* set-aside=\\S*${aside}`));
});
