import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { type Frame, ipv4Frame, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { kafkaOptions, OWN_AS, wholeTopicFlags } from "../support/flows.ts";
import { Kafka } from "../support/kafka.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { send } from "../support/sender.ts";

const options = { ...kafkaOptions, skip: kafkaOptions.skip || lacking("root", "ip", "ethtool", "trafgen") };

const RANGE = "10.0.0.0/24:customer=acme";
const RECOVERY_MS = 60_000;
const TCP = { source: "10.0.0.1", destination: "192.0.2.1", protocol: PROTOCOL_TCP };
const UDP = { source: "192.0.2.1", destination: "10.0.0.2", protocol: PROTOCOL_UDP };
const FRAMES = [ipv4Frame({ ...TCP, lengthBytes: 100 }), ipv4Frame({ ...UDP, lengthBytes: 1000 })];

/** Packets and bytes of the records that a promtap has counted, by the values of its labels. */
function rows(page: Page, family: string): Record<string, [packets: number, bytes: number]> {
  const found: Record<string, [number, number]> = {};
  for (const [series, packets] of page.samples) {
    const labels = new RegExp(`^flow_${family}_packets_total\\{(.*)\\}$`).exec(series)?.[1];
    if (labels === undefined) continue;
    const key = [...labels.matchAll(/="([^"]*)"/g)].map(([, value]) => value).join(" ");
    found[key] = [packets, page.value(`flow_${family}_bytes_total{${labels}}`)!];
  }
  return found;
}

describe("traffic as flow records, through a real Kafka", options, () => {
  let namespace: Namespace;
  let kafka: Kafka;
  before(async () => {
    namespace = new Namespace();
    for (const pair of [1, 2]) namespace.addVeth(`near${pair}`, `far${pair}`);
    kafka = await Kafka.start(namespace, { "auto.create.topics.enable": "true", "num.partitions": "3" });
  });
  after(async () => {
    await kafka[Symbol.asyncDispose]();
    namespace[Symbol.dispose]();
  });

  const produce = (topic: string, interfaceName: string, ...flags: readonly string[]) =>
    produceEvery("1", topic, interfaceName, ...flags);
  const produceEvery = (seconds: string, topic: string, interfaceName: string, ...flags: readonly string[]) =>
    RunningPromtap.start(namespace, [
      "--flow-brokers",
      kafka.address(),
      "--flow-produce",
      topic,
      "--flow-produce-interval",
      seconds,
      "--flow-asn",
      `${OWN_AS}`,
      "-i",
      interfaceName,
      ...flags,
    ]);
  const consume = (topic: string, labels: string) =>
    RunningPromtap.start(namespace, wholeTopicFlags(kafka, topic, labels));
  const sendTo = (interfaceName: string, frames: readonly Frame[], count: number) =>
    send(namespace, interfaceName, frames, { count });

  test("goes from two promtaps to a third, which counts what the kernel has carried", async () => {
    await using first = await produce("fleet", "near1", "-r", RANGE);
    await using second = await produce("fleet", "near2", "-r", RANGE);
    await using third = await consume("fleet", "iface,ip_src,ip_dst,ip_proto,customer");
    await Promise.all([sendTo("far1", FRAMES, 2000), sendTo("far2", FRAMES, 1000)]);
    await Promise.all([sendTo("far1", FRAMES, 200), sendTo("far2", FRAMES, 100)]);
    const isAll = (page: Page) =>
      page.sum("flow_transmit_packets_total") >= 1650 && page.sum("flow_receive_packets_total") >= 1650;
    const page = await third.pageWhere("all has arrived", isAll);
    assert.deepEqual(rows(page, "transmit"), {
      "near1 10.0.0.1  tcp acme": [1100, 110_000],
      "near2 10.0.0.1  tcp acme": [550, 55_000],
    });
    assert.deepEqual(rows(page, "receive"), {
      "near1  10.0.0.2 udp acme": [1100, 1_100_000],
      "near2  10.0.0.2 udp acme": [550, 550_000],
    });
    assert.equal(page.sum("promtap_flow_refused_records_total"), 0);
    for (const each of [first, second]) {
      const own = await each.page();
      assert.equal(own.value("promtap_flow_produce_up"), 1);
      assert.ok(own.value("promtap_flow_produce_last_success_timestamp_seconds")! > 0);
    }
    const records = (await Promise.all([first.page(), second.page()])).map((each) =>
      each.sum("promtap_flow_produce_records_total"),
    );
    // One page is not one snapshot.
    const isWhole = (now: Page) => now.value("promtap_flow_records_total") === records[0]! + records[1]!;
    await third.pageWhere("it has read what was written", isWhole);
  });

  const softflowd = { skip: lacking("softflowd") };
  test("loses nothing and writes nothing twice when the broker is killed and comes back", softflowd, async () => {
    using folder = new TemporaryFolder();
    const file = join(folder.path, "frames.pcap");
    writeFileSync(file, Uint8Array.from(pcap({ order: "little" }, [...FRAMES, ...FRAMES, ...FRAMES]).flat()));
    const report = (version: string) => namespace.run("softflowd", "-r", file, "-v", version, "-n", "127.0.0.1:2055");
    const received = ["--flow-listen=:2055", "--flow-sampling=10", "--flow-labels=label,ip_proto"];
    await using producer = await produce("crash", "near1", "-r", RANGE, ...received);
    await producer.pageWhere("it is up", (page) => page.value("promtap_flow_produce_up") === 1, RECOVERY_MS);
    report("5");
    await sendTo("far1", FRAMES, 100);
    await producer.pageWhere("it has written", (page) => page.value("promtap_flow_produce_records_total")! >= 4);
    await sendTo("far1", FRAMES, 100);
    await kafka.kill();
    report("9");
    await sendTo("far1", FRAMES, 100);
    await producer.pageWhere("it knows", (page) => page.value("promtap_flow_produce_up") === 0);
    await sendTo("far1", FRAMES, 100);
    report("10");
    await kafka.restart();
    const isUp = (page: Page) => page.value("promtap_flow_produce_up") === 1;
    const back = await producer.pageWhere("it is up again", isUp, RECOVERY_MS);
    assert.ok(back.value("promtap_flow_produce_failures_total")! > 0);
    await sendTo("far1", FRAMES, 100);
    report("5");
    // What is left is written at the end.
    const { stderr } = await producer.stop();
    assert.match(stderr, /couldn't write to Kafka/);
    await using consumer = await consume("crash", "ip_src,ip_dst,label,ip_proto");
    const page = await consumer.pageWhere(
      "all has arrived",
      (each) =>
        each.sum("flow_transmit_packets_total") >= 250 &&
        each.sum("flow_receive_packets_total") >= 250 &&
        each.sum("flow_transit_packets_total") >= 240,
    );
    const host = hostname();
    assert.deepEqual(rows(page, "transmit"), { [`10.0.0.1  ${host} tcp`]: [250, 25_000] });
    assert.deepEqual(rows(page, "receive"), { [` 10.0.0.2 ${host} udp`]: [250, 250_000] });
    // Of 4 reports, 3 frames of each kind, 10 times.
    assert.deepEqual(rows(page, "transit"), {
      "  127.0.0.1 tcp": [120, 12_000],
      "  127.0.0.1 udp": [120, 120_000],
    });
  });

  test("is an interface's if no range is given, with the kernel's index of it; what --state kept is not written again", async () => {
    using folder = new TemporaryFolder();
    for (const sent of [100, 200]) {
      await using producer = await produce("whole", "near1", "--state", join(folder.path, "state"));
      await sendTo("far1", FRAMES, 100);
      await producer.pageWhere("all is counted", (each) => each.sum("promacct_packet_size_bytes_all_count") === sent);
      await producer.stop();
    }
    await using consumer = await consume("whole", "iface,iface_in,iface_out,ip_src");
    const page = await consumer.pageWhere("it has arrived", (each) => each.sum("flow_transit_packets_total") >= 200);
    const index = namespace.run("cat", "/sys/class/net/near1/ifindex").trim();
    assert.deepEqual(rows(page, "transit"), { [`near1 ${index} ${index} `]: [200, 110_000] });
  });

  test("is written with the kernel's index of an interface that has gone since", async () => {
    namespace.addVeth("near3", "far3");
    const index = namespace.run("cat", "/sys/class/net/near3/ifindex").trim();
    await using producer = await produceEvery("600", "gone", "near3");
    await producer.pageWhere("it is up", (page) => page.value("promtap_flow_produce_up") === 1);
    await sendTo("far3", FRAMES, 100);
    await producer.pageWhere("all is counted", (page) => page.sum("promtap_interface_up") === 1);
    namespace.run("ip", "link", "delete", "near3");
    await producer.pageWhere("it has gone", (page) => page.sum("promtap_interface_up") === 0);
    await producer.stop();
    await using consumer = await consume("gone", "iface,iface_in,iface_out");
    const page = await consumer.pageWhere("it has arrived", (each) => each.sum("flow_transit_packets_total") >= 100);
    assert.deepEqual(rows(page, "transit"), { [`near3 ${index} ${index}`]: [100, 55_000] });
  });
});
