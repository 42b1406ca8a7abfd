import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  committedOffsets,
  counted,
  Feed,
  flows,
  isDone,
  kafkaOptions,
  partitionsOf,
  startFlows,
  timesCounted,
} from "../support/flows.ts";
import { Kafka } from "../support/kafka.ts";
import { until } from "../support/waiting.ts";

/** More than the feed sends. */
const MANY_SERIES = ["--flow-labels", "id", "--flow-max-series", "1000000"];
/** After the session of an instance that died has ended. */
const TAKEOVER_MS = 60_000;

/** What an instance that was killed had counted when it was last asked, and not yet committed. */
interface Death {
  sent: number;
  times: Map<number, number>;
  uncommitted: number;
}

describe("flows from Kafka, when something fails", kafkaOptions, () => {
  let kafka: Kafka;
  before(async () => {
    kafka = await Kafka.start();
  });
  after(async () => kafka[Symbol.asyncDispose]());

  /**
   * Kills one of two instances while flows come in, and adds another. Undefined if it committed something between
   * its last page and its death: what that was nobody can tell.
   */
  async function killOne(topic: string): Promise<Death | undefined> {
    const flags = ["--flow-group", topic, "--flow-from", "earliest", ...MANY_SERIES];
    await using feed = await Feed.start(kafka, topic);
    await using victim = await startFlows(kafka, topic, ...flags);
    await using survivor = await startFlows(kafka, topic, ...flags);
    for (const each of [victim, survivor]) {
      await each.pageWhere("it has its share", (page) => partitionsOf(page).length === 3);
    }
    const before = counted(await victim.page()).packets;
    await victim.pageWhere("it counts", (page) => counted(page).packets > before + 1000);
    const last = await victim.page();
    await victim.kill();
    const committed = await committedOffsets(kafka, topic, topic);
    await using late = await startFlows(kafka, topic, ...flags);
    for (const each of [survivor, late]) {
      await each.pageWhere("it has its share", (page) => partitionsOf(page).length === 3, TAKEOVER_MS);
    }
    const sent = await feed.stop();
    const isAll = async () => {
      const pages = await Promise.all([survivor.page(), late.page()]);
      return pages.every(isDone) ? pages : undefined;
    };
    const pages = await until("all is counted", isAll);
    const lost = partitionsOf(last).map((partition) => {
      const ids = [...timesCounted(last).keys()].filter((id) => Feed.partitionOf(id) === partition);
      const position = Math.max(...ids.map((id) => Feed.offsetOf(id))) + 1;
      return position - committed.get(partition)!;
    });
    if (lost.some((count) => count < 0)) return undefined;
    const uncommitted = lost.reduce((total, count) => total + count, 0);
    return { sent, times: timesCounted(last, ...pages), uncommitted };
  }

  test("lose no record when an instance dies, and count twice only what it had not committed", async () => {
    let attempts = 0;
    let death: Death | undefined;
    while (death === undefined && attempts < 5) death = await killOne(`death-${++attempts}`);
    assert.ok(death !== undefined, "it always committed just before its death");
    const { sent, times, uncommitted } = death;
    const missing = Array.from({ length: sent }, (_, id) => id).filter((id) => !times.has(id));
    assert.deepEqual(missing, []);
    const twice = [...times.values()].reduce((total, count) => total + count - 1, 0);
    assert.ok(twice <= uncommitted, `${twice} counted twice, ${uncommitted} not committed`);
  });

  test("lose no record when the broker is killed; the page is served meanwhile, and tells", async () => {
    await using feed = await Feed.start(kafka, "crash");
    await using promtap = await startFlows(
      kafka,
      "crash",
      "--flow-group",
      "crash",
      "--flow-from",
      "earliest",
      ...MANY_SERIES,
    );
    await promtap.pageWhere("it counts", (page) => counted(page).packets > 1000);
    await kafka.kill();
    const away = await promtap.pageWhere("it knows", (page) => page.value("promtap_flow_up") === 0);
    assert.ok(counted(away).packets > 1000);
    await kafka.restart();
    await promtap.pageWhere("it is up", (page) => page.value("promtap_flow_up") === 1, TAKEOVER_MS);
    const further = feed.acknowledged;
    await until("the feed goes on", () => feed.acknowledged > further);
    const sent = await feed.stop();
    const page = await promtap.pageWhere("all is counted", (each) => timesCounted(each).size >= sent && isDone(each));
    assert.equal(timesCounted(page).size, sent);
    assert.ok(page.value("promtap_flow_reconnects_total")! > 0);
    const { stderr } = await promtap.stop();
    assert.match(stderr, /couldn't read from Kafka/);
  });

  test("wait for a topic that is not there yet", async () => {
    await using promtap = await startFlows(kafka, "later", "--flow-group", "later", "--flow-from", "earliest");
    await promtap.pageWhere("it has tried", (page) => page.value("promtap_flow_reconnects_total")! > 0);
    await kafka.createTopic("later");
    const sent = flows(10);
    await kafka.produce("later", sent.lines);
    const page = await promtap.pageWhere("all is counted", (each) => counted(each).packets >= 10, TAKEOVER_MS);
    assert.deepEqual(counted(page), { packets: 10, bytes: sent.bytes });
    assert.match((await promtap.stop()).stderr, /there is no topic later/);
  });
});
