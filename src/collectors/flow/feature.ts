import { AsNames } from "./as-names/as-names.ts";
import { FlowCollector } from "./flow-collector.ts";
import { FlowIntake } from "./flow-intake.ts";
import { FlowLedger } from "./flow-ledger.ts";
import { SlotLabels } from "./slot-labels.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import { readAsset } from "../../native/asset.ts";
import type { FeatureKind, FeatureLog } from "../feature.ts";
import { type FlowConfig, flowSection } from "./section.ts";

/** Flow records from Kafka. */
export const flowFeature: FeatureKind<FlowConfig> = {
  section: flowSection,
  standsAlone: "flow-topic",

  async start(flow, { log }) {
    const { topic, maxSeries } = flow;
    if (flow.ownAs === 0) log.warn("no AS is ours: give its number with --flow-asn", { topic });
    const names = await openNames(flow.asNamesPath, log);
    const ledger = new FlowLedger(flow);
    const intake = new FlowIntake(ledger, flow.applySampling, (refusal) =>
      log.warn("couldn't count a record; others are not logged for a minute", { topic, ...refusal }),
    );
    // The client of Kafka is large: it is loaded only if it is used.
    const { Consumer } = await import("../../kafka/consumer/consumer.ts");
    const source = new Consumer(flow, intake, {
      changed(error) {
        if (error === undefined) log.info("reading from Kafka", { topic });
        else log.error("couldn't read from Kafka", { topic, error });
      },
      assigned: (partitions) => log.info("got partitions", { topic, partitions: partitions.join(",") }),
    });
    const labels = new SlotLabels(ledger.sets, flow.labels, names);
    return {
      collectors: [new FlowCollector({ source, intake, ledger, labels, names, maxSeries })],
      keeps: [],
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    };
  },

  async check({ brokers, topic, group, partitions, asNamesPath }, { log }) {
    const names = await openNames(asNamesPath, log);
    const { checkTopic } = await import("../../kafka/consumer/consumer.ts");
    try {
      const count = await checkTopic({ brokers, topic }, group);
      if (count === undefined) throw new Error(`there is no topic ${topic}`);
      const who = group === null ? "without a group" : `in the group ${group}`;
      const which = partitions === null || partitions === "all" ? "" : `: ${partitions.join(",")}`;
      return [
        `would read flows from ${topic}, which has ${count} partitions, ${who}${which}`,
        `names of ASes: ${names.count}`,
      ];
    } catch (error) {
      throw new PromtapError(ErrorCode.HOST, `couldn't read from Kafka: ${messageOf(error)}`, { cause: error });
    }
  },
};

function openNames(path: string | null, log: FeatureLog): Promise<AsNames> {
  if (path === null) return AsNames.carried(readAsset("as-names.txt.zst"));
  return AsNames.open(path, (error) => {
    if (error === undefined) log.info("names of ASes read again", { path });
    else log.error("names of ASes changed, those before stay in use", { path, error });
  });
}
