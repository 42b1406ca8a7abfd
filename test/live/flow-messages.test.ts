import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Producer, stringSerializers } from "@platformatic/kafka";
import { counted, flows, isDone, kafkaOptions, startFlows } from "../support/flows.ts";
import { Kafka } from "../support/kafka.ts";

describe("messages of a real Kafka", kafkaOptions, () => {
  let kafka: Kafka;
  before(async () => {
    // One of the messages is large.
    kafka = await Kafka.start(undefined, {}, 768);
  });
  after(async () => kafka[Symbol.asyncDispose]());

  const fromStart = (topic: string) => startFlows(kafka, topic, "--flow-group", topic, "--flow-from", "earliest");

  test("are not counted when their transaction was given up", async () => {
    await kafka.createTopic("transactions");
    const producer = new Producer({
      clientId: "test",
      bootstrapBrokers: [kafka.address()],
      serializers: stringSerializers,
      idempotent: true,
    });
    for (let round = 0; round < 4; round++) {
      const transaction = await producer.beginTransaction();
      const { lines } = flows(10, round * 10);
      await transaction.send({ messages: lines.map((value) => ({ topic: "transactions", value })) });
      await (round % 2 === 0 ? transaction.commit() : transaction.abort());
    }
    await producer.close();
    await using promtap = await fromStart("transactions");
    const page = await promtap.pageWhere("all is read", (each) => isDone(each) && counted(each).packets >= 20);
    assert.deepEqual(counted(page), { packets: 20, bytes: flows(10).bytes + flows(10, 20).bytes });
    assert.equal(page.sum("promtap_flow_refused_records_total"), 0);
  });

  test("without a value are refused, and stop nothing", async () => {
    await kafka.createTopic("empty");
    const producer = new Producer({ clientId: "test", bootstrapBrokers: [kafka.address()] });
    const good = Buffer.from(flows(1).lines[0]!);
    const values = [good, undefined, Buffer.alloc(0), Buffer.alloc(500_000, "x"), good];
    await producer.send({ messages: values.map((value) => ({ topic: "empty", value: value as Buffer })) });
    await producer.close();
    await using promtap = await fromStart("empty");
    const page = await promtap.pageWhere("all is read", (each) => each.value("promtap_flow_messages_total") === 5);
    assert.deepEqual(counted(page), { packets: 2, bytes: 2 });
    assert.equal(page.value('promtap_flow_refused_records_total{reason="empty"}'), 2);
    assert.equal(page.value('promtap_flow_refused_records_total{reason="not_json"}'), 1);
  });

  test("larger than what is fetched at once are read", async () => {
    await kafka.createTopic("large");
    const setting = { name: "max.message.bytes", value: "20000000", configOperation: 0 as const };
    const resource = { resourceType: 2 as const, resourceName: "large", configs: [setting] };
    await kafka.administer((admin) => admin.incrementalAlterConfigs({ resources: [resource], validateOnly: false }));
    const producer = new Producer({ clientId: "test", bootstrapBrokers: [kafka.address()] });
    const { lines, bytes } = flows(100_000);
    // As kafka_multi_values makes them.
    await producer.send({ messages: [{ topic: "large", value: Buffer.from(lines.join("\n")) }] });
    await producer.close();
    await using promtap = await fromStart("large");
    // A message counts when all of its records have: a page may come in between.
    const page = await promtap.pageWhere("all is read", (each) => each.value("promtap_flow_messages_total") === 1);
    assert.deepEqual(counted(page), { packets: lines.length, bytes });
  });

  test("larger than any should be are told and left out, and stop nothing", async () => {
    await kafka.createTopic("huge");
    const setting = { name: "max.message.bytes", value: "100000000", configOperation: 0 as const };
    const resource = { resourceType: 2 as const, resourceName: "huge", configs: [setting] };
    await kafka.administer((admin) => admin.incrementalAlterConfigs({ resources: [resource], validateOnly: false }));
    const producer = new Producer({ clientId: "test", bootstrapBrokers: [kafka.address()] });
    const good = Buffer.from(flows(1).lines[0]!);
    for (const value of [good, Buffer.alloc(70 * 2 ** 20, "x"), good]) {
      await producer.send({ messages: [{ topic: "huge", value }] });
    }
    await producer.close();
    await using promtap = await fromStart("huge");
    const page = await promtap.pageWhere("all is read", (each) => isDone(each) && counted(each).packets === 2);
    assert.equal(page.value("promtap_flow_damaged_batches_total"), 1);
    const peakKib = Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${promtap.process.pid}/status`, "utf8"))?.[1]);
    assert.ok(peakKib < 300 * 1024, `${peakKib} kB`);
    assert.match((await promtap.stop()).stderr, /partition=0 offset=1 reason="a batch of 734\d{5} bytes"/);
  });
});
