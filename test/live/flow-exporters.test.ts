import assert from "node:assert/strict";
import { once } from "node:events";
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { type FlowTally, Goflow2, Nfcapd, pageTally, totalOf } from "../support/flow-oracles.ts";
import { type Frame, ipv4Frame, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { OpenVswitch } from "../support/open-vswitch.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const fprobeOptions = { skip: lacking("root", "ip", "fprobe", "nfcapd", "nfdump"), timeout: 120_000 };
const ovsOptions = {
  skip: lacking("root", "ip", "ethtool", "trafgen", "ovs-vswitchd", "/dev/net/tun", "goflow2"),
  timeout: 120_000,
};

const PORT = 2055;
const ORACLE_PORT = 9995;
const ETHERNET_BYTES = 14;
const FCS_BYTES = 4;
const FLOWS = 20;

/** Flows of five packets each. */
function frames(): Frame[] {
  return Array.from({ length: 5 * FLOWS }, (_, k) => {
    const protocol = k % 2 === 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
    const destination = `10.1.0.${1 + (k % FLOWS)}`;
    return ipv4Frame({ source: "10.0.0.1", destination, protocol, lengthBytes: 100 + k });
  });
}

function totalOfFrames(all: readonly Frame[]): { packets: number; bytes: number } {
  return { packets: all.length, bytes: all.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) };
}

function recordsOf(page: Page, protocol: string): number {
  return page.sum("promtap_flow_exporter_records_total", `protocol="${protocol}"`);
}

function assertNothingLost(page: Page): void {
  for (const name of ["lost_total", "late_total", "refused_datagrams_total", "refused_records_total", "held_sets"]) {
    assert.equal(page.sum(`promtap_flow_${name}`), 0, name);
  }
}

test("flows of fprobe are counted as nfcapd counts them", fprobeOptions, async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  const file = join(folder.path, "frames.pcap");
  const sent = frames();
  writeFileSync(file, Uint8Array.from(pcap({ order: "little" }, sent).flat()));
  await using nfcapd = await Nfcapd.start(namespace, join(folder.path, "nfcapd"), ORACLE_PORT);
  await using promtap = await RunningPromtap.start(namespace, ["--flow-listen", `:${PORT}`]);
  const targets = [PORT, ORACLE_PORT].map((port) => `127.0.0.1:${port}`);
  const fprobe = namespace.spawn(["fprobe", "-i", "-", "-l", "2", "-x", "3:7", ...targets], {
    stdio: [openSync(file, "r"), "inherit", "inherit"],
  });
  await once(fprobe, "close");
  const isExported = (each: Page): boolean => totalOf(pageTally(each)).packets === sent.length;
  const page = await promtap.pageWhere("all is exported", isExported);
  const expected: FlowTally = new Map([["0 0 3 7", totalOfFrames(sent)]]);
  assert.deepEqual(pageTally(page), expected);
  assert.deepEqual(await nfcapd.tally(), expected);
  // What takes it long to read is told in several records.
  assert(recordsOf(page, "netflow5") >= FLOWS);
  assertNothingLost(page);
});

test(
  "flows, samples and IPFIX of Open vSwitch are counted, as sent and as goflow2 counts the samples",
  ovsOptions,
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    for (const name of ["one", "two"]) namespace.addVeth(name, `far-${name}`);
    const [input, output] = ["one", "two"].map((name) =>
      Number(namespace.run("cat", `/sys/class/net/${name}/ifindex`)),
    );
    await using ovs = await OpenVswitch.start(namespace, "one", "two");
    await using goflow2 = await Goflow2.start(namespace, join(folder.path, "goflow2"), "sflow", ORACLE_PORT);
    await using promtap = await RunningPromtap.start(namespace, ["--flow-listen", `:${PORT}`]);
    const targets = (...ports: number[]): string =>
      `targets=${JSON.stringify(ports.map((port) => `127.0.0.1:${port}`))}`;
    ovs.export("NetFlow", targets(PORT));
    ovs.export("sFlow", targets(PORT, ORACLE_PORT), "agent=lo", "sampling=1", "header=128");
    ovs.export("IPFIX", targets(PORT), "sampling=1", "obs_domain_id=7");
    const sent = frames();
    // Two datagrams of NetFlow v5, of unlike numbers of records.
    for (const [start, end] of [
      [0, 5],
      [5, sent.length],
    ] as const) {
      await send(namespace, "far-one", sent.slice(start, end));
      await until("all is forwarded", () => namespace.statistic("far-two", "rx_packets") >= end);
      ovs.flush();
    }
    const isExported = (each: Page): boolean =>
      recordsOf(each, "netflow5") === 5 + FLOWS &&
      ["sflow5", "ipfix"].every((name) => recordsOf(each, name) === sent.length);
    const page = await promtap.pageWhere("all is exported", isExported);
    const { packets, bytes } = totalOfFrames(sent);
    const samples: FlowTally = new Map([[`0 0 ${input} ${output}`, { packets, bytes }]]);
    assert.deepEqual(
      pageTally(page),
      new Map([
        ...samples,
        [`0 0 ${input} 0`, { packets, bytes }],
        // NetFlow has ports for interfaces, and the headers of Ethernet among the bytes.
        ["0 0 1 2", { packets, bytes: bytes + packets * ETHERNET_BYTES }],
      ]),
    );
    // goflow2 takes the frame, with its check sequence.
    const frameBytes = bytes + packets * (ETHERNET_BYTES + FCS_BYTES);
    assert.deepEqual(
      await goflow2.tally(packets),
      new Map([[`0 0 ${input} ${output}`, { packets, bytes: frameBytes }]]),
    );
    assertNothingLost(page);
  },
);
