import assert from "node:assert/strict";
import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ipv4Frame, ipv6Frame, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { kafkaOptions, OWN_AS, wholeTopicFlags } from "../support/flows.ts";
import { Kafka } from "../support/kafka.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const options = { ...kafkaOptions, skip: kafkaOptions.skip || lacking("root", "ip", "ethtool", "trafgen", "pmacctd") };

const PEER_AS = 64501;
/** What pmacct knows of the addresses, in the form of its networks_file: AS, then network. */
const NETWORKS = `${OWN_AS},10.0.0.0/24\n${PEER_AS},192.0.2.0/24\n`;
const ADDRESSES = { source: "10.0.0.1", destination: "192.0.2.1" };
const BACK = { source: "192.0.2.1", destination: "10.0.0.1" };
const ALIEN = { source: "198.51.100.1", destination: "203.0.113.1" };
const FRAMES = [
  ipv4Frame({ ...ADDRESSES, protocol: PROTOCOL_TCP, lengthBytes: 1500 }),
  ipv4Frame({ ...BACK, protocol: PROTOCOL_UDP, lengthBytes: 100 }),
  ipv4Frame({ ...BACK, protocol: PROTOCOL_ICMP, lengthBytes: 84 }),
  ipv4Frame({ ...ALIEN, protocol: PROTOCOL_UDP, lengthBytes: 1000 }),
];
const COUNT = 4000;
const PLUGINS = 2;
/** Those that promtap tells apart: ICMP, IGMP, TCP, UDP, IPv6, GRE, ESP, EIGRP, OSPF, SCTP. */
const PROTOCOLS = [1, 2, 6, 17, 41, 47, 50, 88, 89, 132];

/** A pmacctd that accounts an interface, and writes what it finds to Kafka and, in the same words, to a file. */
class Pmacctd implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #file = join(this.#folder.path, "flows.json");
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = "";

  constructor(namespace: Namespace, kafka: Kafka, topic: string, settings: Readonly<Record<string, string>>) {
    const networks = join(this.#folder.path, "networks");
    writeFileSync(networks, NETWORKS);
    const [host, port] = kafka.address().split(":");
    const config = join(this.#folder.path, "pmacctd.conf");
    const all = {
      daemonize: "false",
      pcap_interface: "near",
      aggregate: "label, src_as, dst_as, src_host, dst_host, proto, in_iface, out_iface",
      pmacctd_as: "file",
      networks_file: networks,
      plugins: "kafka[kafka], print[print]",
      // What does not fit between its processes is lost to one plugin and not to the other.
      plugin_pipe_size: "10240000",
      "kafka_output[kafka]": "json",
      "kafka_topic[kafka]": topic,
      "kafka_broker_host[kafka]": host!,
      "kafka_broker_port[kafka]": port!,
      "kafka_refresh_time[kafka]": "1",
      "print_output[print]": "json",
      "print_output_file[print]": this.#file,
      "print_output_file_append[print]": "true",
      "print_refresh_time[print]": "1",
      ...settings,
    };
    const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}\n`);
    writeFileSync(config, lines.join(""));
    this.#process = namespace.spawn(["pmacctd", "-f", config]);
    this.#ended = once(this.#process, "close");
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    }
  }

  async untilReady(): Promise<void> {
    const arePluginsReady = () => this.#output.match(/cache entries=/g)?.length === PLUGINS;
    await until("pmacctd listens", () => arePluginsReady() && this.#output.includes("link type is"));
  }

  /** The flows that it has written to its file. */
  flows(): Record<string, string | number>[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, "utf8").split("\n");
    return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, number>);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGINT");
    await this.#ended;
    this.#folder[Symbol.dispose]();
  }
}

/** Packets and bytes of flows that hold, by pmacct's own figures. */
function totals(
  flows: readonly Record<string, string | number>[],
  holds: (flow: Record<string, string | number>) => boolean,
): { packets: number; bytes: number } {
  const sum = (key: string) => flows.filter(holds).reduce((total, flow) => total + Number(flow[key]), 0);
  return { packets: sum("packets"), bytes: sum("bytes") };
}

describe("what a real pmacctd writes to a real Kafka", options, () => {
  let namespace: Namespace;
  let kafka: Kafka;
  before(async () => {
    namespace = new Namespace();
    namespace.addVeth("near", "far");
    kafka = await Kafka.start(namespace, { "auto.create.topics.enable": "true" });
  });
  after(async () => {
    await kafka[Symbol.asyncDispose]();
    namespace[Symbol.dispose]();
  });

  const forms: [what: string, topic: string, settings: Record<string, string>][] = [
    ["an object a message", "single", {}],
    [
      "several objects a message, and marks around them",
      "multi",
      {
        "kafka_multi_values[kafka]": "100000",
        "kafka_markers[kafka]": "true",
      },
    ],
  ];
  for (const [what, topic, settings] of forms) {
    test(`is counted as pmacctd counts it itself: ${what}`, async () => {
      // pmacctd writes in processes that end soon: what the first of them has for a topic not yet made is lost.
      await kafka.createTopic(topic);
      await using pmacctd = new Pmacctd(namespace, kafka, topic, settings);
      await pmacctd.untilReady();
      await using promtap = await RunningPromtap.start(
        namespace,
        wholeTopicFlags(kafka, topic, "as_src,as_dst,label,ip_proto"),
      );
      await send(namespace, "far", FRAMES, { count: COUNT });
      const isAll = (page: Page) =>
        ["transmit", "receive", "transit"].reduce((all, kind) => all + page.sum(`flow_${kind}_packets_total`), 0) >=
        COUNT;
      const page = await promtap.pageWhere("all is counted", isAll, 60_000);
      await until("pmacctd has written its file", () => totals(pmacctd.flows(), () => true).packets >= COUNT);
      const flows = pmacctd.flows();
      const on = (kind: string, ...labels: string[]) => ({
        packets: page.sum(`flow_${kind}_packets_total`, ...labels),
        bytes: page.sum(`flow_${kind}_bytes_total`, ...labels),
      });
      assert.deepEqual(
        on("transmit"),
        totals(flows, ({ as_src }) => as_src === OWN_AS),
      );
      assert.deepEqual(
        on("receive"),
        totals(flows, ({ as_dst }) => as_dst === OWN_AS),
      );
      assert.deepEqual(
        on("transit"),
        totals(flows, ({ as_src, as_dst }) => as_src !== OWN_AS && as_dst !== OWN_AS),
      );
      for (const protocol of ["udp", "icmp"]) {
        const own = totals(flows, ({ as_dst, ip_proto }) => as_dst === OWN_AS && ip_proto === protocol);
        assert.deepEqual(on("receive", `ip_proto="${protocol}"`), own, protocol);
        assert.ok(own.packets > 0, protocol);
      }
      // And what pmacctd found is what came.
      assert.equal(totals(flows, () => true).packets, COUNT);
      assert.equal(totals(flows, () => true).bytes, (1500 + 100 + 84 + 1000) * (COUNT / FRAMES.length));
      assert.equal(page.sum("promtap_flow_refused_records_total"), 0);
      assert.equal(page.value("promtap_flow_markers_total")! > 0, topic === "multi");
    });
  }

  test("has the same names for protocols as what promtap writes", async () => {
    const frames = [
      ...PROTOCOLS.map((protocol) => ipv4Frame({ ...ADDRESSES, protocol, lengthBytes: 100 })),
      ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol: PROTOCOL_ICMPV6, lengthBytes: 100 }),
    ];
    const brokers = ["--flow-brokers", kafka.address()];
    await using pmacctd = new Pmacctd(namespace, kafka, "names-by-pmacct", {});
    await pmacctd.untilReady();
    const produce = ["--flow-produce", "names", "-i", "near", "-r", "10.0.0.1", "-r", "2001:db8::1"];
    {
      await using _producer = await RunningPromtap.start(namespace, [...brokers, ...produce]);
      await send(namespace, "far", frames);
    }
    const consume = ["--flow-topic", "names", "--flow-labels", "ip_proto", "--flow-partitions", "all"];
    await using promtap = await RunningPromtap.start(namespace, [...brokers, ...consume, "--flow-from", "earliest"]);
    const page = await promtap.pageWhere("all is read", (each) => each.value("promtap_flow_records_total") === 11);
    await until("pmacctd has written its file", () => pmacctd.flows().length >= frames.length);
    const own = [...page.samples.keys()].flatMap((series) => /ip_proto="([^"]+)"/.exec(series)?.[1] ?? []);
    const others = pmacctd.flows().map(({ ip_proto }) => String(ip_proto));
    assert.deepEqual([...new Set(own)].toSorted(), [...new Set(others)].toSorted());
  });
});
