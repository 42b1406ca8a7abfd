import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ConfigResourceTypes, Consumer, MessagesStreamModes, stringDeserializers } from "@platformatic/kafka";
import { Producer } from "../../src/kafka/producer.ts";
import { kafkaOptions } from "../support/flows.ts";
import type { Kafka } from "../support/kafka.ts";
import { type LossyProxy, PRODUCE, startKafkaBehindProxy } from "../support/lossy-proxy.ts";
import { runPromtap } from "../support/promtap.ts";

describe("appending records to a real Kafka", kafkaOptions, () => {
  let kafka: Kafka;
  let proxy: LossyProxy;
  before(async () => {
    ({ kafka, proxy } = await startKafkaBehindProxy(PRODUCE));
  });
  after(async () => {
    await kafka[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  const signal = new AbortController().signal;
  const producerTo = (topic: string) => {
    const bootstrap = [{ host: "127.0.0.1", port: proxy.port }];
    return new Producer({ brokers: { bootstrap, tls: null, sasl: null }, topic }, () => {});
  };
  const buffers = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => Buffer.from(`${first + index}`.padEnd(200, ".")));

  /** The numbers of the first `count` records of a topic, in order. */
  async function numbersIn(topic: string, count: number): Promise<number[]> {
    const consumer = new Consumer({
      groupId: topic,
      clientId: "test",
      bootstrapBrokers: [kafka.address()],
      deserializers: stringDeserializers,
    });
    const found: number[] = [];
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST });
    for await (const { value } of stream) if (found.push(Number.parseInt(value, 10)) === count) break;
    await consumer.close(true);
    return found.toSorted((a, b) => a - b);
  }

  /** The records of a topic, by the offsets of its partitions. */
  async function countIn(topic: string, partitions: number): Promise<number> {
    const asked = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }));
    const topics = [{ name: topic, partitions: asked }];
    const [answer] = await kafka.administer((admin) => admin.listOffsets({ topics }));
    return answer!.partitions.reduce((total, { offset }) => total + Number(offset), 0);
  }

  test("appends each once, however many answers are lost", async () => {
    await kafka.createTopic("lossy", 3);
    await using producer = producerTo("lossy");
    for (let first = 0; first < 500; first += 50) {
      proxy.left = first % 150 === 0 ? 2 : 0;
      await producer.send(buffers(first, 50), signal);
    }
    // And a broker that has just started may not number producers yet.
    assert.ok(proxy.left === 0 && producer.failures >= 8, `${producer.failures} failures`);
    assert.ok(producer.isUp);
    assert.equal(await countIn("lossy", 3), 500);
    assert.deepEqual(
      await numbersIn("lossy", 500),
      Array.from({ length: 500 }, (_, number) => number),
    );
  });

  test("parts what is too large for the topic", async () => {
    await kafka.createTopic("narrow");
    const configs = [{ name: "max.message.bytes", value: "500", configOperation: 0 as const }];
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: "narrow", configs };
    await kafka.administer((admin) => admin.incrementalAlterConfigs({ resources: [resource], validateOnly: false }));
    await using producer = producerTo("narrow");
    await producer.send(buffers(0, 300), signal);
    assert.equal(producer.failures, 0);
    assert.deepEqual(
      await numbersIn("narrow", 300),
      Array.from({ length: 300 }, (_, number) => number),
    );
  });

  test("is told from a topic that is not there by a check, and how many partitions there are", async () => {
    await kafka.createTopic("there", 3);
    const check = (topic: string, address: string) =>
      runPromtap(undefined, ["--check", "-i", "lo", "--flow-brokers", address, "--flow-produce", topic]);
    const there = await check("there", kafka.address());
    assert.equal(there.status, 0);
    assert.match(there.stdout, /would write flow records to there, which has 3 partitions, every 60 s/);
    assert.match((await check("nowhere", kafka.address())).stdout, /to nowhere, which is not there yet/);
    const unreachable = await check("there", "127.0.0.1:1");
    assert.equal(unreachable.status, 1);
    assert.match(unreachable.stderr, /couldn't write to Kafka: .*ECONNREFUSED/);
  });

  test("gives up waiting when it is told to end", async () => {
    const end = new AbortController();
    await using producer = producerTo("nowhere");
    const sending = producer.send(buffers(0, 1), end.signal);
    end.abort();
    await assert.rejects(sending, { name: "AbortError" });
  });

  test("goes on when the topic was deleted and made again with fewer partitions", async () => {
    await kafka.createTopic("again", 3);
    await using producer = producerTo("again");
    for (let first = 0; first < 30; first += 10) await producer.send(buffers(first, 10), signal);
    await kafka.administer((admin) => admin.deleteTopics({ topics: ["again"] }));
    await kafka.createTopic("again", 1);
    for (let first = 0; first < 30; first += 10) await producer.send(buffers(first, 10), signal);
    assert.equal(await countIn("again", 1), 30);
  });
});
