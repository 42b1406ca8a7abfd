import assert from "node:assert/strict";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { runPromtap, RunningPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";

const FRAME = ipv4Frame({ source: "192.0.2.1", destination: "10.0.0.1", protocol: PROTOCOL_UDP, lengthBytes: 100 });
const UP = "promtap_interface_up";

function addBridges(namespace: Namespace, ...names: string[]): void {
  for (const name of names) namespace.ip("link", "add", "name", name, "up", "type", "bridge");
}

/** Whether each of these is captured. */
function captured(page: Page, ...names: string[]): boolean[] {
  return names.map((name) => page.value(`${UP}{interface="${name}"}`) === 1);
}

test("-i takes a list, leaves out, and waits for what is not there, which it warns of", liveOptions(), async () => {
  using namespace = new Namespace();
  addBridges(namespace, "eth0", "eth1", "wg0", "other0");
  const args = ["-i", "eth*,wg*,docker*", "-i", "!eth1"];
  await using promtap = await RunningPromtap.start(namespace, args);
  const page = await promtap.page();
  assert.deepEqual(captured(page, "eth0", "wg0", "eth1", "other0"), [true, true, false, false]);
  assert.equal(page.value(`${UP}{interface="eth1"}`), undefined);
  addBridges(namespace, "docker0");
  await promtap.pageWhere("what comes later is captured", (later) => captured(later, "docker0")[0] === true);
  const { stderr } = await promtap.stop();
  const warnings = stderr.split("\n").filter((line) => line.includes("level=warn") && line.includes("pattern="));
  assert.equal(warnings.length, 1, stderr);
  assert.match(warnings[0]!, /pattern="?docker\*/);

  const { stdout } = await runPromtap(namespace, [...args, "-i", "lxc*", "--check"]);
  assert.match(stdout, /would capture docker0, eth0, wg0|would capture eth0, wg0, docker0/);
  assert.match(stdout, /no interface yet: lxc\*/);
});

test("-i '!veth*' alone is auto without those, for Wialon IPS too", liveOptions("libpcap"), async () => {
  using namespace = new Namespace();
  addBridges(namespace, "eth0", "veth9");
  await using promtap = await RunningPromtap.start(namespace, [
    "-i",
    "!veth*",
    "--wialon",
    "--wialon-interface",
    "!eth*",
  ]);
  const page = await promtap.page();
  assert.deepEqual(captured(page, "eth0", "veth9"), [true, false]);
  assert.equal(page.value('wialon_ips_interface_up{interface="veth9"}'), 1);
  assert.equal(page.value('wialon_ips_interface_up{interface="eth0"}'), undefined);
});

test("an interface is captured by another name of it, and its series carry the first", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  namespace.ip("link", "property", "add", "dev", "veth0", "altname", "uplink");
  await using promtap = await RunningPromtap.start(namespace, ["-i", "uplink"]);
  await send(namespace, "veth1", [FRAME], { count: 10 });
  const all = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
  const page = await promtap.pageWhere("all are counted", (page) => (page.value(all) ?? 0) >= 10);
  assert.equal(page.value(all), 10);
});

for (const engine of ["bpf", "tcx", "ring"]) {
  test(
    `engine ${engine} captures the interface that takes over the other name of one`,
    engineOptions(engine),
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      namespace.addVeth("veth2", "veth3");
      const altName = ["altname", "uplink"];
      namespace.ip("link", "property", "add", "dev", "veth0", ...altName);
      await using promtap = await RunningPromtap.start(namespace, ["-i", "uplink", "--engine", engine]);
      namespace.ip("link", "property", "del", "dev", "veth0", ...altName);
      namespace.ip("link", "property", "add", "dev", "veth2", ...altName);
      await promtap.pageWhere("it is captured", (page) => captured(page, "veth2")[0] === true);
      await send(namespace, "veth3", [FRAME], { count: 10 });
      const all = 'promacct_packet_size_bytes_all_count{interface="veth2"}';
      await promtap.pageWhere("all are counted", (page) => page.value(all) === 10);
    },
  );
}

test(
  "interfaces whose names differ in bytes that aren't UTF-8 are each captured, and by their names",
  liveOptions(),
  async () => {
    using namespace = new Namespace();
    for (const byte of ["376", "377"]) {
      namespace.run("sh", "-c", `ip link add name "$(printf 'odd\\${byte}')" up type bridge`);
    }
    const names = ["odd\\xfe", "odd\\xff"];
    const labels = names.map((name) => name.replaceAll("\\", "\\\\"));
    {
      await using promtap = await RunningPromtap.start(namespace, ["-i", "odd?"]);
      assert.deepEqual(captured(await promtap.page(), ...labels), [true, true]);
    }
    await using promtap = await RunningPromtap.start(namespace, ["-i", names[1]!]);
    assert.deepEqual(captured(await promtap.page(), ...labels), [false, true]);
  },
);

test("patterns that are none are refused in words", liveOptions(), async () => {
  for (const [pattern, why] of [
    ["eth[0", /invalid -i "eth\[0": \[ has no \]/],
    ["eth0,", /invalid -i ""; legal is a name/],
    ["!auto", /invalid -i "!auto"; legal is a name/],
    ["eth0,!eth0", /invalid -i "!eth0": eth0 is named as well/],
  ] as const) {
    const { status, stderr } = await runPromtap(undefined, ["-i", pattern]);
    assert.equal(status, 2);
    assert.match(stderr, why);
  }
});
