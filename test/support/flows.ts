import { setTimeout as delay } from "node:timers/promises";
import { Producer, stringSerializers } from "@platformatic/kafka";
import type { Kafka } from "./kafka.ts";
import type { Page } from "./page.ts";
import { RunningPromtap } from "./promtap.ts";
import { lacking } from "./requirements.ts";

/** The AS that is ours in the tests of flows, and one that is not. */
export const OWN_AS = 64500;
export const OTHER_AS = 64501;

/** Options of tests with a broker, which takes its time: skipped if none can be run. */
export const kafkaOptions = { skip: lacking("kafka", "openssl", "setpriv"), timeout: 240_000 };

/** Of a topic that is fed. */
const FEED_PARTITIONS = 6;
/** What one sending of a feed holds. */
const FEED_FLOWS = 60;
/** In which what was last sent must be acknowledged. */
const FEED_END_MS = 30_000;

/** Flows that were sent, as their sender knows them. */
export interface Sent {
  lines: string[];
  bytes: number;
}

/** Flows from our AS to the other, of `count` different sizes, with a number each under `id`, from `first` on. */
export function flows(count: number, first = 0): Sent {
  const lines: string[] = [];
  let bytes = 0;
  for (let id = first; id < first + count; id++) {
    bytes += id + 1;
    lines.push(
      JSON.stringify({ event_type: "purge", as_src: OWN_AS, as_dst: OTHER_AS, id, packets: 1, bytes: id + 1 }),
    );
  }
  return { lines, bytes };
}

/** A promtap that counts the flows of a topic. */
export function startFlows(kafka: Kafka, topic: string, ...flags: readonly string[]): Promise<RunningPromtap> {
  return RunningPromtap.start(undefined, [...topicFlags(kafka, topic), ...flags]);
}

/** Flags that count all of a topic, from its first record on, by nobody's group. */
export function wholeTopicFlags(kafka: Kafka, topic: string, labels: string): string[] {
  const whole = ["--flow-partitions", "all", "--flow-from", "earliest"];
  return [...topicFlags(kafka, topic), ...whole, "--flow-labels", labels];
}

function topicFlags(kafka: Kafka, topic: string): string[] {
  return ["--flow-brokers", kafka.address(), "--flow-topic", topic, "--flow-asn", `${OWN_AS}`];
}

/** What has been counted of flows from our AS, on all pages together. */
export function counted(...pages: readonly Page[]): { packets: number; bytes: number } {
  const sum = (name: string): number => pages.reduce((total, page) => total + page.sum(name), 0);
  return { packets: sum("flow_transmit_packets_total"), bytes: sum("flow_transmit_bytes_total") };
}

/** How often each flow was counted, by the number that `flows` gave it; for `--flow-labels id`. */
export function timesCounted(...pages: readonly Page[]): Map<number, number> {
  const times = new Map<number, number>();
  for (const { samples } of pages) {
    for (const [series, value] of samples) {
      const id = /^flow_transmit_packets_total\{id="(\d+)"\}$/.exec(series)?.[1];
      if (id !== undefined) times.set(Number(id), (times.get(Number(id)) ?? 0) + value);
    }
  }
  return times;
}

/** Whether all that is in the partitions of a promtap has been counted; it must have some. */
export function isDone(page: Page): boolean {
  return page.value("promtap_flow_up") === 1 && page.sum("promtap_flow_lag_messages") === 0;
}

/** Partitions that a promtap reads. */
export function partitionsOf(page: Page): number[] {
  const series = [...page.samples.keys()].filter((each) => each.startsWith("promtap_flow_lag_messages{"));
  return series.map((each) => Number(/partition="(\d+)"/.exec(each)?.[1])).toSorted((a, b) => a - b);
}

/**
 * Sends flows all the time, one sending when the last was acknowledged, round and round the partitions: flow `id` has
 * offset ⌊id / partitions⌋ in partition id mod partitions.
 */
export class Feed implements AsyncDisposable {
  /** Flows that were acknowledged: those with a number below it. */
  acknowledged = 0;
  readonly #producer: ReturnType<typeof producerOf>;
  readonly #topic: string;
  readonly #running: Promise<void>;
  #isOver = false;

  private constructor(kafka: Kafka, topic: string) {
    this.#topic = topic;
    this.#producer = producerOf(kafka);
    this.#running = this.#run();
  }

  /** Makes the topic and begins. */
  static async start(kafka: Kafka, topic: string): Promise<Feed> {
    await kafka.createTopic(topic, FEED_PARTITIONS);
    return new Feed(kafka, topic);
  }

  static partitionOf(id: number): number {
    return id % FEED_PARTITIONS;
  }

  static offsetOf(id: number): number {
    return Math.floor(id / FEED_PARTITIONS);
  }

  /** Ends it; resolves to the number of flows sent. Throws if the last of them were not acknowledged. */
  async stop(): Promise<number> {
    this.#isOver = true;
    const isOver = this.#running.then(() => true);
    if (!(await Promise.race([isOver, delay(FEED_END_MS, false, { ref: false })]))) {
      throw new Error(`what was fed was not acknowledged within ${FEED_END_MS} ms`);
    }
    return this.acknowledged;
  }

  /** Ends it, whatever may be under way: the client would go on trying for ever. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#running.catch(() => {});
    await this.#producer.close(true);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const { lines } = flows(FEED_FLOWS, this.acknowledged);
      const messages = lines.map((value, index) => ({
        topic: this.#topic,
        partition: Feed.partitionOf(this.acknowledged + index),
        value,
      }));
      await this.#producer.send({ messages });
      this.acknowledged += lines.length;
    }
  }
}

function producerOf(kafka: Kafka) {
  return new Producer({
    clientId: "promtap-test",
    bootstrapBrokers: [kafka.address()],
    serializers: stringSerializers,
    idempotent: true,
    retryDelay: 100,
  });
}

/** Sends flows at once, one by one to each of so many partitions: sooner done than Kafka's own producer has started. */
export async function sendFlows(kafka: Kafka, topic: string, { lines }: Sent, partitions: number): Promise<void> {
  const producer = producerOf(kafka);
  await producer.send({ messages: lines.map((value, k) => ({ topic, partition: k % partitions, value })) });
  await producer.close();
}

/** The committed offsets of a group, by partition. */
export async function committedOffsets(kafka: Kafka, group: string, topic: string): Promise<Map<number, number>> {
  const groups = await kafka.administer((admin) => admin.listConsumerGroupOffsets({ groups: [group] }));
  const topics = groups.flatMap((each) => each.topics).filter(({ name }) => name === topic);
  const partitions = topics.flatMap((each) => each.partitions);
  return new Map(partitions.map((each) => [each.partitionIndex, Number(each.committedOffset)]));
}
