import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";

const PINGS = 1000;
const RANGE = ["-r", "10.1.0.0/24:customer=acme"];

/**
 * A guest behind a bridge, whose packets the host routes: each passes three of its interfaces.
 *
 *     guest: uplink0 10.1.0.2 ── host: veth1 ─ br0 10.1.0.1, eth0 10.2.0.1 ── outside: far0 10.2.0.2
 */
class Host implements Disposable {
  readonly host = new Namespace();
  readonly #guest = new Namespace();
  readonly #outside = new Namespace();

  constructor() {
    this.host.run("sysctl", "-qw", "net.ipv4.ip_forward=1");
    this.host.ip("link", "add", "br0", "type", "bridge", "forward_delay", "0");
    this.#connect("veth1", this.#guest, "uplink0");
    this.#connect("eth0", this.#outside, "far0");
    this.host.ip("link", "set", "veth1", "master", "br0");
    this.host.ip("link", "set", "br0", "up");
    this.#address(this.host, "br0", "10.1.0.1/24");
    this.#address(this.host, "eth0", "10.2.0.1/24");
    this.#address(this.#guest, "uplink0", "10.1.0.2/24");
    this.#address(this.#outside, "far0", "10.2.0.2/24");
    this.#guest.ip("route", "add", "default", "via", "10.1.0.1");
    this.#outside.ip("route", "add", "default", "via", "10.2.0.1");
    // The first packets wait for addresses of the link: none is lost of those that are counted.
    this.ping(1);
  }

  /** Sends pings from the guest to the outside; as many answers come back. */
  ping(count: number): void {
    const printed = this.#guest.run("ping", "-f", "-q", "-c", String(count), "10.2.0.2");
    assert.match(printed, new RegExp(`^${count} packets transmitted, ${count} received`, "m"));
  }

  #connect(near: string, namespace: Namespace, far: string): void {
    this.host.ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", namespace.name);
    this.host.ip("link", "set", near, "up");
    namespace.ip("link", "set", far, "up");
  }

  #address(namespace: Namespace, name: string, address: string): void {
    namespace.ip("address", "add", address, "dev", name);
  }

  [Symbol.dispose](): void {
    for (const namespace of [this.#guest, this.#outside, this.host]) namespace[Symbol.dispose]();
  }
}

describe("packets that pass a port, its bridge and another interface", liveOptions("ping"), () => {
  let site: Host;
  before(() => {
    site = new Host();
  });
  after(() => site[Symbol.dispose]());

  const sums = (page: Awaited<ReturnType<RunningPromtap["page"]>>, name = '[^"]*') =>
    ["tx", "rx"].map((direction) => {
      const family = new RegExp(`^promacct_packet_size_bytes_ipv4_${direction}_count\\{interface="(${name})",`);
      return [...page.samples].reduce((sum, [series, value]) => (family.test(series) ? sum + value : sum), 0);
    });

  test("count once by default, whatever the sum is over", async () => {
    await using promtap = await RunningPromtap.start(site.host, RANGE);
    site.ping(PINGS);
    const page = await promtap.pageWhere("all are counted", (each) => sums(each)[0]! >= PINGS);
    assert.deepEqual(sums(page), [PINGS, PINGS]);
    const info = 'promtap_interface_info{interface="eth0",kind="veth",master="",lower="",edge="true"}';
    assert.equal(page.value(info), 1);
  });

  test("count on each interface that is named, and once over those of the edge", async () => {
    await using promtap = await RunningPromtap.start(site.host, [...RANGE, "-i", "veth1", "-i", "br0", "-i", "eth0"]);
    site.ping(PINGS);
    const page = await promtap.pageWhere("all are counted", (each) => sums(each)[0]! >= 3 * PINGS);
    assert.deepEqual(sums(page), [3 * PINGS, 3 * PINGS]);
    const edge = [...page.samples.keys()].flatMap(
      (series) => /^promtap_interface_info\{interface="([^"]*)".*edge="true"\}$/.exec(series)?.[1] ?? [],
    );
    assert.deepEqual(sums(page, edge.join("|")), [PINGS, PINGS]);
    const { stderr } = await promtap.stop();
    assert.equal(stderr.match(/level=warn msg="capture overlaps" interface="br0, veth1"/g)?.length, 1, stderr);
  });
});
