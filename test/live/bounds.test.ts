import assert from "node:assert/strict";
import { test } from "node:test";
import { type Frame, ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";

const FRAMES_AT_FULL_SPEED = 200_000;
const live = liveOptions();

/** Packets of 50 bytes, one from each of 200 hosts. */
function hundredsOfHosts(): Frame[] {
  return Array.from({ length: 200 }, (_, host) =>
    ipv4Frame({ source: `10.0.0.${host}`, destination: "192.0.2.1", protocol: PROTOCOL_UDP, lengthBytes: 50 }),
  );
}

for (const engine of ["bpf", "tcx", "ring"]) {
  test(`engine ${engine} counts addresses beyond --max-addresses under ip=other, and sums stay exact`, live, () =>
    countBeyondLimit(engine),
  );
}

async function countBeyondLimit(engine: string): Promise<void> {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  const args = ["--engine", engine, "-i", "veth0", "-r", "10.0.0.0/24:site=lab", "--max-addresses", "3"];
  await using promtap = await RunningPromtap.start(namespace, args);
  const frames = Array.from({ length: 10 }, (_, host) =>
    ipv4Frame({ source: "192.0.2.1", destination: `10.0.0.${host}`, protocol: PROTOCOL_UDP, lengthBytes: 100 + host }),
  );
  await send(namespace, "veth1", frames, { count: 20 });
  const rx = "promacct_packet_size_bytes_ipv4_rx";
  const page = await promtap.pageWhere("all frames are counted", (page) => page.sum(`${rx}_count`) === 20);
  const labels = 'interface="veth0",site="lab"';
  for (const host of [0, 1, 2]) {
    assert.equal(page.value(`${rx}_sum{${labels},ip="10.0.0.${host}",protocol="udp"}`), 2 * (100 + host));
  }
  const rest = [3, 4, 5, 6, 7, 8, 9].map((host) => 2 * (100 + host)).reduce((sum, bytes) => sum + bytes);
  assert.equal(page.value(`${rx}_sum{${labels},ip="other",protocol="udp"}`), rest);
  assert.equal(page.value(`${rx}_count{${labels},ip="other",protocol="udp"}`), 14);
  assert.equal(page.value('promtap_traffic_other_packets_total{interface="veth0"}'), 14);
}

for (const engine of ["bpf", "tcx"]) {
  test(`engine ${engine} loses nothing that two CPUs send at once, at their full speed`, live, async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    const args = ["--engine", engine, "-i", "veth0", "-r", "10.0.0.0/24"];
    await using promtap = await RunningPromtap.start(namespace, args);
    const frames = hundredsOfHosts();
    await send(namespace, "veth1", frames, { count: FRAMES_AT_FULL_SPEED, cpus: 2 });
    const page = await promtap.page();
    const count = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
    assert.equal(page.value(count), FRAMES_AT_FULL_SPEED);
    assert.equal(page.sum("promacct_packet_size_bytes_ipv4_tx_sum"), FRAMES_AT_FULL_SPEED * 50);
    assert.equal(page.sum("promtap_traffic_exhausted_packets_total"), 0);
  });
}

test(
  "at the sender's full speed ring loses nothing, and pcap tells each frame that it loses",
  engineOptions("pcap"),
  async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    const start = (engine: string) =>
      RunningPromtap.start(namespace, ["--engine", engine, "-i", "veth0", "-r", "10.0.0.0/24"]);
    await using ring = await start("ring");
    await using pcap = await start("pcap");
    await send(namespace, "veth1", hundredsOfHosts(), { count: FRAMES_AT_FULL_SPEED });

    const count = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
    const lost = (engine: string) => `promtap_capture_lost_packets_total{interface="veth0",engine="${engine}"}`;
    const page = await ring.pageWhere("ring has all", (page) => page.value(count) === FRAMES_AT_FULL_SPEED);
    assert.equal(page.value(lost("ring")), 0);
    assert.equal(
      page.sum("promacct_packet_size_bytes_ipv4_tx_sum", 'ip="10.0.0.7"'),
      (FRAMES_AT_FULL_SPEED / 200) * 50,
    );
    await pcap.pageWhere(
      "pcap has counted or lost all",
      (page) => (page.value(count) ?? 0) + (page.value(lost("pcap")) ?? 0) === FRAMES_AT_FULL_SPEED,
    );
  },
);
