import assert from "node:assert/strict";
import { test } from "node:test";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";

/** Legal where frames have an Ethernet header, and nowhere else. */
const FILTER = "ip or vlan 7";

for (const [what, args] of [
  ["traffic", ["--engine", "pcap", "--pcap.filter", FILTER, "-i", "auto"]],
  ["Wialon IPS", ["--wialon", "--wialon-filter", FILTER]],
] as const) {
  test(
    `an interface that can't have the filter of ${what} is told once and left out`,
    liveOptions("libpcap", "/dev/net/tun"),
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      namespace.ip("tuntap", "add", "tun7", "mode", "tun");
      namespace.ip("link", "set", "tun7", "up");
      await using promtap = await RunningPromtap.start(namespace, args);
      const family = what === "traffic" ? "promtap_interface_up" : "wialon_ips_interface_up";
      // What the kernel announces of an interface must not make promtap busy with it.
      for (let count = 0; count < 20; count++) {
        namespace.ip("link", "set", "tun7", "promisc", count % 2 === 0 ? "on" : "off");
        const page = await promtap.page();
        const up = ["tun7", "veth0", "veth1"].map((name) => page.value(`${family}{interface="${name}"}`));
        assert.deepEqual(up, [0, 1, 1]);
      }
      const { status, stderr } = await promtap.stop();
      assert.equal(status, 0);
      assert.equal(stderr.split("\n").filter((line) => line.includes("tun7")).length, 1, stderr);
      assert.match(stderr, /tun7.*vlan/);
    },
  );
}
