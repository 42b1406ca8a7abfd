import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { counted, flows, isDone, kafkaOptions, OWN_AS } from "../support/flows.ts";
import { Kafka, KAFKA_USER, type KafkaListener } from "../support/kafka.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const TOPIC = "secured";
const RECOVERY_MS = 60_000;

describe("flows from a Kafka that asks who we are", kafkaOptions, () => {
  const sent = flows(100);
  const folder = new TemporaryFolder();
  const password = join(folder.path, "password");
  let kafka: Kafka;
  before(async () => {
    writeFileSync(password, `${KAFKA_USER.password}\n`);
    kafka = await Kafka.start();
    await kafka.createTopic(TOPIC);
    await kafka.produce(TOPIC, sent.lines);
  });
  after(async () => {
    await kafka[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const start = (listener: KafkaListener, ...flags: readonly string[]) =>
    RunningPromtap.start(undefined, [
      "--flow-brokers",
      kafka.address(listener),
      "--flow-topic",
      TOPIC,
      "--flow-asn",
      `${OWN_AS}`,
      "--flow-partitions",
      "all",
      "--flow-from",
      "earliest",
      ...flags,
    ]);
  const path = (name: string) => kafka.certificates.path(name);
  const login = (mechanism: string, file = password) => [
    "--flow-sasl",
    mechanism,
    "--flow-sasl-user",
    KAFKA_USER.name,
    "--flow-sasl-password-file",
    file,
  ];
  const certificate = () => ["--flow-tls-cert", path("client.crt"), "--flow-tls-key", path("client.key")];

  const ways: [what: string, listener: KafkaListener, flags: () => string[]][] = [
    ["TLS and a certificate", "SSL", () => ["--flow-tls", "--flow-tls-ca", path("ca.crt"), ...certificate()]],
    ["SASL PLAIN", "SASL_PLAINTEXT", () => login("PLAIN")],
    ["SASL SCRAM-SHA-256", "SASL_PLAINTEXT", () => login("SCRAM-SHA-256")],
    ["SASL SCRAM-SHA-512", "SASL_PLAINTEXT", () => login("SCRAM-SHA-512")],
    ["SASL over TLS", "SASL_SSL", () => ["--flow-tls-ca", path("ca.crt"), ...login("SCRAM-SHA-512")]],
  ];
  for (const [what, listener, flags] of ways) {
    test(`are counted by way of ${what}`, async () => {
      await using promtap = await start(listener, ...flags());
      const page = await promtap.pageWhere("all is counted", (each) => isDone(each) && counted(each).packets >= 100);
      assert.deepEqual(counted(page), { packets: 100, bytes: sent.bytes });
      assert.doesNotMatch((await promtap.stop()).stderr, /level=error/);
    });
  }

  for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]) {
    test(`wait for the right password if ${mechanism} is given a wrong one`, async () => {
      const file = join(folder.path, mechanism);
      writeFileSync(file, "wrong\n");
      await using promtap = await start("SASL_PLAINTEXT", ...login(mechanism, file));
      const refused = await promtap.pageWhere("it tries again", (page) => {
        return page.value("promtap_flow_reconnects_total")! >= 2;
      });
      assert.equal(refused.value("promtap_flow_up"), 0);
      writeFileSync(file, KAFKA_USER.password);
      await promtap.pageWhere("all is counted", (each) => counted(each).packets >= 100, RECOVERY_MS);
      const { stderr } = await promtap.stop();
      assert.match(stderr, /couldn't read from Kafka.*[Aa]uthentication failed/);
      assert.doesNotMatch(stderr, /wrong/);
    });
  }

  const refusals: [what: string, listener: KafkaListener, flags: () => string[], message: RegExp][] = [
    [
      "an authority that is not theirs",
      "SASL_SSL",
      () => ["--flow-tls-ca", path("stranger.crt"), ...login("PLAIN")],
      /certificate/,
    ],
    ["no authority at all", "SASL_SSL", () => ["--flow-tls", ...login("PLAIN")], /certificate/],
    ["no certificate of ours", "SSL", () => ["--flow-tls-ca", path("ca.crt")], /couldn't read from Kafka/],
    ["no password", "SASL_PLAINTEXT", () => [], /couldn't read from Kafka/],
    ["a password file that is not there", "SASL_PLAINTEXT", () => login("PLAIN", "/nowhere"), /\/nowhere/],
    ["plain text if it is TLS", "SSL", () => [], /couldn't read from Kafka/],
  ];
  for (const [what, listener, flags, message] of refusals) {
    test(`are not counted with ${what}, which is told and tried again`, async () => {
      await using promtap = await start(listener, ...flags());
      const page = await promtap.pageWhere(
        "it tries again",
        (each) => each.value("promtap_flow_reconnects_total")! >= 2,
        RECOVERY_MS,
      );
      assert.equal(page.value("promtap_flow_up"), 0);
      assert.equal(counted(page).packets, 0);
      assert.match((await promtap.stop()).stderr, message);
    });
  }
});
