import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { arpFrame, type Frame, ipv4Frame, ipv6Frame, PROTOCOL_TCP, PROTOCOL_UDP, tagged } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { startRecording } from "../support/recording.ts";
import { send } from "../support/sender.ts";
import { sorted } from "../support/sorted.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const ENGINES = ["bpf", "tcx", "ring", "pcap"];
const ALL = 'promacct_packet_size_bytes_all_count{interface="veth0"}';

const LIST = `prefix,customer,environment
10.0.0.0/8,ten,
10.1.0.0/16,one,prod
10.1.2.0/24,ten,
10.1.2.255,"one, too",test
192.0.2.0/31,one,prod
2001:db8::/32,six,
2001:db8:0:1::/64,one,prod
2001:db8::1,ten,
`;

/** What the test knows of each address that it uses: its labels; nothing if it is no customer's. */
const LABELS: Readonly<Record<string, string>> = {
  "10.0.0.0": 'customer="ten"',
  "10.255.255.255": 'customer="ten"',
  "11.0.0.0": "",
  "10.1.0.0": 'customer="one",environment="prod"',
  "10.1.2.3": 'customer="ten"',
  "10.1.2.255": 'customer="one, too",environment="test"',
  "192.0.2.1": 'customer="one",environment="prod"',
  "192.0.2.2": "",
  "2001:db8::": 'customer="six"',
  "2001:db8::1": 'customer="ten"',
  "2001:db8:0:1::9": 'customer="one",environment="prod"',
  "2001:db9::": "",
};

/** Every pair of addresses, with sizes of their own. */
function allFrames(): Frame[] {
  const frames: Frame[] = [arpFrame()];
  for (const source of Object.keys(LABELS)) {
    for (const destination of Object.keys(LABELS)) {
      const isIpv6 = source.includes(":");
      if (destination.includes(":") !== isIpv6) continue;
      const fields = { source, destination, protocol: PROTOCOL_UDP, lengthBytes: 80 + frames.length };
      const frame = isIpv6 ? ipv6Frame(fields) : ipv4Frame({ ...fields, protocol: PROTOCOL_TCP });
      frames.push(frames.length % 5 === 0 ? tagged(frame, 7) : frame);
    }
  }
  return frames;
}

/** The series that the page must have, by a plain count. */
function expectedSeries(frames: readonly Frame[]): Map<string, number> {
  const series = new Map<string, number>();
  const add = (name: string, value: number) => series.set(name, (series.get(name) ?? 0) + value);
  for (const { ip, lengthBytes } of frames) {
    if (ip === undefined) continue;
    for (const [address, direction] of [
      [ip.source, "tx"],
      [ip.destination, "rx"],
    ] as const) {
      if (LABELS[address] === "") continue;
      const labels = `interface="veth0",${LABELS[address]},direction="${direction}"`;
      add(`promtap_customer_packets_total{${labels}}`, 1);
      add(`promtap_customer_bytes_total{${labels}}`, lengthBytes);
    }
  }
  return sorted(series);
}

function seriesOf(page: Page): Map<string, number> {
  return sorted([...page.samples].filter(([name]) => /^promtap_customer_\w+_total/.test(name)));
}

/** Peaks of what was counted in so many seconds: their means are no less than that of all, and never more than all. */
function assertPeaks(page: Page, counted: ReadonlyMap<string, number>, seconds: number): void {
  for (const [name, count] of counted) {
    const peak = page.value(name.replace(/_(packets|bytes)_total/, "_peak_$1_per_second"))!;
    // A timer may be early by a part of a millisecond.
    assert.ok(peak >= Math.floor(count / seconds) && peak <= count * 1.01, `${name}: ${peak} of ${count}`);
  }
}

test(
  "every engine, and a recording by tcpdump, gives to each customer what was sent, by the longest prefix of a file",
  liveOptions("tcpdump", "libpcap"),
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    await using promtaps = new AsyncDisposableStack();
    namespace.addVeth("veth0", "veth1");
    const list = join(folder.path, "customers.csv");
    writeFileSync(list, LIST);
    const startedAtMs = performance.now();
    const running = new Map<string, RunningPromtap>();
    for (const engine of ENGINES) {
      const args = ["--engine", engine, "-i", "veth0", "--range-file", list, "--peaks", "3600"];
      running.set(engine, promtaps.use(await RunningPromtap.start(namespace, args)));
    }
    const path = join(folder.path, "veth0");
    const tcpdump = startRecording(namespace, path);
    const ended = once(tcpdump, "close");
    await once(tcpdump.stderr!, "data");

    const frames = allFrames();
    await send(namespace, "veth1", frames, { gap: "200us" });
    await send(namespace, "veth0", frames, { gap: "200us" });
    const sent = [...frames, ...frames];
    const expected = expectedSeries(sent);
    for (const [engine, promtap] of running) {
      const page = await promtap.pageWhere(`${engine} has all`, (now) => now.value(ALL) === sent.length);
      assert.deepEqual(seriesOf(page), expected, engine);
      const peaks = await promtap.pageWhere(`${engine} has read all`, (now) => {
        const values = [...now.samples].filter(([name]) => name.startsWith("promtap_customer_peak_packets_"));
        return values.length > 0 && values.every(([, value]) => value > 0);
      });
      assertPeaks(peaks, expected, (performance.now() - startedAtMs) / 1000);
    }
    const recorded = await until("the recording has all", async () => {
      const { status, stdout } = await runPromtap(undefined, ["--read", path, "--once", "--range-file", list]);
      const page = new Page(stdout);
      return status === 0 && page.value(ALL) === sent.length && page;
    });
    tcpdump.kill();
    await ended;
    assert.deepEqual(seriesOf(recorded), expected, "savefile");
  },
);
