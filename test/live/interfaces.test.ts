import assert from "node:assert/strict";
import { test } from "node:test";
import { type Frame, ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { Load, send } from "../support/sender.ts";

/** How soon capture has to go on once an interface is back. */
const RESUME_MS = 2000;
const RANGE = ["-r", "10.0.0.0/24"];

function frameTo(destination: string): Frame {
  return ipv4Frame({ source: "192.0.2.1", destination, protocol: PROTOCOL_UDP, lengthBytes: 100 });
}

function allCount(page: Page, interfaceName: string): number {
  return page.value(`promacct_packet_size_bytes_all_count{interface="${interfaceName}"}`) ?? 0;
}

function countTo(page: Page, destination: string): number {
  return page.sum("promacct_packet_size_bytes_ipv4_rx_count", `ip="${destination}"`);
}

function isUp(interfaceName: string, value: 0 | 1): (page: Page) => boolean {
  return (page) => page.value(`promtap_interface_up{interface="${interfaceName}"}`) === value;
}

/** Sends what was not sent before, and returns the page that has all of it. */
async function sendTen(namespace: Namespace, promtap: RunningPromtap, from: string, to: string): Promise<Page> {
  await send(namespace, from, [frameTo(to)], { count: 10 });
  const page = await promtap.pageWhere(`10 frames to ${to} are counted`, (page) => countTo(page, to) >= 10);
  assert.equal(countTo(page, to), 10);
  return page;
}

for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
  const options = engineOptions(engine);
  const captureVeth0 = ["--engine", engine, "-i", "veth0", ...RANGE];

  test(
    `engine ${engine} resumes within 2 s when an interface is deleted and made again under load`,
    options,
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      await using promtap = await RunningPromtap.start(namespace, captureVeth0);
      await using _load = new Load(namespace, "veth1", [frameTo("10.0.0.1")], "100us");
      await promtap.pageWhere("the load is counted", (page) => countTo(page, "10.0.0.1") >= 100);
      namespace.ip("link", "del", "veth0");
      const gone = await promtap.pageWhere("it is told that the interface is gone", isUp("veth0", 0));
      assert.ok(countTo(gone, "10.0.0.1") >= 100);

      namespace.addVeth("veth0", "veth1");
      await promtap.pageWhere("the interface is captured again", isUp("veth0", 1), RESUME_MS);
      const back = await sendTen(namespace, promtap, "veth1", "10.0.0.2");
      assert.ok(countTo(back, "10.0.0.1") >= countTo(gone, "10.0.0.1"), "a counter stepped back");
      assert.equal(allCount(back, "veth0"), countTo(back, "10.0.0.1") + 10);
      assert.equal((await promtap.stop()).status, 0);
    },
  );

  test(
    `engine ${engine} keeps its counters while an interface is down, and resumes when it is up`,
    options,
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      await using promtap = await RunningPromtap.start(namespace, captureVeth0);
      await sendTen(namespace, promtap, "veth1", "10.0.0.1");
      namespace.ip("link", "set", "veth0", "down");
      const down = await promtap.pageWhere("it is told that the interface is down", isUp("veth0", 0));
      assert.equal(allCount(down, "veth0"), 10);

      namespace.ip("link", "set", "veth0", "up");
      await namespace.carrier("veth1");
      await promtap.pageWhere("the interface is captured again", isUp("veth0", 1), RESUME_MS);
      const up = await sendTen(namespace, promtap, "veth1", "10.0.0.2");
      assert.equal(allCount(up, "veth0"), 20);
    },
  );

  test(`engine ${engine} does not lose an interface that is down for an instant only`, options, async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    await using promtap = await RunningPromtap.start(namespace, captureVeth0);
    // Both in one run of ip: nobody can look in between.
    namespace.run("sh", "-c", "printf 'link set veth0 down\\nlink set veth0 up\\n' | ip -batch -");
    await namespace.carrier("veth1");
    await promtap.pageWhere("the interface is captured again", isUp("veth0", 1), RESUME_MS);
    await sendUntilCounted(namespace, promtap);
  });

  for (const pattern of ["veth*", "auto"]) {
    test(`engine ${engine} with -i '${pattern}' picks up an interface that appears later`, options, async () => {
      using namespace = new Namespace();
      await using promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", pattern, ...RANGE]);
      assert.equal((await promtap.page()).sum("promtap_interface_up"), 0);
      namespace.addVeth("veth0", "veth1");
      const isCaptured = (page: Page) => isUp("veth0", 1)(page) && isUp("veth1", 1)(page);
      const page = await promtap.pageWhere("both ends are captured", isCaptured, RESUME_MS);
      assert.equal(page.value('promtap_interface_up{interface="lo"}'), undefined);
      await send(namespace, "veth1", [frameTo("10.0.0.1")], { count: 10 });
      const counted = await promtap.pageWhere("both ends have counted", (page) => countTo(page, "10.0.0.1") >= 20);
      assert.deepEqual([allCount(counted, "veth0"), allCount(counted, "veth1")], [10, 10]);
    });
  }
}

/** An engine may not yet have noticed that it has to start again: the first frames may be lost, the later ones not. */
async function sendUntilCounted(namespace: Namespace, promtap: RunningPromtap): Promise<void> {
  await using _load = new Load(namespace, "veth1", [frameTo("10.0.0.1")], "1ms");
  await promtap.pageWhere("frames are counted again", (page) => countTo(page, "10.0.0.1") >= 10, RESUME_MS);
}
