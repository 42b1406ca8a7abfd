import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { Nfcapd, totalOf } from "../support/flow-oracles.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const options = { skip: lacking("root", "ip", "softflowd", "nfcapd", "nfdump"), timeout: 120_000 };

const PORT = 2055;
const ORACLE_PORT = 9995;
const FLOWS = 300;

/** Flows of several packets each, of IPv4, and of IPv6 every fourth. */
function capture(withIpv6: boolean): { bytes: Uint8Array; packets: number; sizes: number } {
  let sizes = 0;
  const frames = Array.from({ length: 5 * FLOWS }, (_, k) => {
    const lengthBytes = 100 + (k % 1300);
    sizes += lengthBytes;
    const host = (k % FLOWS) + 1;
    const protocol = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP][k % 3]!;
    if (withIpv6 && host % 4 === 0) {
      const destination = `2001:db8::${host.toString(16)}`;
      return ipv6Frame({ source: "2001:db8:1::1", destination, protocol: PROTOCOL_UDP, lengthBytes });
    }
    const destination = `10.1.${host >> 8}.${host & 0xff}`;
    return ipv4Frame({ source: "10.0.0.1", destination, protocol, lengthBytes });
  });
  return { bytes: Uint8Array.from(pcap({ order: "little" }, frames).flat()), packets: frames.length, sizes };
}

/** What a page says of all flows. */
function totals(page: Page): { flows: number; packets: number; bytes: number } {
  return {
    flows: page.sum("promtap_flow_exporter_records_total"),
    packets: page.sum("flow_transit_packets_total"),
    bytes: page.sum("flow_transit_bytes_total"),
  };
}

const VERSIONS = [
  { version: "5", protocol: "netflow5" },
  { version: "9", protocol: "netflow9" },
  { version: "10", protocol: "ipfix" },
];

/** Customers and what is ours, of both ends of the flows. */
const LIST = "prefix,customer\n10.0.0.1,sender\n10.1.0.0/25,low\n10.1.0.128/25,high\n2001:db8::/64,six\n";
const ACCOUNTING = ["--customers.by=protocol", "--by=country", "-r", "10.0.0.0/16", "-r", "2001:db8:1::/48"];

/** Series by customer and country of pages together, whatever the interface. */
function accounted(...pages: readonly Page[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [name, value] of pages.flatMap(({ samples }) => [...samples])) {
    if (!/^promtap_(?:customer|traffic_country)_(?:bytes|packets)_total/.test(name)) continue;
    const key = name.replace(/interface="[^"]*",/, "");
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return sums;
}

test(
  "flows of softflowd are counted as nfcapd counts them, and for customers and countries as their packets",
  options,
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    await using nfcapd = await Nfcapd.start(namespace, join(folder.path, "nfcapd"), ORACLE_PORT);
    const list = join(folder.path, "customers.csv");
    writeFileSync(list, LIST);
    const accounting = ["--range-file", list, ...ACCOUNTING];
    const args = ["--flow-listen", `:${PORT}`, "--flow-asn", "64500", ...accounting];
    await using promtap = await RunningPromtap.start(namespace, args);
    const targets = [PORT, ORACLE_PORT].map((port) => `127.0.0.1:${port}`).join(",");
    const sent = { flows: 0, packets: 0, bytes: 0 };
    const frames: Page[] = [];
    for (const { version, protocol } of VERSIONS) {
      const { bytes, packets, sizes } = capture(protocol !== "netflow5");
      const file = join(folder.path, `${protocol}.pcap`);
      writeFileSync(file, bytes);
      namespace.run("softflowd", "-r", file, "-v", version, "-n", targets);
      const { stdout } = await runPromtap(namespace, ["--read", file, "--once", ...accounting]);
      frames.push(new Page(stdout));
      sent.flows += FLOWS;
      sent.packets += packets;
      sent.bytes += sizes;
    }
    // What was sent is in the socket, and a page has all that was sent before it.
    const page = await promtap.page();
    assert.deepEqual(totals(page), sent);
    const listed = await promtap.listedWhere("flows", ({ size }) => size > 0);
    assert.equal(
      [...listed.values()].reduce((sum, bytes) => sum + bytes),
      sent.bytes,
    );
    assert.deepEqual({ ...totalOf(await nfcapd.tally()), flows: sent.flows }, sent);
    for (const { protocol } of VERSIONS) {
      const records = `promtap_flow_exporter_records_total{exporter="127.0.0.1",protocol="${protocol}"}`;
      assert.equal(page.value(records), FLOWS, protocol);
    }
    const expected = accounted(...frames);
    assert.ok(expected.size >= 20, `${expected.size} series`);
    assert.deepEqual(accounted(page), expected);
    assert.equal(page.sum("promtap_customer_bytes_total", 'interface="127.0.0.1"', 'customer="sender"') > 0, true);
    for (const name of ["lost", "refused_datagrams", "refused_records", "unaddressed_records"]) {
      assert.equal(page.sum(`promtap_flow_${name}_total`), 0, name);
    }
  },
);
