import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Producer } from "@platformatic/kafka";
import { counted, flows, isDone, kafkaOptions, partitionsOf, startFlows } from "../support/flows.ts";
import { Kafka } from "../support/kafka.ts";
import { runPromtap } from "../support/promtap.ts";
import { until } from "../support/waiting.ts";

/** A change of a topic is noticed within ten seconds, and tried again for as long. */
const NOTICE_MS = 40_000;
/** The one there is. */
const BROKER = { brokerIds: [1] };

describe("flows of a topic that changes", kafkaOptions, () => {
  let kafka: Kafka;
  before(async () => {
    kafka = await Kafka.start();
  });
  after(async () => kafka[Symbol.asyncDispose]());

  for (const [who, ...flags] of [
    ["a group", "--flow-group", "grown"],
    ["nobody's group", "--flow-partitions", "all"],
  ] as const) {
    test(`are read from partitions that are added, from their first on, by ${who}`, async () => {
      const topic = `grown-${flags[0].slice(7)}`;
      await kafka.createTopic(topic);
      await using promtap = await startFlows(kafka, topic, ...flags);
      await promtap.pageWhere("it reads", isDone);
      await kafka.administer((admin) =>
        admin.createPartitions({ topics: [{ name: topic, count: 3, assignments: [BROKER, BROKER] }] }),
      );
      const sent = flows(3000);
      await kafka.produce(topic, sent.lines);
      const page = await promtap.pageWhere("all is counted", (each) => counted(each).packets >= 3000, NOTICE_MS);
      assert.deepEqual(counted(page), { packets: 3000, bytes: sent.bytes });
      assert.deepEqual(partitionsOf(page), [0, 1, 2]);
    });
  }

  test("are read from the first on if it was deleted and made again", async () => {
    await kafka.createTopic("again");
    await using promtap = await startFlows(kafka, "again", "--flow-group", "again", "--flow-from", "earliest");
    await kafka.produce("again", flows(1000).lines);
    await promtap.pageWhere("all is counted", (page) => counted(page).packets >= 1000);
    await kafka.administer((admin) => admin.deleteTopics({ topics: ["again"] }));
    await promtap.pageWhere("it is missed", (page) => page.value("promtap_flow_up") === 0, NOTICE_MS);
    await until("it is made again", async () => {
      await kafka.createTopic("again");
      return true;
    });
    const sent = flows(500, 1000);
    await kafka.produce("again", sent.lines);
    const page = await promtap.pageWhere(
      "the new ones are counted",
      (each) => counted(each).packets >= 1500,
      NOTICE_MS,
    );
    assert.deepEqual(counted(page), { packets: 1500, bytes: flows(1500).bytes });
  });

  test("are read from the first on if it was made again before anybody missed it", async () => {
    await kafka.createTopic("swapped");
    await using promtap = await startFlows(kafka, "swapped", "--flow-group", "swapped", "--flow-from", "earliest");
    await kafka.produce("swapped", flows(1000).lines);
    await promtap.pageWhere("all is counted", (page) => counted(page).packets >= 1000 && isDone(page));
    await kafka.administer(async (admin) => {
      await admin.deleteTopics({ topics: ["swapped"] });
      await admin.createTopics({ topics: ["swapped"], partitions: 1, replicas: 1 });
    });
    const producer = new Producer({
      clientId: "test",
      bootstrapBrokers: [kafka.address()],
      retries: 100,
      retryDelay: 10,
    });
    const values = flows(500, 1000).lines.map((line) => Buffer.from(line));
    await producer.send({ messages: values.map((value) => ({ topic: "swapped", value })) });
    await producer.close();
    const page = await promtap.pageWhere("the new are counted", (each) => counted(each).packets >= 1500, NOTICE_MS);
    assert.deepEqual(counted(page), { packets: 1500, bytes: flows(1500).bytes });
  });

  test("are not left unread if another instance of the group was given another topic, which is told there", async () => {
    for (const topic of ["ours", "theirs"]) await kafka.createTopic(topic, 2);
    const flags = ["--flow-group", "one", "--flow-from", "earliest"];
    await using ours = await startFlows(kafka, "ours", ...flags);
    await ours.pageWhere("it reads", isDone);
    await using theirs = await startFlows(kafka, "theirs", ...flags);
    await theirs.pageWhere("it has tried", (page) => page.value("promtap_flow_reconnects_total")! > 0);
    const sent = flows(1000);
    await kafka.produce("ours", sent.lines, { "batch.size": "1000", "linger.ms": "0" });
    const page = await ours.pageWhere("all is counted", (each) => counted(each).packets >= 1000);
    assert.deepEqual(counted(page), { packets: 1000, bytes: sent.bytes });
    assert.deepEqual(partitionsOf(page), [0, 1]);
    const { stderr } = await theirs.stop();
    assert.match(stderr, /the group one reads another topic than theirs/);
  });

  test("are told as lost if they were deleted before they were read", async () => {
    await kafka.createTopic("deleted");
    {
      await using promtap = await startFlows(kafka, "deleted", "--flow-group", "deleted", "--flow-from", "earliest");
      await kafka.produce("deleted", flows(100).lines);
      await promtap.pageWhere("all is counted", (page) => counted(page).packets >= 100);
    }
    await kafka.produce("deleted", flows(100, 100).lines);
    await kafka.administer((admin) =>
      admin.deleteRecords({ topics: [{ name: "deleted", partitions: [{ partition: 0, offset: 150n }] }] }),
    );
    await using promtap = await startFlows(kafka, "deleted", "--flow-group", "deleted");
    const page = await promtap.pageWhere("the rest is counted", (each) => counted(each).packets >= 50);
    assert.equal(page.value("promtap_flow_lost_messages_total"), 50);
    assert.equal(counted(page).packets, 50);
  });

  test("are announced by a check, which says what it found or why it found nothing", async () => {
    await kafka.createTopic("checked", 4);
    const check = (...flags: string[]) => runPromtap(undefined, ["--check", "--flow-topic=checked", ...flags]);
    const found = await check("--flow-brokers", kafka.address());
    assert.match(found.stdout, /^would read flows from checked, which has 4 partitions, in the group promtap$/m);
    assert.equal(found.status, 0);
    const missing = await check("--flow-brokers", "127.0.0.1:1");
    assert.match(
      missing.stderr,
      /^couldn't read from Kafka: couldn't connect to any broker \(127\.0\.0\.1:1: .*ECONNREFUSED/,
    );
    assert.equal(missing.status, 1);
  });
});
