import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { hex, MACS } from "../packet/frames.ts";
import { CARRIERS, innersOf, lengthOf, outerIpv4, OUTERS, tunnelFrame } from "../packet/tunnels.ts";
import type { Frame } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const ENGINES = ["bpf", "tcx", "ring", "pcap"];
const RANGES = ["10.1.2.3", "2001:db8::1", "198.51.100.0/24"].flatMap((range) => ["-r", range]);

const OPENED = OUTERS.flatMap((outer) =>
  CARRIERS.flatMap((carrier) =>
    innersOf(carrier).map(({ version, link, packet }) => ({
      version,
      lengthBytes: lengthOf(packet),
      bytes: [...tunnelFrame(outer, carrier, `${link} ${packet}`)],
    })),
  ),
);
/** By the reason; each counts for 198.51.100.1. */
const UNOPENED = {
  fragment: [outerIpv4(5, 4, "00".repeat(40), "2000"), outerIpv4(5, 47, "00".repeat(40), "0010")],
  truncated: [outerIpv4(5, 4, "45")],
  unsupported: [outerIpv4(5, 47, `4000 0800 ${"00".repeat(40)}`)],
  not_ip: [outerIpv4(5, 47, `0000 6558 ${MACS} 0806 ${"00".repeat(28)}`)],
  malformed: [outerIpv4(5, 41, `45 ${"00".repeat(39)}`)],
};
const FRAMES: Frame[] = [
  ...OPENED,
  ...Object.values(UNOPENED)
    .flat()
    .map((packet) => ({ bytes: [...hex(`${MACS} 0800 ${packet}`)], lengthBytes: lengthOf(packet) })),
];

function assertPage(page: Page): void {
  for (const [version, ip] of [
    [4, "10.1.2.3"],
    [6, "2001:db8::1"],
  ] as const) {
    const expected = OPENED.filter((each) => each.version === version);
    const family = `promacct_packet_size_bytes_ipv${version}_tx`;
    const bytes = expected.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    assert.equal(page.sum(`${family}_count`, `ip="${ip}"`), expected.length);
    assert.equal(page.sum(`${family}_sum`, `ip="${ip}"`), bytes);
  }
  for (const [reason, packets] of Object.entries(UNOPENED)) {
    assert.equal(page.sum("promtap_traffic_unopened_packets_total", `reason="${reason}"`), packets.length, reason);
  }
  const outer = page.sum("promacct_packet_size_bytes_ipv4_tx_count", 'ip="198.51.100.1"');
  assert.equal(outer, Object.values(UNOPENED).flat().length);
}

describe("packets in tunnels", () => {
  for (const engine of ENGINES) {
    test(`count for the addresses inside, by engine ${engine}`, engineOptions(engine), async () => {
      using namespace = new Namespace();
      namespace.addVeth("veth0", "veth1");
      await namespace.carrier("veth0");
      const args = ["-i", "veth1", "--engine", engine, "--inner", ...RANGES];
      await using promtap = await RunningPromtap.start(namespace, args);
      await send(namespace, "veth0", FRAMES, { gap: "100us" });
      const page = await promtap.pageWhere(
        "all is counted",
        (seen) => seen.sum("promacct_packet_size_bytes_all_count") >= FRAMES.length,
      );
      assertPage(page);
      assert.equal(page.sum("promtap_capture_lost_packets_total"), 0);
    });
  }

  test("count likewise in a file, and for the outer addresses without --inner", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "tunnels.pcap");
    writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, FRAMES).flat()));
    const read = async (...flags: string[]): Promise<Page> => {
      const { status, stdout, stderr } = await runPromtap(undefined, ["--read", path, "--once", ...RANGES, ...flags]);
      assert.equal(status, 0, stderr);
      return new Page(stdout);
    };
    assertPage(await read("--inner"));
    const page = await read();
    assert.equal(page.sum("promacct_packet_size_bytes_ipv4_tx_count", 'ip="10.1.2.3"'), 0);
    assert.doesNotMatch([...page.samples.keys()].join(), /unopened/);
  });
});

/** What the kernel makes tunnels of, on veth0 between 192.0.2.1 and 192.0.2.2. */
const KERNEL_TUNNELS: readonly (readonly [type: string, ...options: string[]])[] = [
  ["vxlan", "id", "7", "dstport", "4789", "dev", "veth0"],
  ["geneve", "id", "7"],
  ["gre", "key", "9", "csum", "seq"],
  ["gretap"],
  ["ipip"],
  ["erspan", "erspan_ver", "1", "seq", "key", "5"],
  ["erspan", "erspan_ver", "2", "seq", "key", "5"],
];
const DATAGRAMS = 20;
const PAYLOAD_BYTES = 500;
const DATAGRAM_BYTES = 20 + 8 + PAYLOAD_BYTES;

const SEND = `
  const socket = require("node:dgram").createSocket("udp4");
  let left = ${DATAGRAMS};
  const next = () => (left-- > 0 ? socket.send(Buffer.alloc(${PAYLOAD_BYTES}), 9, "10.44.0.2", next) : socket.close());
  next();
`;

function hasDriver(namespace: Namespace, type: string): boolean {
  try {
    // Refused for what it lacks, if not for its type.
    namespace.ip("link", "add", "inner0", "type", type);
    namespace.ip("link", "del", "inner0");
    return true;
  } catch (error) {
    return !String(error).includes("Unknown device type");
  }
}

describe("packets in a tunnel of the kernel's", () => {
  for (const [type, ...options] of KERNEL_TUNNELS) {
    test(`count for the addresses inside: ${[type, ...options].join(" ")}`, liveOptions(), async (context) => {
      using namespace = new Namespace();
      if (!hasDriver(namespace, type)) return context.skip(`the kernel makes no interfaces of type ${type}`);
      namespace.addVeth("veth0", "veth1");
      namespace.ip("address", "add", "192.0.2.1/24", "dev", "veth0");
      await namespace.carrier("veth0");
      const local = type === "geneve" ? [] : ["local", "192.0.2.1"];
      namespace.ip("link", "add", "inner0", "type", type, ...local, "remote", "192.0.2.2", ...options);
      namespace.ip("address", "add", "10.44.0.1/24", "dev", "inner0");
      // Nobody answers: the datagrams are all there is.
      namespace.ip("link", "set", "inner0", "up", "arp", "off");
      const args = ["-i", "veth1", "--engine", "bpf", "--inner", "-r", "10.44.0.1", "-r", "192.0.2.1"];
      await using promtap = await RunningPromtap.start(namespace, args);
      namespace.run(process.execPath, "-e", SEND);
      await until("all is sent", () => namespace.statistic("inner0", "tx_packets") >= DATAGRAMS);
      const family = "promacct_packet_size_bytes_ipv4_tx";
      const page = await promtap.pageWhere("all is counted", (seen) => seen.sum(`${family}_count`) >= DATAGRAMS);
      assert.equal(page.sum(`${family}_count`, 'ip="10.44.0.1"', 'protocol="udp"'), DATAGRAMS);
      assert.equal(page.sum(`${family}_sum`, 'ip="10.44.0.1"'), DATAGRAMS * DATAGRAM_BYTES);
      assert.equal(page.sum(`${family}_count`, 'ip="192.0.2.1"'), 0);
      assert.equal(page.sum("promtap_traffic_unopened_packets_total"), 0);
    });
  }
});
