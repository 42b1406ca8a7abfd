import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Consumer, Producer, stringDeserializers, stringSerializers, MessagesStreamModes } from "@platformatic/kafka";
import { Kafka, KAFKA_USER } from "./kafka.ts";
import { lacking } from "./requirements.ts";

const options = { skip: lacking("kafka", "openssl", "setpriv"), timeout: 120_000 };

describe("the broker that tests run", options, () => {
  let kafka: Kafka;
  before(async () => {
    kafka = await Kafka.start();
  });
  after(async () => kafka[Symbol.asyncDispose]());

  test("keeps what was sent in every compression over a crash", async () => {
    await kafka.createTopic("kept", 3);
    const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    for (const codec of codecs) await kafka.produce("kept", [`{"codec":"${codec}"}`], { "compression.type": codec });
    await kafka.kill();
    await kafka.restart();
    const consumer = new Consumer({
      groupId: "test",
      clientId: "test",
      bootstrapBrokers: [kafka.address()],
      deserializers: stringDeserializers,
    });
    const stream = await consumer.consume({ topics: ["kept"], mode: MessagesStreamModes.EARLIEST });
    const found: string[] = [];
    for await (const message of stream) {
      if (found.push((JSON.parse(message.value) as { codec: string }).codec) === codecs.length) break;
    }
    await consumer.close(true);
    assert.deepEqual(found.toSorted(), codecs.toSorted());
  });

  const tls = () => ({ ca: readFileSync(kafka.certificates.path("ca.crt")) });
  const clientTls = () => ({
    ...tls(),
    cert: readFileSync(kafka.certificates.path("client.crt")),
    key: readFileSync(kafka.certificates.path("client.key")),
  });
  const login = (mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512") => ({
    sasl: { mechanism, username: KAFKA_USER.name, password: KAFKA_USER.password },
  });
  const ways = [
    ["TLS with a certificate of the client", "SSL", () => ({ tls: clientTls() })],
    ["a password in plain text", "SASL_PLAINTEXT", () => login("PLAIN")],
    ["SCRAM with SHA-256", "SASL_PLAINTEXT", () => login("SCRAM-SHA-256")],
    ["SCRAM with SHA-512 over TLS", "SASL_SSL", () => ({ tls: tls(), ...login("SCRAM-SHA-512") })],
  ] as const;
  for (const [what, listener, security] of ways) {
    test(`lets in by ${what}`, async () => {
      await kafka.createTopic(`by-${what.replaceAll(" ", "-")}`);
      const producer = new Producer({
        clientId: "test",
        bootstrapBrokers: [kafka.address(listener)],
        serializers: stringSerializers,
        ...security(),
      });
      const { offsets } = await producer.send({ messages: [{ topic: `by-${what.replaceAll(" ", "-")}`, value: "1" }] });
      await producer.close();
      assert.deepEqual(
        offsets?.map(({ offset }) => offset),
        [0n],
      );
    });
  }
});
