import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ACK, frameOf, SYN } from "../collectors/wialon/wire.ts";
import { type Frame, ipv4Frame, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { Load, send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const { PROMTAP_KILLS } = process.env;
/** How often an engine is killed; PROMTAP_KILLS asks for more, and of two engines. */
const KILLS = Number(PROMTAP_KILLS ?? 2);
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

for (const engine of KILLED) {
  const options = { ...engineOptions(engine), timeout: 60_000 + KILLS * MS_PER_KILL };
  test(
    `engine ${engine}, killed ${KILLS} times at any moment, loses what came since it wrote, and counts nothing twice`,
    options,
    async () => {
      using namespace = new Namespace();
      using folder = new TemporaryFolder();
      namespace.addVeth("near", "far");
      const args = flags(join(folder.path, "state"), "--engine", engine);
      const sent = (): number => namespace.statistic("far", "tx_packets");
      /** What a page may have at most, and has to have at least. */
      let [most, least] = [0, 0];
      {
        await using _ = new Load(namespace, "far", FRAMES, "300us");
        for (let kill = 0; kill <= KILLS; kill++) {
          const sentBefore = sent();
          await using promtap = await RunningPromtap.start(namespace, args);
          const sentAtFirst = sent();
          const first = await promtap.page();
          most += sent() - sentBefore;
          assert.ok(all(first) <= most, `${all(first)} are counted of ${most} that were sent`);
          assert.ok(all(first) >= least, `${all(first)} are counted after ${least} had been written`);
          if (kill === KILLS) break;
          // What this page has is in what is written from now on.
          const seenAtSeconds = Date.now() / 1000;
          const last = await promtap.pageWhere("it was written", (page) => page.value(WRITTEN)! > seenAtSeconds);
          assert.equal(last.value(FAILURES), 0);
          least = all(first);
          if (kill % 2 === 0) await writing(folder.path);
          else await delay(randomInt(1000 * INTERVAL_SECONDS));
          const { stderr } = await promtap.kill();
          most = all(first) + sent() - sentAtFirst;
          assert.doesNotMatch(stderr, /couldn't/);
        }
      }
      assert.deepEqual(
        readdirSync(folder.path).filter((name) => !/^state(?:\.tmp)?$/.test(name)),
        [],
      );
    },
  );
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
    /** A life of the program, in which all frames are sent. */
    const live = async (first: Map<string, number>): Promise<Map<string, number>> => {
      await using promtap = await RunningPromtap.start(namespace, args);
      assert.deepEqual(counters(await promtap.page()), first);
      const before = first.get(ALL) ?? 0;
      await send(namespace, "far", FRAMES);
      const page = await promtap.pageWhere("all is counted", (each) => all(each) === before + FRAMES.length);
      assert.equal((await promtap.stop()).status, 0);
      return counters(page);
    };
    const first = await live(new Map());
    assert.ok([...first.keys()].some((series) => series.includes('customer="bolt"')));
    assert.ok([...first.keys()].some((series) => series.startsWith("promtap_traffic_country_bytes_total")));
    const second = await live(first);
    assert.deepEqual(second, new Map([...first].map(([series, value]) => [series, 2 * value])));
  });
}

/** What a tracker says in a connection that has begun. */
function trackerFrames(lines: readonly string[]): Frame[] {
  const ends = { source: "10.0.0.1", destination: "10.0.0.9", sourcePort: 4000, destinationPort: 20332 };
  let sequence = 1000;
  return ["", ...lines].map((text, index) => {
    const payload = Buffer.from(text);
    const bytes = frameOf({ ...ends, payload, tcp: { sequence, acknowledgment: 0, flags: index === 0 ? SYN : ACK } });
    sequence += Math.max(payload.length, 1);
    return { bytes: [...bytes], lengthBytes: bytes.length - 14 };
  });
}

test("what trackers said goes on after the program was killed", liveOptions("libpcap"), async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  namespace.addVeth("near", "far");
  const args = ["--wialon", "--wialon-interface=near", "--state", join(folder.path, "state"), "--state-interval=1"];
  const pings = (page: Page): number => page.sum("wialon_ips_packets_total");
  for (const life of [1, 2]) {
    await using promtap = await RunningPromtap.start(namespace, args);
    assert.equal(pings(await promtap.page()), 2 * (life - 1));
    await send(namespace, "far", trackerFrames(["#P#\r\n", "#P#\r\n"]));
    await promtap.pageWhere("all is counted", (page) => pings(page) === 2 * life);
    const seenAtSeconds = Date.now() / 1000;
    await promtap.pageWhere("it was written", (page) => page.value(WRITTEN)! > seenAtSeconds);
    await promtap.kill();
  }
});

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
