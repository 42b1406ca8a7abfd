import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { Producer as ClientProducer, stringSerializers } from "@platformatic/kafka";
import { Producer } from "../../src/kafka/producer.ts";
import { counted, flows, isDone, kafkaOptions, OWN_AS, type Sent, timesCounted } from "../support/flows.ts";
import { Gate } from "../support/gate.ts";
import { type BrokerId, KafkaCluster } from "../support/kafka-cluster.ts";
import type { Page } from "../support/page.ts";
import { runPromtap, RunningPromtap } from "../support/promtap.ts";

const PARTITIONS_APART = [[1], [2], [3]] as const;
const REPLICATED = [
  [1, 2, 3],
  [2, 3, 1],
  [3, 1, 2],
] as const;
const RECOVERY_MS = 60_000;

describe("of several brokers", kafkaOptions, () => {
  let cluster: KafkaCluster;
  before(async () => {
    cluster = await KafkaCluster.start();
  });
  after(async () => cluster[Symbol.asyncDispose]());

  const start = (topic: string, ...flags: readonly string[]) => startBy(cluster.addresses, topic, ...flags);
  const startBy = (brokers: string, topic: string, ...flags: readonly string[]) =>
    RunningPromtap.start(undefined, [
      "--flow-brokers",
      brokers,
      "--flow-topic",
      topic,
      "--flow-asn",
      `${OWN_AS}`,
      "--flow-from",
      "earliest",
      ...flags,
    ]);

  /** Sends as many flows to each of three partitions. */
  async function sendToEach(topic: string, count: number): Promise<Sent> {
    const producer = new ClientProducer({
      clientId: "promtap-test",
      bootstrapBrokers: cluster.addresses.split(","),
      serializers: stringSerializers,
    });
    const sent = flows(3 * count);
    const messages = sent.lines.map((value, index) => ({ topic, partition: index % 3, value }));
    await producer.send({ messages });
    await producer.close();
    return sent;
  }

  for (const [who, ...flags] of [
    ["nobody's group", "--flow-partitions", "all"],
    ["a group", "--flow-group", "apart"],
  ] as const) {
    for (const how of ["refuses connections", "says nothing"]) {
      test(`those that answer are read by ${who} while another ${how}, which is named`, async () => {
        const topic = `apart-${flags[0].slice(7)}-${how.split(" ")[0]}`;
        await cluster.createTopic(topic, PARTITIONS_APART);
        const sent = await sendToEach(topic, 40);
        const coordinator = await cluster.coordinator("apart");
        const away: BrokerId = coordinator === 3 ? 2 : 3;
        const gate = cluster.gate(away);
        if (how === "says nothing") gate.silence();
        else await gate.shut();
        try {
          await using promtap = await start(topic, ...flags);
          await promtap.pageWhere("the others are read", (page) => counted(page).packets >= 80);
          const page = await promtap.pageWhere(
            "it is told",
            (each) => each.value("promtap_flow_reconnects_total")! > 0,
            RECOVERY_MS,
          );
          assert.equal(counted(page).packets, 80);
          assert.equal(page.value("promtap_flow_up"), 0);
          assert.equal(page.value("promtap_flow_unread_partitions"), 1);
          await gate.open();
          const whole = await promtap.pageWhere("all is read", isDone, RECOVERY_MS);
          assert.deepEqual(counted(whole), { packets: 120, bytes: sent.bytes });
          const { stderr } = await promtap.stop();
          const named = new RegExp(
            `couldn't read from Kafka.*broker ${away} at ${gate.address}: .*partition ${away - 1}\\b`,
          );
          assert.match(stderr, named);
          assert.doesNotMatch(stderr, new RegExp(`error=.*broker ${coordinator} `));
        } finally {
          await gate.open();
        }
      });
    }
  }

  test("one that can't be reached is named by a check", async () => {
    await cluster.createTopic("checked", PARTITIONS_APART);
    const gate = cluster.gate(3);
    await gate.shut();
    try {
      const brokers = ["--flow-brokers", cluster.gate(1).address];
      const reading = await runPromtap(undefined, ["--check", ...brokers, "--flow-topic", "checked"]);
      assert.equal(reading.status, 1);
      assert.match(reading.stderr, new RegExp(`couldn't read from Kafka: broker 3 at ${gate.address}: .*ECONNREFUSED`));
      const writing = await runPromtap(undefined, ["--check", "-i", "lo", ...brokers, "--flow-produce", "checked"]);
      assert.equal(writing.status, 1);
      assert.match(writing.stderr, new RegExp(`couldn't write to Kafka: broker 3 at ${gate.address}: .*ECONNREFUSED`));
    } finally {
      await gate.open();
    }
  });
  /** Flows that are sent by and by, as Kafka's own producer does. */
  class Stream {
    sent = 0;
    readonly #stop = Promise.withResolvers<void>();
    readonly #sending: Promise<void>;

    constructor(topic: string) {
      this.#sending = cluster.broker(1).produce(topic, this.#blocks(), { "batch.size": "2000", "linger.ms": "5" });
    }

    /** Resolves to the number of flows sent when all of them are acknowledged. */
    async end(): Promise<number> {
      this.#stop.resolve();
      await this.#sending;
      return this.sent;
    }

    async *#blocks(): AsyncGenerator<string> {
      for (let isOver = false; !isOver;) {
        const { lines } = flows(50, this.sent);
        this.sent += lines.length;
        yield `${lines.join("\n")}\n`;
        isOver = await Promise.race([this.#stop.promise.then(() => true), delay(20, false)]);
      }
    }
  }

  test("one that is killed, and looks after the group, is replaced by the others; each record counts once", async () => {
    await cluster.createTopic("killed", REPLICATED);
    const groups = Array.from({ length: 20 }, (_, number) => `killed-${number}`);
    const coordinators = await Promise.all(groups.map((group) => cluster.coordinator(group)));
    const group = groups[coordinators.indexOf(3)]!;
    const stream = new Stream("killed");
    await using promtap = await start("killed", "--flow-group", group, "--flow-labels", "id");
    await promtap.pageWhere("it counts", (page) => counted(page).packets > 500);
    await cluster.broker(3).kill();
    const further = counted(await promtap.page()).packets + 1000;
    await promtap.pageWhere("it goes on", (page) => counted(page).packets > further, RECOVERY_MS);
    const up = await promtap.pageWhere("all are led", (page) => page.value("promtap_flow_up") === 1, RECOVERY_MS);
    const commits = up.value("promtap_flow_commits_total")!;
    await promtap.pageWhere("it commits", (page) => page.value("promtap_flow_commits_total")! > commits, RECOVERY_MS);
    const sent = await stream.end();
    const page = await promtap.pageWhere("all is read", (each) => counted(each).packets >= sent && isDone(each));
    const times = timesCounted(page);
    assert.equal(times.size, sent);
    assert.ok([...times.values()].every((each) => each === 1));
    await cluster.broker(3).restart();
  });

  test("one that is killed, and alone has its partitions, holds up no other; they are read when it is back", async () => {
    await cluster.createTopic("alone", PARTITIONS_APART);
    const stream = new Stream("alone");
    await using promtap = await start("alone", "--flow-partitions", "all", "--flow-labels", "id");
    await promtap.pageWhere("it counts", (page) => counted(page).packets > 500);
    await cluster.broker(2).kill();
    await promtap.pageWhere("it is known", (page) => page.value("promtap_flow_unread_partitions") === 1);
    const further = counted(await promtap.page()).packets + 2000;
    const page = await promtap.pageWhere("others go on", (each) => counted(each).packets > further, RECOVERY_MS);
    assert.equal(page.value("promtap_flow_up"), 0);
    await cluster.broker(2).restart();
    const sent = await stream.end();
    const isAll = (each: Page) => counted(each).packets >= sent && isDone(each);
    const times = timesCounted(await promtap.pageWhere("all is read", isAll, RECOVERY_MS));
    assert.equal(times.size, sent);
    assert.ok([...times.values()].every((each) => each === 1));
    assert.match((await promtap.stop()).stderr, /partition 1: no leader/);
  });

  test("the first that are named may be away", async () => {
    await cluster.createTopic("first", PARTITIONS_APART);
    const sent = await sendToEach("first", 40);
    await using silent = await Gate.start();
    silent.silence();
    const brokers = ["127.0.0.1:1", silent.address, cluster.gate(1).address].join(",");
    await using promtap = await startBy(brokers, "first", "--flow-partitions", "all");
    const page = await promtap.pageWhere("all is read", (each) => counted(each).packets >= 120 && isDone(each));
    assert.deepEqual(counted(page), { packets: 120, bytes: sent.bytes });
  });

  /** Records of 200 bytes, each with its number. */
  const buffers = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => Buffer.from(`${first + index}`.padEnd(200, ".")));
  const signal = new AbortController().signal;
  const bootstrap = () => [1, 2, 3].map((id) => ({ host: "127.0.0.1", port: cluster.gate(id as BrokerId).port }));
  const producerTo = (topic: string, told: (string | undefined)[]) =>
    new Producer({ brokers: { bootstrap: bootstrap(), tls: null, sasl: null }, topic }, (error) => told.push(error));

  for (const how of ["refuses connections", "says nothing"]) {
    test(`those that answer are written to while another ${how}, and each record once`, async () => {
      const topic = `written-${how.split(" ")[0]}`;
      await cluster.createTopic(topic, PARTITIONS_APART);
      const told: (string | undefined)[] = [];
      const gate = cluster.gate(3);
      let safe = 0;
      await using producer = producerTo(topic, told);
      const send = (first: number) => producer.send(buffers(first, 10), signal, () => (safe += 10));
      for (let first = 0; first < 60; first += 10) await send(first);
      if (how === "says nothing") gate.silence();
      else await gate.shut();
      try {
        for (let first = 60; first < 160; first += 10) await send(first);
        // One of them may be with the broker that says nothing.
        assert.ok(safe >= 150, `${safe} of 160`);
      } finally {
        await gate.open();
      }
      await producer.settle();
      assert.equal(safe, 160);
      assert.deepEqual(await numbersIn(topic, 160), range(160));
    });
  }

  test("one that is killed is replaced by the others; each record is written once", async () => {
    await cluster.createTopic("rewritten", REPLICATED);
    await using producer = producerTo("rewritten", []);
    let safe = 0;
    for (let first = 0; first < 1000; first += 10) {
      const killed = first === 300 ? cluster.broker(3).kill() : undefined;
      await Promise.all([killed, producer.send(buffers(first, 10), signal, () => (safe += 10))]);
    }
    await producer.settle();
    assert.equal(safe, 1000);
    assert.deepEqual(await numbersIn("rewritten", 1000), range(1000));
    await cluster.broker(3).restart();
  });

  const range = (count: number) => Array.from({ length: count }, (_, number) => number);

  /** The numbers of all records of a topic of three partitions, which must be so many, in order. */
  async function numbersIn(topic: string, count: number): Promise<number[]> {
    const partitions = range(3).map((partitionIndex) => ({ partitionIndex, timestamp: -1n }));
    const asked = { topics: [{ name: topic, partitions }] };
    const [answer] = await cluster.broker(1).administer((admin) => admin.listOffsets(asked));
    assert.equal(
      answer!.partitions.reduce((total, { offset }) => total + Number(offset), 0),
      count,
    );
    const lines = await cluster.broker(1).consume(topic, count);
    return lines.map((line) => Number.parseInt(line, 10)).toSorted((a, b) => a - b);
  }
});
