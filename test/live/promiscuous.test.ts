import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Frame, ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const MAC_BYTES = 6;
const OTHER_MAC = [0x02, 0, 0, 0, 0, 0x77];
/** To the interface, and to a MAC address that nobody there has. */
const OWN = 300;
const FOREIGN = 500;

/** What shows an interface every frame: a flag, or the host. */
type By = "nothing" | "--promiscuous" | "ip link";

/** A bridge that is not promiscuous keeps frames to other MAC addresses from its own interface, as a network card does. */
class Switch implements Disposable {
  readonly namespace = new Namespace();

  constructor() {
    this.namespace.addVeth("veth0", "veth1");
    // Else it joins the group of snoopers, which is a packet of its own.
    this.namespace.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    this.namespace.ip("link", "set", "veth1", "master", "br0");
    this.namespace.ip("link", "set", "br0", "up", "arp", "off");
  }

  get promiscuity(): number {
    return this.promiscuityOf("br0");
  }

  promiscuityOf(name: string): number {
    const [link] = JSON.parse(this.namespace.ip("-d", "-j", "link", "show", name));
    return link.promiscuity as number;
  }

  async send(): Promise<void> {
    const mac = this.namespace.run("cat", "/sys/class/net/br0/address").trim().split(":");
    const own = to(mac.map((byte) => Number.parseInt(byte, 16)));
    await send(this.namespace, "veth0", [own], { count: OWN });
    await send(this.namespace, "veth0", [to(OTHER_MAC)], { count: FOREIGN });
  }

  [Symbol.dispose](): void {
    this.namespace[Symbol.dispose]();
  }
}

function to(mac: readonly number[]): Frame {
  const frame = ipv4Frame({ source: "10.7.0.1", destination: "10.7.0.2", protocol: PROTOCOL_UDP, lengthBytes: 100 });
  return { ...frame, bytes: [...mac, ...frame.bytes.slice(MAC_BYTES)] };
}

function argumentsOf(engine: string, by: By): string[] {
  return ["-i", "br0", "--engine", engine, ...(by === "--promiscuous" ? [by] : [])];
}

describe("frames to another MAC address", () => {
  for (const [engine, by, expected] of [
    ["bpf", "nothing", OWN],
    ["bpf", "--promiscuous", OWN + FOREIGN],
    ["ring", "nothing", OWN],
    ["ring", "--promiscuous", OWN + FOREIGN],
    ["pcap", "nothing", OWN + FOREIGN],
    ["pcap", "--promiscuous", OWN + FOREIGN],
    ["tcx", "nothing", OWN],
    ["tcx", "ip link", OWN + FOREIGN],
  ] as const) {
    const what = `are ${expected === OWN ? "not " : ""}counted by engine ${engine}, promiscuous by ${by}`;
    test(what, engineOptions(engine), async () => {
      using network = new Switch();
      const { namespace } = network;
      await namespace.carrier("br0");
      if (by === "ip link") namespace.ip("link", "set", "br0", "promisc", "on");
      await using promtap = await RunningPromtap.start(namespace, argumentsOf(engine, by));
      assert.equal(network.promiscuity, expected === OWN ? 0 : 1);
      await network.send();
      const family = "promacct_packet_size_bytes_all";
      const page = await promtap.pageWhere("all is counted", (seen) => seen.sum(`${family}_count`) >= expected);
      assert.equal(page.sum(`${family}_count`), expected);
      assert.equal(page.sum("promtap_capture_lost_packets_total"), 0);
      const { stderr } = await promtap.stop();
      assert.equal(stderr.match(/capture started/g)?.length, 1, stderr);
      if (by !== "ip link") assert.equal(network.promiscuity, 0);
    });
  }

  for (const engine of ["bpf", "ring"]) {
    test(`are counted by engine ${engine} from one reload to another`, engineOptions(engine), async () => {
      using network = new Switch();
      using folder = new TemporaryFolder();
      const { namespace } = network;
      await namespace.carrier("br0");
      const file = join(folder.path, "promtap.yml");
      const write = (isOn: boolean, interfaces: string): void =>
        writeFileSync(file, `engine: ${engine}\ninterfaces: [${interfaces}]\npromiscuous: ${isOn}\n`);
      write(false, "br0");
      await using promtap = await RunningPromtap.start(namespace, ["--config.file", file, "--web.enable-lifecycle"]);
      const reload = async (isOn: boolean, interfaces: string): Promise<void> => {
        write(isOn, interfaces);
        assert.equal((await promtap.post("/-/reload")).status, 200);
      };
      const expect = async (packets: number): Promise<void> => {
        await network.send();
        const count = (page: Page): number => page.sum("promacct_packet_size_bytes_all_count", 'interface="br0"');
        assert.equal(count(await promtap.pageWhere("all is counted", (page) => count(page) >= packets)), packets);
      };
      const ofPort = network.promiscuityOf("veth1");
      await expect(OWN);
      await reload(true, "br0");
      assert.equal(network.promiscuity, 1);
      await expect(OWN + OWN + FOREIGN);
      await reload(true, "br0, veth1");
      await promtap.pageWhere(
        "veth1 is captured",
        (page) => page.sum("promtap_interface_up", 'interface="veth1"') === 1,
      );
      assert.deepEqual([network.promiscuity, network.promiscuityOf("veth1")], [1, ofPort + 1]);
      await reload(false, "br0, veth1");
      assert.deepEqual([network.promiscuity, network.promiscuityOf("veth1")], [0, ofPort]);
      await expect(OWN + OWN + FOREIGN + OWN);
      await reload(true, "br0");
      assert.equal(network.promiscuity, 1);
      const { stderr } = await promtap.stop();
      assert.equal(network.promiscuity, 0);
      assert.doesNotMatch(stderr, /waits for a restart/);
    });
  }

  test("wait for a restart, together with an engine that has a socket", engineOptions("tcx"), async () => {
    using network = new Switch();
    using folder = new TemporaryFolder();
    await network.namespace.carrier("br0");
    const file = join(folder.path, "promtap.yml");
    writeFileSync(file, "engine: tcx\ninterfaces: [br0]\n");
    await using promtap = await RunningPromtap.start(network.namespace, [
      "--config.file",
      file,
      "--web.enable-lifecycle",
    ]);
    writeFileSync(file, "engine: bpf\ninterfaces: [br0]\npromiscuous: true\n");
    assert.equal((await promtap.post("/-/reload")).status, 200);
    await promtap.logged(/msg="waits for a restart" flag=--engine/);
    await promtap.logged(/msg="waits for a restart" flag=--promiscuous/);
    assert.equal(network.promiscuity, 0);
  });

  test("can't be asked of engine tcx, which has no socket", async () => {
    const { status, stderr } = await runPromtap(undefined, ["--engine", "tcx", "--promiscuous"]);
    assert.equal(status, 2);
    assert.match(stderr, /^--promiscuous needs .*ip link set dev NAME promisc on/);
    assert.equal(stderr.trim().split("\n").length, 1);
  });
});
