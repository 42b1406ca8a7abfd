import type { Feature } from "../../collectors/collector.ts";
import { AsNames } from "../../collectors/flow/as-names/as-names.ts";
import { FlowCollector } from "../../collectors/flow/flow-collector.ts";
import { FlowIntake } from "../../collectors/flow/flow-intake.ts";
import { FlowLedger } from "../../collectors/flow/flow-ledger.ts";
import { SlotLabels } from "../../collectors/flow/slot-labels.ts";
import type { Config } from "../../config/config.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import { log } from "../../log.ts";
import { readAsset } from "../../native/asset.ts";
import type { FeatureKind } from "./feature.ts";

/** In which brokers must answer to a check. */
const CHECK_MS = 10_000;

/** Flow records from Kafka. */
export const flowKind: FeatureKind = {
  async start(config: Config): Promise<Feature> {
    const flow = config.flow!;
    const { topic, maxSeries } = flow;
    if (flow.ownAs === 0) log.warn("no AS is ours: give its number with --flow-asn", { topic });
    const names = await openNames(flow.asNamesPath);
    const ledger = new FlowLedger({ ...flow, seed: Math.floor(Math.random() * 2 ** 31) });
    const intake = new FlowIntake(ledger, flow.applySampling, (refusal) =>
      log.warn("couldn't count a record; others are not logged for a minute", { topic, ...refusal }),
    );
    // The client of Kafka is large: who has no use for it does not wait for it.
    const { Consumer } = await import("../../collectors/flow/kafka/consumer.ts");
    const source = new Consumer({ ...flow, brokers: config.flowBrokers! }, intake, {
      changed(error) {
        if (error === undefined) log.info("reading from Kafka", { topic });
        else log.error("couldn't read from Kafka", { topic, error });
      },
      assigned: (partitions) => log.info("got partitions", { topic, partitions: partitions.join(",") }),
    });
    const labels = new SlotLabels(ledger, flow.labels, names);
    return {
      collectors: [new FlowCollector({ source, intake, ledger, labels, names, maxSeries })],
      keeps: [],
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    };
  },

  async check(config: Config): Promise<string[]> {
    const { topic, group, partitions, asNamesPath } = config.flow!;
    const names = await openNames(asNamesPath);
    const { Cluster } = await import("../../collectors/flow/kafka/consumer.ts");
    const signal = AbortSignal.timeout(CHECK_MS);
    try {
      await using cluster = await Cluster.connect({ brokers: config.flowBrokers!, topic }, signal);
      const who = group === null ? "without a group" : `in the group ${group}`;
      const which = partitions === null || partitions === "all" ? "" : `: ${partitions.join(",")}`;
      return [
        `would read flows from ${topic}, which has ${cluster.partitionCount} partitions, ${who}${which}`,
        `names of ASes: ${names.count}`,
      ];
    } catch (error) {
      throw new PromtapError(ErrorCode.HOST, `couldn't read from Kafka: ${messageOf(error)}`, { cause: error });
    }
  },
};

function openNames(path: string | null): Promise<AsNames> {
  if (path === null) return AsNames.carried(readAsset("as-names.txt.zst"));
  return AsNames.open(path, (error) => {
    if (error === undefined) log.info("names of ASes read again", { path });
    else log.error("names of ASes changed, those before stay in use", { path, error });
  });
}
