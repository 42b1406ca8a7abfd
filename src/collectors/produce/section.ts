import { flowBrokersOf, nameOf, ownAsOf } from "../flow/section.ts";
import { single, usageError, wholeNumber } from "../../config/flag.ts";
import { section, type ValueOf } from "../../config/section.ts";
import { trafficSection } from "../../config/traffic.ts";
import type { Range } from "../../ledger/ranges.ts";

const MAX_INTERVAL_S = 86_400;

/**
 * Keys that a record has, or would have if there were anything to say, and the one by which readers multiply. A label of
 * a range that has such a name is refused: left out, or under another name, the readers of the topic would miss it.
 */
export const RECORD_KEYS: readonly string[] = [
  "event_type",
  "label",
  "iface",
  "iface_in",
  "iface_out",
  "as_src",
  "as_dst",
  "ip_src",
  "ip_dst",
  "ip_proto",
  "net_src",
  "net_dst",
  "mask_src",
  "mask_dst",
  "stamp_inserted",
  "stamp_updated",
  "packets",
  "bytes",
  "sampling_rate",
];

const FLAGS = {
  topic: single({
    name: "flow-produce",
    key: "flow.produce.topic",
    value: "TOPIC",
    needs: ["flow-brokers"],
    help:
      "Write the traffic of addresses, and what --flow-listen receives, to this topic, as flow records like pmacct's; " +
      "needs --flow-brokers.",
    parse: nameOf,
  }),
  intervalSeconds: single({
    name: "flow-produce-interval",
    key: "flow.produce.interval",
    value: "SECONDS",
    default: "60",
    needs: ["flow-produce"],
    help: "Time between two records of an address that has traffic.",
    parse: wholeNumber(MAX_INTERVAL_S, 1, "seconds"),
  }),
};

/** What is written to Kafka; null if nothing is. */
export const produceSection = section("Flows to Kafka", FLAGS, ({ topic, intervalSeconds }, given) => {
  const brokers = flowBrokersOf(given);
  if (topic === null || brokers === null) return null;
  const isReceiving = given.has("flow-listen");
  if (isReceiving && given.has("flow-topic")) {
    throw usageError(
      "--flow-produce with --flow-listen excludes --flow-topic: what is read would be written once more",
    );
  }
  for (const range of trafficSection.read(given).ranges) judgeLabels(range);
  return { brokers, topic, intervalMs: 1000 * intervalSeconds, ownAs: ownAsOf(given), isReceiving };
});
export type ProduceConfig = NonNullable<ValueOf<typeof produceSection>>;

function judgeLabels({ labels, text }: Range): void {
  const taken = labels.find(([name]) => RECORD_KEYS.includes(name))?.[0];
  if (taken === undefined) return;
  const legal = `any name but ${RECORD_KEYS.join(", ")}`;
  const why = `with --flow-produce the label ${JSON.stringify(taken)} would pass for a key of flow records`;
  throw usageError(`invalid -r ${JSON.stringify(text)}: ${why}; legal is ${legal}`);
}
