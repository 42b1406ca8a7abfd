import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
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

for (const engine of ["ring", "pcap", "auto"]) {
  test(`without privileges, engine ${engine} ends with one line that names CAP_NET_RAW`, options, async () => {
    const outcome = await runPromtap(undefined, ["-i", "lo", "--engine", engine], asNobody());
    assert.equal(outcome.status, 1, outcome.stderr);
    assert.match(complaint(outcome), /CAP_NET_RAW/);
  });
}

for (const engine of ["ring", "pcap"]) {
  test(`CAP_NET_RAW is all that engine ${engine} needs`, options, async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    const args = ["--engine", engine, "-i", "veth0"];
    await using promtap = await RunningPromtap.start(namespace, args, asNobody("net_raw"));
    const frame = { source: "192.0.2.1", destination: "192.0.2.2", protocol: PROTOCOL_UDP, lengthBytes: 100 };
    await send(namespace, "veth1", [ipv4Frame(frame)], { count: 10 });
    const count = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
    await promtap.pageWhere("all frames are counted", (page) => page.value(count) === 10);
  });
}

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
  for (const engine of ["ring", "pcap"]) {
    const promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", "lo"]);
    const { status, stderr } = await promtap.stop();
    await promtap[Symbol.asyncDispose]();
    assert.equal(status, 0, stderr);
  }
});
