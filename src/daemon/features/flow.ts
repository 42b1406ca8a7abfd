import type { Feature } from "../../collectors/collector.ts";
import { FlowCollector } from "../../collectors/flow/flow-collector.ts";
import { FlowIntake } from "../../collectors/flow/flow-intake.ts";
import { FlowLedger } from "../../collectors/flow/flow-ledger.ts";
import { SlotLabels } from "../../collectors/flow/slot-labels.ts";
import type { Config } from "../../config/config.ts";
import { log } from "../../log.ts";
import type { FeatureKind } from "./feature.ts";

/** Flow records from Kafka. */
export const flowKind: FeatureKind = {
  isWanted: ({ flow }) => flow !== null,

  async start(config: Config): Promise<Feature> {
    const flow = config.flow!;
    const { topic, maxSeries } = flow;
    if (flow.ownAs === 0) log.warn("no AS is ours: give its number with --flow-asn", { topic });
    const names = { count: 0, edition: 0, isSound: true, nameOf: () => "", refresh: async () => {} };
    const ledger = new FlowLedger({ ...flow, seed: Math.floor(Math.random() * 2 ** 31) });
    const intake = new FlowIntake(ledger, flow.applySampling, ({ partition, offset, reason }) =>
      log.warn("couldn't count a record; others like it are only counted for a minute", {
        topic,
        partition,
        offset,
        reason,
      }),
    );
    // The client of Kafka is large: who has no use for it does not wait for it.
    const { Consumer } = await import("../../collectors/flow/kafka/consumer.ts");
    const source = new Consumer({ ...flow, brokers: config.flowBrokers! }, intake, {
      connected(error) {
        if (error === undefined) log.info("connected to Kafka", { topic });
        else log.error("couldn't read from Kafka", { topic, error });
      },
      assigned: (partitions) => log.info("reading partitions", { topic, partitions: partitions.join(",") }),
    });
    const labels = new SlotLabels(ledger, flow.labels, names);
    return {
      collectors: [new FlowCollector({ source, intake, ledger, labels, names, maxSeries })],
      keeps: [],
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    };
  },

  async check(config: Config): Promise<string[]> {
    return [`would read flows from ${config.flow!.topic}`];
  },
};
