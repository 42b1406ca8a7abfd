import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { Nfcapd, totalOf } from "../support/flow-oracles.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
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

test("flows of softflowd are counted as nfcapd counts them", options, async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  await using nfcapd = await Nfcapd.start(namespace, join(folder.path, "nfcapd"), ORACLE_PORT);
  await using promtap = await RunningPromtap.start(namespace, ["--flow-listen", `:${PORT}`, "--flow-asn", "64500"]);
  const targets = [PORT, ORACLE_PORT].map((port) => `127.0.0.1:${port}`).join(",");
  const sent = { flows: 0, packets: 0, bytes: 0 };
  for (const { version, protocol } of VERSIONS) {
    const { bytes, packets, sizes } = capture(protocol !== "netflow5");
    const file = join(folder.path, `${protocol}.pcap`);
    writeFileSync(file, bytes);
    namespace.run("softflowd", "-r", file, "-v", version, "-n", targets);
    sent.flows += FLOWS;
    sent.packets += packets;
    sent.bytes += sizes;
  }
  // What was sent is in the socket, and a page has all that was sent before it.
  const page = await promtap.page();
  assert.deepEqual(totals(page), sent);
  assert.deepEqual({ ...totalOf(await nfcapd.tally()), flows: sent.flows }, sent);
  for (const { protocol } of VERSIONS) {
    const records = `promtap_flow_exporter_records_total{exporter="127.0.0.1",protocol="${protocol}"}`;
    assert.equal(page.value(records), FLOWS, protocol);
  }
  for (const name of ["lost_total", "refused_datagrams_total", "refused_records_total", "held_sets"]) {
    assert.equal(page.sum(`promtap_flow_${name}`), 0, name);
  }
});
