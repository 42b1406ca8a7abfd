import assert from "node:assert/strict";
import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const pmacctOptions = { skip: lacking("root", "ip", "pmacctd"), timeout: 120_000 };
const options = { skip: lacking("root", "ip", "softflowd", "nfcapd", "nfdump"), timeout: 120_000 };

const PORT = 2055;
const ORACLE_PORT = 9995;
const FLOWS = 300;

/** Flows of several packets each, of IPv4, and of IPv6 every fourth. */
function capture(withIpv6: boolean): { bytes: Uint8Array; packets: number; sizes: number; lengths: number[] } {
  const lengths: number[] = [];
  const frames = Array.from({ length: 5 * FLOWS }, (_, k) => {
    const lengthBytes = 100 + (k % 1300);
    lengths.push(lengthBytes);
    const host = (k % FLOWS) + 1;
    const protocol = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP][k % 3]!;
    if (withIpv6 && host % 4 === 0) {
      const destination = `2001:db8::${host.toString(16)}`;
      return ipv6Frame({ source: "2001:db8:1::1", destination, protocol: PROTOCOL_UDP, lengthBytes });
    }
    const destination = `10.1.${host >> 8}.${host & 0xff}`;
    return ipv4Frame({ source: "10.0.0.1", destination, protocol, lengthBytes });
  });
  const sizes = lengths.reduce((sum, length) => sum + length, 0);
  return { bytes: Uint8Array.from(pcap({ order: "little" }, frames).flat()), packets: frames.length, sizes, lengths };
}

/** nfcapd, which receives the same datagrams, and nfdump, which adds up what it has written. */
class Nfcapd implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(namespace: Namespace, folder: string) {
    this.#namespace = namespace;
    this.#folder = folder;
    mkdirSync(folder);
    const command = ["nfcapd", "-b", "127.0.0.1", "-p", `${ORACLE_PORT}`, "-t", "3600", "-l", folder];
    this.#process = namespace.spawn(command, { stdio: "ignore" });
    this.#ended = once(this.#process, "close");
  }

  static async start(namespace: Namespace, folder: string): Promise<Nfcapd> {
    const nfcapd = new Nfcapd(namespace, folder);
    await until("nfcapd listens", () => namespace.run("ss", "-Hlun").includes(`:${ORACLE_PORT}`));
    return nfcapd;
  }

  /** Ends it, and tells what it has received. */
  async totals(): Promise<{ flows: number; packets: number; bytes: number }> {
    this.#process.kill("SIGTERM");
    await this.#ended;
    const text = this.#namespace.run("nfdump", "-R", this.#folder, "-I");
    const number = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1]);
    return { flows: number("Flows"), packets: number("Packets"), bytes: number("Bytes") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
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
  await using nfcapd = await Nfcapd.start(namespace, join(folder.path, "nfcapd"));
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
  assert.deepEqual({ ...(await nfcapd.totals()), flows: sent.flows }, sent);
  for (const { protocol } of VERSIONS) {
    const records = `promtap_flow_exporter_records_total{exporter="127.0.0.1",protocol="${protocol}"}`;
    assert.equal(page.value(records), FLOWS, protocol);
  }
  for (const name of ["lost_total", "refused_datagrams_total", "refused_records_total", "held_sets"]) {
    assert.equal(page.sum(`promtap_flow_${name}`), 0, name);
  }
});

/** Probes of pmacct, each with a plugin and a name, and the protocol that they speak. */
const PROBES = [
  { plugin: "nfprobe", name: "v5", protocol: "netflow5", settings: { nfprobe_version: 5 } },
  { plugin: "nfprobe", name: "v9", protocol: "netflow9", settings: { nfprobe_version: 9 } },
  { plugin: "nfprobe", name: "v10", protocol: "ipfix", settings: { nfprobe_version: 10 } },
  { plugin: "sfprobe", name: "sf", protocol: "sflow5", settings: { sampling_rate: 1 } },
] as const;

function pmacctConfig(file: string): string {
  const lines = [
    "daemonize: false",
    `pcap_savefile: ${file}`,
    `plugins: ${PROBES.map(({ plugin, name }) => `${plugin}[${name}]`).join(", ")}`,
    "aggregate: src_host, dst_host, src_port, dst_port, proto",
    ...PROBES.flatMap(({ plugin, name, settings }) => [
      `${plugin}_receiver[${name}]: 127.0.0.1:${PORT}`,
      ...Object.entries(settings).map(([key, value]) => `${key}[${name}]: ${value}`),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

test("flows and samples of pmacct's probes are counted, all four at one port", pmacctOptions, async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  const [file, config] = ["frames.pcap", "pmacctd.conf"].map((name) => join(folder.path, name)) as [string, string];
  const { bytes, packets, sizes, lengths } = capture(false);
  writeFileSync(file, bytes);
  writeFileSync(config, pmacctConfig(file));
  await using promtap = await RunningPromtap.start(namespace, ["--flow-listen", `:${PORT}`, "--flow-labels=label"]);
  namespace.run("pmacctd", "-f", config);
  const page = await promtap.page();
  const records = (protocol: string): number =>
    page.value(`promtap_flow_exporter_records_total{exporter="127.0.0.1",protocol="${protocol}"}`) ?? 0;
  for (const { protocol } of PROBES.slice(0, 3)) assert.equal(records(protocol), FLOWS, protocol);
  // sfprobe ends without sending what has not filled a datagram.
  const samples = records("sflow5");
  assert.ok(samples > packets - 20, `${samples} samples`);
  const sampled = lengths.slice(0, samples).reduce((sum, length) => sum + length, 0);
  assert.equal(page.sum("flow_transmit_packets_total"), 3 * packets + samples);
  assert.equal(page.sum("flow_transmit_bytes_total"), 3 * sizes + sampled);
  for (const name of ["refused_datagrams_total", "refused_records_total", "held_sets", "repeated_records_total"]) {
    assert.equal(page.sum(`promtap_flow_${name}`), 0, name);
  }
  for (const { protocol } of PROBES) {
    assert.equal(page.sum("promtap_flow_lost_total", `protocol="${protocol}"`), 0, protocol);
  }
});
