import { hostname } from "node:os";
import { Links } from "../../capture/links.ts";
import { ProduceCollector } from "./produce.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import type { CheckHost, FeatureKind } from "../feature.ts";
import type { RecordSource } from "./record-source.ts";
import { TrafficRecords } from "./traffic-records.ts";
import { type ProduceConfig, produceSection } from "./section.ts";

/** Interfaces whose index is known: all that there are, and those that went and may have something to be written. */
const KEPT_INDEXES = 65_536;

/** The accounting of traffic, as flow records to Kafka. */
export const produceFeature: FeatureKind<ProduceConfig> = {
  section: produceSection,

  async start({ brokers, topic, intervalMs, ownAs, isReceiving }, host) {
    if (!isReceiving) refuseUncounted(host);
    const { source, ledger, log, accounting, isCounted } = host;
    // The client of Kafka is large: it is loaded only if it is used.
    const { Producer } = await import("../../kafka/producer.ts");
    const producer = new Producer({ brokers, topic, createsTopic: true }, (error) => {
      if (error === undefined) log.info("writing to Kafka", { topic });
      else log.error("couldn't write to Kafka", { topic, error });
    });
    // The interfaces of a file are not those of this host.
    const links = isCounted && host.readPath === null ? Links.open() : undefined;
    const indexes = new Map<string, number>();
    const remember = (name: string, index: number): void => {
      indexes.delete(name);
      indexes.set(name, index);
      if (indexes.size > KEPT_INDEXES) indexes.delete(indexes.keys().next().value!);
    };
    const rememberAll = (): void => {
      for (const { name, index } of links?.all() ?? []) remember(name, index);
    };
    rememberAll();
    links?.watch(rememberAll);
    const context = { label: hostname(), ownAs, indexes: () => indexes };
    const turn = accounting.takeTurn();
    const captured = isCounted ? [new TrafficRecords(source, turn.differencesOf(ledger), context)] : [];
    const sources = {
      all: () => (turn.isMine ? [...captured, ...accounting.received()] : []),
      forget: (each: RecordSource) => accounting.forget(each),
    };
    const collector = new ProduceCollector(sources, producer, intervalMs);
    return {
      collectors: [collector],
      keeps: [],
      async [Symbol.asyncDispose]() {
        await collector[Symbol.asyncDispose]();
        turn[Symbol.dispose]();
        await producer[Symbol.asyncDispose]();
        links?.[Symbol.dispose]();
      },
    };
  },

  async check({ brokers, topic, intervalMs, isReceiving }, host) {
    if (!isReceiving) refuseUncounted(host);
    const { checkTopic } = await import("../../kafka/producer.ts");
    try {
      const partitions = await checkTopic({ brokers, topic }, null);
      const state = partitions === undefined ? "is not there yet" : `has ${partitions} partitions`;
      return [`would write flow records to ${topic}, which ${state}, every ${intervalMs / 1000} s`];
    } catch (error) {
      throw new PromtapError(ErrorCode.HOST, `couldn't write to Kafka: ${messageOf(error)}`, { cause: error });
    }
  },
};

function refuseUncounted({ isCounted }: CheckHost): void {
  if (isCounted) return;
  throw new PromtapError(
    ErrorCode.USAGE,
    "--flow-produce needs -i or --flow-listen here: nothing is counted that could be written",
  );
}
