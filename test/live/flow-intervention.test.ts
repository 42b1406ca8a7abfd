import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { counted, flows, isDone, kafkaOptions, partitionsOf, startFlows } from "../support/flows.ts";
import type { Kafka } from "../support/kafka.ts";
import { type LossyProxy, OFFSET_FETCH, startKafkaBehindProxy } from "../support/lossy-proxy.ts";
import { RunningPromtap } from "../support/promtap.ts";

describe("flows by way of servers that fail", kafkaOptions, () => {
  let kafka: Kafka;
  let proxy: LossyProxy;
  before(async () => {
    ({ kafka, proxy } = await startKafkaBehindProxy(OFFSET_FETCH));
  });
  after(async () => {
    await kafka[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  test("are read if the connection is lost between getting partitions and learning where to read them", async () => {
    await kafka.createTopic("cut", 3);
    proxy.left = 1;
    await using promtap = await startFlows(kafka, "cut", "--flow-group", "cut", "--flow-from", "earliest");
    const sent = flows(300);
    await kafka.produce("cut", sent.lines);
    const page = await promtap.pageWhere("all is counted", (each) => counted(each).packets >= 300);
    assert.deepEqual(counted(page), { packets: 300, bytes: sent.bytes });
    assert.equal(proxy.left, 0);
    assert.deepEqual(partitionsOf(page), [0, 1, 2]);
  });

  test("are read from a broker that answers when the first of those that are named never does", async () => {
    await kafka.createTopic("silent");
    await using silent = new AsyncDisposableStack();
    const server = createServer((socket) => {
      socket.on("error", () => {});
      silent.defer(() => void socket.destroy());
    });
    silent.defer(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const sent = flows(10);
    await kafka.produce("silent", sent.lines);
    const brokers = ["--flow-brokers", `127.0.0.1:${port},${kafka.address()}`];
    const what = ["--flow-topic", "silent", "--flow-group", "silent", "--flow-from", "earliest"];
    await using promtap = await RunningPromtap.start(undefined, [...brokers, ...what]);
    await promtap.pageWhere("all is read", (page) => isDone(page) && page.value("promtap_flow_records_total") === 10);
  });
});
