import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Frame, ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** Bits of linux/capability.h. */
const CAP_NET_ADMIN = 1n << 12n;
const CAP_NET_RAW = 1n << 13n;
const CAP_PERFMON = 1n << 38n;
const CAP_BPF = 1n << 39n;
const FRAME: Frame = ipv4Frame({
  source: "192.0.2.1",
  destination: "10.0.0.1",
  protocol: PROTOCOL_UDP,
  lengthBytes: 100,
});
const ALL = 'promacct_packet_size_bytes_all_count{interface="veth0"}';

/** The sets of capabilities of a process, but for the bounding set. */
function capabilitiesOf(pid: number): Record<string, bigint> {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const sets = [...status.matchAll(/^(Cap(?:Inh|Prm|Eff|Bnd|Amb)):\s*([0-9a-f]+)$/gm)];
  return Object.fromEntries(sets.map(([, name = "", digits = ""]) => [name, BigInt(`0x${digits}`)]));
}

/** Engine, what it captures, and the capabilities that it needs when an interface comes back. */
const KEPT: [engine: string, pattern: string, names: string, set: bigint][] = [
  ["bpf", "veth0", "CAP_NET_RAW alone", CAP_NET_RAW],
  ["bpf", "veth*", "CAP_NET_RAW, CAP_BPF and CAP_PERFMON", CAP_NET_RAW | CAP_BPF | CAP_PERFMON],
  ["tcx", "veth0", "CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON", CAP_NET_ADMIN | CAP_BPF | CAP_PERFMON],
  ["ring", "veth0", "CAP_NET_RAW alone", CAP_NET_RAW],
  ["pcap", "veth0", "CAP_NET_RAW alone", CAP_NET_RAW],
];

for (const [engine, pattern, names, set] of KEPT) {
  test(
    `with engine ${engine} and -i '${pattern}' root keeps ${names}, which captures an interface that comes back`,
    engineOptions(engine),
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      await using promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", pattern]);
      const kept = { CapInh: 0n, CapPrm: set, CapEff: set, CapBnd: set, CapAmb: 0n };
      assert.deepEqual(capabilitiesOf(promtap.process.pid!), kept);

      const up = 'promtap_interface_up{interface="veth0"}';
      namespace.ip("link", "del", "veth0");
      await promtap.pageWhere("it is told that the interface is gone", (page) => page.value(up) === 0);
      namespace.addVeth("veth0", "veth1");
      await promtap.pageWhere("the interface is captured again", (page) => page.value(up) === 1);
      await send(namespace, "veth1", [FRAME], { count: 10 });
      await promtap.pageWhere("the frames are counted", (page) => page.value(ALL) === 10);
      const { status, stderr } = await promtap.stop();
      assert.equal(status, 0, stderr);
    },
  );
}

test("with --keep-capabilities root keeps all", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  await using promtap = await RunningPromtap.start(namespace, ["-i", "veth0", "--keep-capabilities"]);
  assert.deepEqual(capabilitiesOf(promtap.process.pid!), capabilitiesOf(process.pid));
});

test("a socket file is removed at the end by root without capabilities", liveOptions(), async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  const socket = join(folder.path, "second");
  await using promtap = await RunningPromtap.start(namespace, ["-i", "lo", "--web.listen-address", `unix:${socket}`]);
  assert.ok(existsSync(socket));
  const { status, stderr } = await promtap.stop();
  assert.equal(status, 0, stderr);
  assert.equal(existsSync(socket), false);
});
