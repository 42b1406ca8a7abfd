import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import {
  arpFrame,
  cut,
  doubleTagged,
  type Frame,
  ipv4Frame,
  ipv6Frame,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  tagged,
} from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { expectedTraffic } from "../support/oracle.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const NEAR = "10.0.0.1";
const FAR = "10.0.0.2";
const ELSEWHERE = "198.51.100.7";
const NEAR6 = "2001:db8::1";
const FAR6 = "2001:db8::2";
/** A protocol number without a name on the page. */
const PROTOCOL_EXPERIMENT = 253;

const RANGES = ["-r", "10.0.0.1-10.0.0.2:site=lab:rack=r1", "-r", "2001:db8::/64:site=six"];

function labelsOf(address: string): string | undefined {
  if (address === NEAR || address === FAR) return 'site="lab",rack="r1",';
  return address === NEAR6 || address === FAR6 ? 'site="six",' : undefined;
}

const UDP = { source: FAR, destination: NEAR, protocol: PROTOCOL_UDP };
const UDP6 = { source: FAR6, destination: NEAR6, protocol: PROTOCOL_UDP };

/** Of every kind one or more, and every bucket's bound from both sides. */
const RECEIVED: readonly Frame[] = [
  ...[28, 63, 64, 65, 128, 129, 256, 257, 512, 513, 1024, 1025, 1500].map((lengthBytes) =>
    ipv4Frame({ ...UDP, lengthBytes }),
  ),
  ipv4Frame({ source: ELSEWHERE, destination: NEAR, protocol: PROTOCOL_TCP, lengthBytes: 40 }),
  ipv4Frame({ source: ELSEWHERE, destination: ELSEWHERE, protocol: PROTOCOL_TCP, lengthBytes: 100 }),
  ipv4Frame({ source: FAR, destination: NEAR, protocol: PROTOCOL_EXPERIMENT, lengthBytes: 21 }),
  ipv4Frame({ source: NEAR, destination: NEAR, protocol: PROTOCOL_ICMP, lengthBytes: 84 }),
  ...[48, 1500].map((lengthBytes) => ipv6Frame({ ...UDP6, lengthBytes })),
  ipv6Frame({ ...UDP6, protocol: PROTOCOL_ICMPV6, lengthBytes: 64 }),
  arpFrame(),
  tagged(ipv4Frame({ ...UDP, lengthBytes: 100 }), 7),
  tagged(ipv4Frame({ ...UDP, lengthBytes: 1500 }), 4095),
  tagged(ipv6Frame({ ...UDP6, lengthBytes: 100 }), 7),
  tagged(arpFrame(), 7),
  doubleTagged(ipv4Frame({ ...UDP, lengthBytes: 200 }), 100, 200),
  doubleTagged(ipv6Frame({ ...UDP6, lengthBytes: 1492 }), 100, 200),
  cut(ipv4Frame({ ...UDP, lengthBytes: 100 }), 19),
  cut(ipv6Frame({ ...UDP6, lengthBytes: 100 }), 39),
];
const TRUNCATED = 2;

const SENT: readonly Frame[] = [
  ...[64, 1500].map((lengthBytes) =>
    ipv4Frame({ source: NEAR, destination: FAR, protocol: PROTOCOL_TCP, lengthBytes }),
  ),
  ipv6Frame({ source: NEAR6, destination: FAR6, protocol: PROTOCOL_TCP, lengthBytes: 60 }),
  tagged(ipv4Frame({ source: NEAR, destination: FAR, protocol: PROTOCOL_UDP, lengthBytes: 1500 }), 7),
  doubleTagged(ipv4Frame({ source: NEAR, destination: FAR, protocol: PROTOCOL_UDP, lengthBytes: 80 }), 100, 200),
  arpFrame(),
];

const ALL = [...RECEIVED, ...SENT];

async function sendAll(namespace: Namespace): Promise<void> {
  await send(namespace, "veth1", RECEIVED);
  await send(namespace, "veth0", SENT);
}

for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
  test(
    `engine ${engine} counts every frame of every kind, in both directions, exactly`,
    engineOptions(engine),
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      await using promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", "veth0", ...RANGES]);
      await sendAll(namespace);
      const count = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
      const page = await promtap.pageWhere("all frames are counted", (page) => (page.value(count) ?? 0) >= ALL.length);
      assert.deepEqual(page.traffic("veth0"), expectedTraffic("veth0", ALL, labelsOf));
      assert.equal(page.value(`promtap_capture_info{engine="${engine}"}`), 1);
      assert.equal(page.value(`promtap_capture_lost_packets_total{interface="veth0",engine="${engine}"}`), 0);
      const unaccounted = 'promtap_traffic_unaccounted_packets_total{interface="veth0"';
      assert.equal(page.value(`${unaccounted},reason="truncated"}`), TRUNCATED);
      assert.equal(page.value(`${unaccounted},reason="malformed"}`), 0);
    },
  );

  test(`engine ${engine} counts what goes over loopback once`, engineOptions(engine), async () => {
    using namespace = new Namespace();
    await using promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", "lo", ...RANGES]);
    const frames = [28, 1000].map((lengthBytes) => ipv4Frame({ ...UDP, lengthBytes }));
    await send(namespace, "lo", frames);
    const count = 'promacct_packet_size_bytes_all_count{interface="lo"}';
    const page = await promtap.pageWhere("both frames are counted", (page) => (page.value(count) ?? 0) >= 2);
    assert.deepEqual(page.traffic("lo"), expectedTraffic("lo", frames, labelsOf));
  });
}

/** The kernel hands a ring's block over when it is full or some milliseconds old; to libpcap it gives frame by frame. */
const SHOWN_WITHIN_MS = { bpf: 0, tcx: 0, ring: 1000, pcap: 0 };

for (const [engine, deadlineMs] of Object.entries(SHOWN_WITHIN_MS)) {
  test(
    `engine ${engine} shows the last frame of a quiet link within ${deadlineMs} ms`,
    engineOptions(engine),
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      await using promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", "veth0"]);
      const frame = ipv4Frame({ ...UDP, lengthBytes: 100 });
      const count = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
      for (let sent = 1; sent <= 5; sent++) {
        await send(namespace, "veth1", [frame]);
        await promtap.pageWhere(`${sent} frames are counted`, (page) => page.value(count) === sent, deadlineMs);
      }
    },
  );
}

test("the page of a recording by tcpdump is that of the live traffic", liveOptions("tcpdump"), async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  namespace.addVeth("veth0", "veth1");
  const path = join(folder.path, "veth0");
  const options = ["--immediate-mode", "-U", "-Z", "root", "-c", `${ALL.length}`];
  const tcpdump = namespace.spawn(["tcpdump", "-i", "veth0", "-w", path, ...options]);
  const ended = once(tcpdump, "close");
  await once(tcpdump.stderr!, "data");
  await sendAll(namespace);
  await ended;
  const { status, stdout, stderr } = await runPromtap(undefined, ["--read", path, "--once", ...RANGES]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(new Page(stdout).traffic("veth0"), expectedTraffic("veth0", ALL, labelsOf));
});
