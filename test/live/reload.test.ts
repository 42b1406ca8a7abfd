import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const FRAMES = 40_000;
/** How often it is read again, by engine: in one process, test/capture/rerange.test.ts does more. */
const RELOADS = { bpf: 100, tcx: 20, ring: 20, pcap: 20 };
/** Each takes a scrape's time on a machine that has much to do. */
const TIMEOUT_MS = 240_000;
const SENT = ["10.0.0.1", "10.0.0.2"].map((source) =>
  ipv4Frame({ source, destination: "192.0.2.1", protocol: PROTOCOL_UDP, lengthBytes: 100 }),
);
const SUCCESSFUL = "promtap_config_last_reload_successful";

/** A configuration file, and a promtap that has read it. */
class Configured implements AsyncDisposable {
  readonly folder = new TemporaryFolder();
  readonly path = join(this.folder.path, "promtap.yml");
  promtap!: RunningPromtap;

  static async start(namespace: Namespace, text: string, ...args: readonly string[]): Promise<Configured> {
    const configured = new Configured();
    configured.write(text);
    configured.promtap = await RunningPromtap.start(namespace, ["--config.file", configured.path, ...args]);
    return configured;
  }

  write(text: string): void {
    writeFileSync(this.path, text);
  }

  /** Resolves when what is written now has been taken over, or was refused. */
  async reload(): Promise<number> {
    return (await this.promtap.post("/-/reload")).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.promtap[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

function countOf(page: Page, labels: string): number {
  return page.sum("promacct_packet_size_bytes_ipv4_tx_count", labels);
}

for (const [engine, reloads] of Object.entries(RELOADS)) {
  const options = { ...engineOptions(engine), timeout: TIMEOUT_MS };
  test(`engine ${engine} counts every packet once over ${reloads} reloads`, options, async () => {
    using namespace = new Namespace();
    namespace.addVeth("near", "far");
    const text = (ranges: string) => `engine: ${engine}\ninterfaces: [near]\nranges: ${ranges}\n`;
    const sets = ['["10.0.0.1:a=b"]', '["10.0.0.2", "10.0.0.1:a=b"]', '["10.0.0.1:a=b", 10.0.0.0/8/24]'];
    await using configured = await Configured.start(namespace, text(sets[0]!), "--web.enable-lifecycle");
    let isSent = false;
    const sent = send(namespace, "far", SENT, { count: FRAMES, gap: "50us" }).finally(() => (isSent = true));
    for (let reload = 1; reload <= reloads || !isSent; reload++) {
      configured.write(text(sets[reload % sets.length]!));
      assert.equal(await configured.reload(), 200);
    }
    await sent;
    const page = await configured.promtap.pageWhere(
      "all is counted",
      (each) => each.value('promacct_packet_size_bytes_all_count{interface="near"}') === FRAMES,
    );
    assert.equal(countOf(page, 'a="b"'), FRAMES / SENT.length);
  });
}

test("a broken file keeps what runs, and the page and the log say so", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("near", "far");
  await using configured = await Configured.start(namespace, "interfaces: [near]\n", "--web.enable-lifecycle");
  const { promtap } = configured;
  assert.equal((await promtap.page()).value(SUCCESSFUL), 1);
  configured.write("interfaces: [near]\nrangs: []\n");
  assert.equal(await configured.reload(), 500);
  const page = await promtap.page();
  assert.equal(page.value(SUCCESSFUL), 0);
  assert.equal(page.value('promtap_interface_up{interface="near"}'), 1);
  await promtap.logged(/level=error msg="couldn't reload; .*promtap\.yml:2:1: unknown key/);
  configured.write("interfaces: [near, far]\n");
  promtap.process.kill("SIGHUP");
  await promtap.pageWhere("the other is captured", (each) => each.value('promtap_interface_up{interface="far"}') === 1);
  assert.equal((await promtap.page()).value(SUCCESSFUL), 1);
});

test("a file that changes is read again by itself, if that is asked for", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("near", "far");
  await using configured = await Configured.start(namespace, "interfaces: [near]\n", "--config.watch");
  assert.equal(await configured.reload(), 403);
  configured.write("interfaces: [far]\nengine: ring\nlog: {level: debug}\n");
  await configured.promtap.pageWhere(
    "the other is captured",
    (page) => page.value('promtap_interface_up{interface="far"}') === 1,
  );
  await configured.promtap.logged(/msg="waits for a restart" flag=--engine/);
  await configured.promtap.pageWhere(
    "the first is gone",
    (page) => page.value('promtap_interface_up{interface="near"}') === undefined,
  );
  configured.write("interfaces: [near]\nengine: ring\nranges: [{file: lists/a.csv, series: address}]\n");
  await configured.promtap.logged(/couldn't reload; .*lists\/a\.csv: no such file/);
  mkdirSync(join(configured.folder.path, "lists"));
  writeFileSync(join(configured.folder.path, "lists/a.csv"), "prefix\n10.0.0.1\n");
  await configured.promtap.pageWhere(
    "the first is captured again",
    (page) => page.value('promtap_interface_up{interface="near"}') === 1,
  );
});

test("collectors and addresses come and go", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("near", "far");
  const socket = (name: string) => join(configured.folder.path, name);
  await using configured = await Configured.start(namespace, `interfaces: [near]\nweb: {enable_lifecycle: true}\n`);
  const { promtap } = configured;
  configured.write("interfaces: [near]\nweb: {enable_lifecycle: true}\ngeoip: {enabled: true}\n");
  assert.equal(await configured.reload(), 200);
  assert.ok((await promtap.page()).value('promtap_collector_success{collector="geoip"}') === 1, socket(""));
  configured.write("interfaces: [near]\nweb: {enable_lifecycle: true}\n");
  assert.equal(await configured.reload(), 200);
  assert.equal((await promtap.page()).value('promtap_collector_success{collector="geoip"}'), undefined);
  const statusOf = async (path: string) => (await promtap.get(path)).status;
  assert.deepEqual([await statusOf("/"), await statusOf("/-/status.json"), await statusOf("/other")], [200, 200, 404]);
  configured.write("interfaces: [near]\nweb: {telemetry_path: /other, status: off}\n");
  assert.equal(await configured.reload(), 200);
  const statuses = ["/", "/-/status.json", "/other", "/metrics"].map(statusOf);
  assert.deepEqual(await Promise.all(statuses), [200, 404, 200, 404]);
  assert.equal(await configured.reload(), 403);
});
