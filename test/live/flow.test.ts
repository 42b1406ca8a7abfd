import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  counted,
  flows,
  isDone,
  kafkaOptions,
  OTHER_AS,
  OWN_AS,
  partitionsOf,
  sendFlows,
  startFlows,
  timesCounted,
} from "../support/flows.ts";
import { Kafka } from "../support/kafka.ts";
import type { Page } from "../support/page.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

describe("flows from a real Kafka", kafkaOptions, () => {
  let kafka: Kafka;
  before(async () => {
    kafka = await Kafka.start();
  });
  after(async () => kafka[Symbol.asyncDispose]());

  test("are counted once, from the first on, and over a restart", async () => {
    await kafka.createTopic("restart", 3);
    const [first, second] = [flows(5000), flows(5000, 5000)];
    await kafka.produce("restart", first.lines);
    {
      await using promtap = await startFlows(kafka, "restart", "--flow-from", "earliest");
      const page = await promtap.pageWhere("all is counted", (each) => counted(each).packets >= 5000);
      assert.deepEqual(counted(page), { packets: 5000, bytes: first.bytes });
    }
    await kafka.produce("restart", second.lines);
    await using promtap = await startFlows(kafka, "restart");
    // A page has the messages that were read when it began, and the series a little later.
    const isRead = (page: Page): boolean => page.value("promtap_flow_messages_total") === 5000;
    const page = await promtap.pageWhere("all is counted", isRead);
    assert.deepEqual(counted(page), { packets: 5000, bytes: second.bytes });
  });

  for (const [name, flags] of Object.entries({
    kept: ["--flow-partitions", "all"],
    "kept-group": ["--flow-group", "kept-group"],
  })) {
    test(`are counted once, and none is lost, if it is killed with the state of a while ago: ${name}`, async () => {
      using folder = new TemporaryFolder();
      await kafka.createTopic(name, 2);
      const state = ["--state", join(folder.path, "state"), "--state-interval=3600", "--flow-labels", "id"];
      const start = () => startFlows(kafka, name, ...flags, "--flow-from", "earliest", ...state);
      await sendFlows(kafka, name, flows(500), 2);
      {
        await using first = await start();
        await first.pageWhere("all is counted", (page) => counted(page).packets === 500);
      }
      {
        await using second = await start();
        assert.equal(counted(await second.page()).packets, 500);
        await sendFlows(kafka, name, flows(500, 500), 2);
        // What is committed is more than the file knows of then.
        const isCommitted = (page: Page): boolean =>
          name === "kept" || page.sum("promtap_flow_committed_offset") === 1000;
        await second.pageWhere("all is counted", (page) => counted(page).packets === 1000 && isCommitted(page));
        await second.kill();
      }
      if (name !== "kept") {
        await kafka.administer((admin) => admin.removeMembersFromConsumerGroup({ groupId: name, members: null }));
      }
      await sendFlows(kafka, name, flows(500, 1000), 2);
      await using third = await start();
      const page = await third.pageWhere("all is counted", (each) => counted(each).packets >= 1500 && isDone(each));
      assert.deepEqual(counted(page), { packets: 1500, bytes: flows(1500).bytes });
      assert.ok([...timesCounted(page).values()].every((times) => times === 1));
    });
  }

  test("are counted from the newest on if nothing was committed", async () => {
    await kafka.createTopic("latest", 2);
    await kafka.produce("latest", flows(100).lines);
    await using promtap = await startFlows(kafka, "latest", "--flow-group", "latest");
    await promtap.pageWhere("it reads", isDone);
    const sent = flows(100, 100);
    await kafka.produce("latest", sent.lines);
    const page = await promtap.pageWhere("the new ones are counted", (each) => counted(each).packets >= 100);
    assert.deepEqual(counted(page), { packets: 100, bytes: sent.bytes });
  });

  test("are read in every compression that Kafka's own producer knows", async () => {
    const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    await kafka.createTopic("codecs");
    for (const [index, codec] of codecs.entries()) {
      await kafka.produce("codecs", flows(2000, index * 2000).lines, { "compression.type": codec });
    }
    const { bytes } = flows(2000 * codecs.length);
    await using promtap = await startFlows(kafka, "codecs", "--flow-from", "earliest", "--flow-group", "codecs");
    const page = await promtap.pageWhere("all is counted", (each) => counted(each).packets >= 2000 * codecs.length);
    assert.deepEqual(counted(page), { packets: 2000 * codecs.length, bytes });
    assert.equal(page.value("promtap_flow_damaged_batches_total"), 0);
  });

  test("are told from what is no flow, which stops nothing", async () => {
    await kafka.createTopic("poison");
    const good = `{"as_src": ${OWN_AS}, "as_dst": ${OTHER_AS}, "packets": 1, "bytes": 10}`;
    await kafka.produce("poison", [
      good,
      "not json at all",
      '{"as_src": 64500',
      "[1, 2]",
      "7",
      `{"as_src": ${OWN_AS}, "packets": 1}`,
      `{"as_src": ${OWN_AS}, "packets": 1, "bytes": -5}`,
      `{"as_src": ${OWN_AS}, "packets": 1, "bytes": 1e300}`,
      `{"as_src": ${OWN_AS}, "packets": 1, "bytes": "many"}`,
      '{"event_type": "purge_init", "writer_id": "1"}',
      '{"event_type": "purge_close", "writer_id": "1"}',
      `{"as_src": "${OWN_AS}", "label": {"nkey": "100.1"}, "packets": "1", "bytes": 5000000000}`,
      good,
    ]);
    await using promtap = await startFlows(kafka, "poison", "--flow-from", "earliest", "--flow-group", "poison");
    const page = await promtap.pageWhere("all is read", (each) => each.value("promtap_flow_messages_total") === 13);
    assert.deepEqual(counted(page), { packets: 3, bytes: 5_000_000_020 });
    const refused = (reason: string) => page.value(`promtap_flow_refused_records_total{reason="${reason}"}`);
    assert.deepEqual(
      ["not_json", "not_an_object", "no_bytes", "negative", "too_large", "not_a_number"].map(refused),
      [2, 3, 1, 1, 1, 1],
    );
    assert.equal(page.value("promtap_flow_markers_total"), 2);
    const { stderr } = await promtap.stop();
    assert.equal(stderr.match(/couldn't count a record/g)?.length, 1);
    assert.match(stderr, /partition=0 offset=1 /);
  });

  test("are read from fixed partitions without a group", async () => {
    await kafka.createTopic("fixed", 3);
    await using even = await startFlows(kafka, "fixed", "--flow-partitions", "0,2", "--flow-from", "earliest");
    await using odd = await startFlows(kafka, "fixed", "--flow-partitions", "1", "--flow-from", "earliest");
    await using all = await startFlows(kafka, "fixed", "--flow-partitions", "all", "--flow-from", "earliest");
    const sent = flows(3000);
    // Small batches, so that all partitions get some.
    await kafka.produce("fixed", sent.lines, { "batch.size": "1000", "linger.ms": "0" });
    const page = await all.pageWhere("all is counted", (each) => counted(each).packets >= 3000);
    assert.deepEqual(counted(page), { packets: 3000, bytes: sent.bytes });
    assert.deepEqual(partitionsOf(page), [0, 1, 2]);
    const pages = await Promise.all([even, odd].map((each) => each.pageWhere("it is done", isDone)));
    assert.deepEqual(pages.map(partitionsOf), [[0, 2], [1]]);
    assert.deepEqual(counted(...pages), { packets: 3000, bytes: sent.bytes });
    assert.ok(pages.every((each) => counted(each).packets > 0));
    assert.equal(page.sum("promtap_flow_committed_offset"), 0);
  });

  test("are shared out among the instances of a group, which come and go in order, and counted once", async () => {
    await kafka.createTopic("shared", 6);
    const flags = ["--flow-group", "shared", "--flow-from", "earliest", "--flow-labels", "id"];
    await using first = await startFlows(kafka, "shared", ...flags);
    await using second = await startFlows(kafka, "shared", ...flags);
    await using third = await startFlows(kafka, "shared", ...flags);
    const instances = [first, second, third];
    const shares = () =>
      Promise.all(
        instances.map((each) => each.pageWhere("it has its share", (page) => partitionsOf(page).length === 2)),
      );
    const taken = (await shares()).flatMap(partitionsOf);
    assert.deepEqual(
      taken.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    );
    const small = { "batch.size": "1000", "linger.ms": "0" };
    await kafka.produce("shared", flows(3000).lines, small);
    const { stderr } = await third.stop();
    assert.doesNotMatch(stderr, /level=error/);
    const left = await Promise.all(
      [first, second].map((each) =>
        each.pageWhere("it has its share", (page) => partitionsOf(page).length === 3 && isDone(page)),
      ),
    );
    // What the third had counted went with it, as its series in Prometheus would not have.
    assert.ok([...timesCounted(...left).values()].every((times) => times === 1));
    await kafka.produce("shared", flows(3000, 3000).lines, small);
    const isAll = async () => {
      const pages = await Promise.all([first.page(), second.page()]);
      const times = timesCounted(...pages);
      return flows(3000, 3000).lines.every((_, index) => times.get(3000 + index) === 1) ? times : undefined;
    };
    const times = await until("the rest is counted", isAll);
    assert.ok([...times.values()].every((each) => each === 1));
  });
});
