import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { type CountedFlow, Goflow2, Nfcapd, pageTally, tallyOf } from "../support/flow-oracles.ts";
import { ipv4Frame, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const options = {
  skip: lacking("root", "ip", "pmacctd", "nfcapd", "nfdump", "nfreplay", "goflow2"),
  timeout: 120_000,
};

const RELAY_PORT = 9990;
const PORTS = { promtap: 2055, nfcapd: 9995, goflow2: 9996 };
const VERSIONS = [5, 9, 10] as const;
const NETFLOWS = ["netflow5", "netflow9", "ipfix"];
/** Of which records are told where packets go out, with that interface alone; those of others are told where they come in. */
const EGRESS_VERSION = 9;
const OWN_AS = 64_500;
/** Hosts are 10.AS.INTERFACE.x: of so many ASes, ours and those that follow it, and so many interfaces. */
const ASES = 5;
const INTERFACES = 3;
const FLOWS = 240;
const PACKETS = 1200;

interface Sent {
  readonly capture: Uint8Array;
  readonly flows: readonly CountedFlow[];
}

/** Flows between hosts of several ASes, which come in at several interfaces. */
function sent(): Sent {
  const flows: CountedFlow[] = [];
  const frames = Array.from({ length: PACKETS }, (_, k) => {
    const flow = k % FLOWS;
    const [from, to, input] = [flow % ASES, Math.floor(flow / ASES) % ASES, 1 + (flow % INTERFACES)];
    const bytes = 60 + (k % 1400);
    flows.push({ sourceAs: OWN_AS + from, destinationAs: OWN_AS + to, input, output: 0, packets: 1, bytes });
    const [source, destination] = [`10.${from}.${input}.1`, `10.${to}.9.${1 + flow}`];
    const protocol = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP][flow % 3]!;
    return ipv4Frame({ source, destination, protocol, lengthBytes: bytes });
  });
  return { capture: Uint8Array.from(pcap({ order: "little" }, frames).flat()), flows };
}

/** A probe of each version, and one of sFlow that samples every packet; ASes and interfaces are told by addresses. */
function writeConfig(folder: string, capture: string): string {
  const [networks, map, config] = ["networks", "interfaces", "pmacctd.conf"].map((name) => join(folder, name));
  writeFileSync(networks!, Array.from({ length: ASES }, (_, k) => `${OWN_AS + k},10.${k}.0.0/16\n`).join(""));
  const hostsOf = (input: number): string =>
    Array.from({ length: ASES }, (_, k) => `src net 10.${k}.${input}.0/24`).join(" or ");
  const inputs = Array.from({ length: INTERFACES }, (_, k) => k + 1);
  writeFileSync(map!, inputs.map((k) => `set_tag=${k} filter='${hostsOf(k)}'\n`).join(""));
  const lines = [
    "daemonize: false",
    `pcap_savefile: ${capture}`,
    `networks_file: ${networks}`,
    "pmacctd_as: file",
    `pre_tag_map: ${map}`,
    `plugins: ${VERSIONS.map((version) => `nfprobe[v${version}]`).join(", ")}, sfprobe[sflow]`,
    "aggregate: src_host, dst_host, src_port, dst_port, proto, src_as, dst_as, tag",
    ...VERSIONS.flatMap((version) => [
      `nfprobe_version[v${version}]: ${version}`,
      `nfprobe_receiver[v${version}]: 127.0.0.1:${RELAY_PORT}`,
      `nfprobe_direction[v${version}]: ${version === EGRESS_VERSION ? "out" : "in"}`,
      `nfprobe_ifindex[v${version}]: tag`,
    ]),
    `sfprobe_receiver[sflow]: 127.0.0.1:${PORTS.promtap}`,
    "sfprobe_direction[sflow]: in",
    "sfprobe_ifindex[sflow]: tag",
    "sampling_rate[sflow]: 1",
  ];
  writeFileSync(config!, `${lines.join("\n")}\n`);
  return config!;
}

function recordsOf(page: Page, protocol: string): number {
  return page.sum("promtap_flow_exporter_records_total", `protocol="${protocol}"`);
}

/** What passes the datagrams of the probes on to all collectors. */
async function startRelay(namespace: Namespace): Promise<AsyncDisposable> {
  const program = join(import.meta.dirname, "datagram-relay.ts");
  const ports = [RELAY_PORT, ...Object.values(PORTS)].map(String);
  const relay = namespace.spawn([process.execPath, program, ...ports], { stdio: "ignore" });
  const ended = once(relay, "close");
  await until("the relay listens", () => namespace.run("ss", "-Hlun").includes(`:${RELAY_PORT} `));
  return {
    async [Symbol.asyncDispose]() {
      relay.kill("SIGTERM");
      await ended;
    },
  };
}

test(
  "flows are counted by AS and interface as nfcapd and goflow2 count them, and once more as nfreplay sends them",
  options,
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    const path = (name: string): string => join(folder.path, name);
    const { capture, flows } = sent();
    writeFileSync(path("frames.pcap"), capture);
    const config = writeConfig(folder.path, path("frames.pcap"));
    await using nfcapd = await Nfcapd.start(namespace, path("nfcapd"), PORTS.nfcapd);
    await using goflow2 = await Goflow2.start(namespace, path("goflow2"), "netflow", PORTS.goflow2);
    const flags = ["--flow-listen", `:${PORTS.promtap}`, "--flow-asn", `${OWN_AS}`];
    await using promtap = await RunningPromtap.start(namespace, flags);
    await using _relay = await startRelay(namespace);
    namespace.run("pmacctd", "-f", config);
    const outgoing = flows.map((flow) => ({ ...flow, input: 0, output: flow.input }));
    const expected = VERSIONS.flatMap((version) => (version === EGRESS_VERSION ? outgoing : flows));
    const isRead = (each: Page): boolean => NETFLOWS.every((protocol) => recordsOf(each, protocol) === FLOWS);
    let page = await promtap.pageWhere("all is relayed", isRead);
    // sfprobe ends without sending what has not filled a datagram.
    const samples = flows.slice(0, recordsOf(page, "sflow5"));
    assert.ok(samples.length > PACKETS - 20, `${samples.length} samples`);
    assert.deepEqual(pageTally(page), tallyOf([...expected, ...samples]));
    assert.deepEqual(await goflow2.tally(VERSIONS.length * FLOWS), tallyOf(expected));
    assert.deepEqual(await nfcapd.tally(), tallyOf(expected));
    const replayed = [5, 9];
    for (const version of replayed) {
      for (const file of nfcapd.files()) {
        namespace.run("nfreplay", "-H", "127.0.0.1", "-p", `${PORTS.promtap}`, "-v", `${version}`, "-r", file);
      }
    }
    page = await promtap.page();
    assert.deepEqual(pageTally(page), tallyOf([...expected, ...samples, ...replayed.flatMap(() => expected)]));
    for (const name of [
      "lost_total",
      "refused_datagrams_total",
      "refused_records_total",
      "held_sets",
      "repeated_records_total",
    ]) {
      assert.equal(page.sum(`promtap_flow_${name}`), 0, name);
    }
  },
);
