import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { capabilitiesToLoad } from "../../src/capture/bpf/refusal.ts";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { type Outcome, RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";

const options = liveOptions("setpriv", "libpcap");

/** Becomes the user nobody with these capabilities, and one more: to read the program, wherever it lies. */
function asNobody(...capabilities: readonly string[]): string[] {
  const list = ["dac_read_search", ...capabilities].map((capability) => `+${capability}`).join(",");
  const user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
  return ["setpriv", ...user, "--bounding-set", `-all,${list}`, "--inh-caps", `-all,${list}`, "--ambient-caps", list];
}

/** The last line on stderr; what comes before it is the log, whose lines begin with a time. */
function complaint({ stderr }: Outcome): string {
  const lines = stderr.trimEnd().split("\n");
  const other = lines.filter((line) => !line.startsWith("time="));
  assert.equal(other.length, 1, stderr);
  return other[0]!;
}

const TO_LOAD = capabilitiesToLoad().map((name) => name.slice("CAP_".length).toLowerCase());
/** What each engine needs, and so has to name when it lacks all. */
const CAPABILITIES = {
  bpf: ["net_raw", ...TO_LOAD],
  tcx: ["net_admin", ...TO_LOAD],
  ring: ["net_raw"],
  pcap: ["net_raw"],
} as const;

for (const [engine, named] of [
  ["bpf", "CAP_BPF"],
  ["tcx", "CAP_BPF"],
  ["ring", "CAP_NET_RAW"],
  ["pcap", "CAP_NET_RAW"],
  ["auto", "CAP_NET_RAW"],
]) {
  test(`without privileges, engine ${engine} ends with one line that names ${named}`, options, async () => {
    const outcome = await runPromtap(undefined, ["-i", "lo", "--engine", engine!], asNobody());
    assert.equal(outcome.status, 1, outcome.stderr);
    assert.match(complaint(outcome), new RegExp(named!));
  });
}

/** Sends ten frames to veth0 and waits until they are counted. */
async function countTen(namespace: Namespace, promtap: RunningPromtap): Promise<void> {
  const frame = { source: "192.0.2.1", destination: "10.0.0.1", protocol: PROTOCOL_UDP, lengthBytes: 100 };
  await send(namespace, "veth1", [ipv4Frame(frame)], { count: 10 });
  const page = await promtap.pageWhere("all frames are counted", (page) => page.value(ALL) === 10);
  assert.equal(page.sum("promacct_packet_size_bytes_ipv4_rx_count", 'ip="10.0.0.1"'), 10);
}

const ALL = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
const VETH0 = ["-i", "veth0", "-r", "10.0.0.0/24"];

for (const [engine, capabilities] of Object.entries(CAPABILITIES)) {
  test(`an unprivileged user with ${capabilities.join(" and ")} can run engine ${engine}`, options, async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    const args = ["--engine", engine, ...VETH0];
    await using promtap = await RunningPromtap.start(namespace, args, asNobody(...capabilities));
    await countTen(namespace, promtap);
  });
}

/** Without CAP_PERFMON the verifier guards against speculation, which costs a program states and ways to be written. */
const FLAGS: Record<string, string[]> = {
  "no range": [],
  "IPv4, IPv6 and sizes on the wire": ["-r", "10.0.0.0/24", "-r", "2001:db8::/64", "--wire-sizes"],
  "a /8 and sizes on the wire": ["-r", "10.0.0.0/8", "--wire-sizes"],
  "IPv4, IPv6, countries and packets in tunnels": "-r 10.0.0.0/24 -r 2001:db8::/64 --by country --inner".split(" "),
  "4,000 addresses with gaps": Array.from(
    { length: 4000 },
    (_, index) => `-r172.16.${index >> 7}.${(2 * index) & 0xff}`,
  ),
  "4,000 ranges": Array.from({ length: 4000 }, (_, index) => `-r10.${index >> 8}.${index & 0xff}.0/30`),
};

for (const engine of ["bpf", "tcx"] as const) {
  for (const [what, flags] of Object.entries(FLAGS)) {
    test(`engine ${engine} loads with ${CAPABILITIES[engine].join(" and ")} alone: ${what}`, options, async () => {
      const args = ["--check", "--once", "--engine", engine, "-i", "lo", ...flags];
      const outcome = await runPromtap(undefined, args, asNobody(...CAPABILITIES[engine]));
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.match(outcome.stdout, new RegExp(`^engine: ${engine}$`, "m"));
    });
  }
}

for (const [engine, present, missing] of [
  ["bpf", TO_LOAD, "CAP_NET_RAW"],
  ["tcx", TO_LOAD, "CAP_NET_ADMIN"],
  ["bpf", ["net_raw"], "CAP_BPF"],
  ["tcx", ["net_admin"], "CAP_BPF"],
] as const) {
  test(`engine ${engine} with ${present.join(" and ")} alone names ${missing}`, options, async () => {
    const outcome = await runPromtap(undefined, ["-i", "lo", "--engine", engine], asNobody(...present));
    assert.equal(outcome.status, 1, outcome.stderr);
    assert.match(complaint(outcome), new RegExp(missing));
  });
}

const NO_RIGHTS =
  "engine bpf: couldn't make a table in the kernel: CAP_BPF is missing; " +
  "engine ring: couldn't open a packet socket: CAP_NET_RAW is missing; " +
  "engine pcap: couldn't open a packet socket: CAP_NET_RAW is missing; " +
  "run as root, or give the capability (setcap cap_net_raw+ep, AmbientCapabilities=)";

test("without privileges, auto says what each engine lacks, and each thing once", options, async () => {
  const told = complaint(await runPromtap(undefined, ["-i", "lo"], asNobody()));
  // Whichever table is the first.
  assert.equal(told.replace(/ of [0-9]+ bytes/, ""), NO_RIGHTS);
});

const EPERM = 1;
const ENOSYS = 38;
const WITHOUT_BPF = join(import.meta.dirname, "../support/without-bpf.ts");

for (const [what, prefix, reason] of [
  ["CAP_BPF is missing", asNobody("net_raw"), /engine bpf: .*CAP_BPF is missing/],
  ["seccomp blocks bpf()", [process.execPath, WITHOUT_BPF, `${EPERM}`], /engine bpf: .*blocked by seccomp/],
  ["seccomp hides bpf()", [process.execPath, WITHOUT_BPF, `${ENOSYS}`], /engine bpf: .*seccomp hides it/],
] as const) {
  test(`if ${what}, auto falls back to ring and says why`, options, async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    await using promtap = await RunningPromtap.start(namespace, VETH0, prefix);
    await countTen(namespace, promtap);
    assert.equal((await promtap.page()).value('promtap_capture_info{engine="ring"}'), 1);
    const { status, stderr } = await promtap.stop();
    assert.equal(status, 0, stderr);
    assert.match(stderr, reason);
  });
}

test("if all work, auto takes bpf", options, async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  await using promtap = await RunningPromtap.start(namespace, VETH0);
  await countTen(namespace, promtap);
  assert.equal((await promtap.page()).value('promtap_capture_info{engine="bpf"}'), 1);
});

test("a port that is taken ends it with one line that names the port", options, async () => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const outcome = await runPromtap(undefined, ["-i", "lo", "--web.listen-address", `127.0.0.1:${port}`]);
  other.close();
  assert.equal(outcome.status, 1, outcome.stderr);
  assert.match(complaint(outcome), new RegExp(`:${port}\\b.*taken`));
});

test("an interface that is not there ends it with one line that names those that are", options, async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  const outcome = await runPromtap(namespace, ["-i", "eth7"]);
  assert.equal(outcome.status, 1, outcome.stderr);
  assert.match(complaint(outcome), /couldn't open eth7: no such interface; this host has .*veth0/);
});

test("a filter that libpcap does not take ends it with one line that names the flag", options, async () => {
  const outcome = await runPromtap(undefined, ["-i", "lo", "--engine", "pcap", "--pcap.filter", "udp and"]);
  assert.equal(outcome.status, 2, outcome.stderr);
  assert.match(complaint(outcome), /--pcap\.filter.*"udp and".*syntax error/);
});

test("it ends with status 0 when it is told to", options, async () => {
  using namespace = new Namespace();
  for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
    const promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", "lo"]);
    const { status, stderr } = await promtap.stop();
    await promtap[Symbol.asyncDispose]();
    assert.equal(status, 0, stderr);
  }
});
