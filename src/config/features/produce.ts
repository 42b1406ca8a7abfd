import { ErrorCode, PromtapError } from "../../errors.ts";
import type { Range } from "../../ledger/ranges.ts";
import { type GivenFlags, illegal, numberOf } from "../values.ts";
import { FLOW_DEFAULTS, nameOf } from "./flow.ts";

/** Default values, as they would be given. */
export const PRODUCE_DEFAULTS = { "flow-produce-interval": "60" } as const;

const HIGHEST_INTERVAL_S = 86_400;
const HIGHEST_AS = 2 ** 32 - 1;

/**
 * Keys that a record has, or would have if there were anything to say, and the one by which readers multiply. A label of
 * a range that has such a name is refused: left out, or under another name, whoever reads the topic would miss it.
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

/** What is written to Kafka. */
export interface ProduceConfig {
  topic: string;
  intervalMs: number;
  /** Number of the AS whose traffic is ours; 0 where it is not told. */
  ownAs: number;
}

/** What to write to Kafka; null where nothing is. */
export function produceOf(given: GivenFlags, ranges: readonly Range[]): ProduceConfig | null {
  const topic = given.get("flow-produce")?.at(-1);
  const interval = given.get("flow-produce-interval")?.at(-1);
  if (topic === undefined) {
    if (interval === undefined) return null;
    throw illegal("--flow-produce-interval", interval, "nothing without --flow-produce");
  }
  for (const range of ranges) judgeLabels(range);
  return {
    topic: nameOf("flow-produce", topic),
    intervalMs: 1000 * intervalOf(interval ?? PRODUCE_DEFAULTS["flow-produce-interval"]),
    ownAs: numberOf("flow-asn", given.get("flow-asn")?.at(-1) ?? FLOW_DEFAULTS["flow-asn"], HIGHEST_AS),
  };
}

function judgeLabels({ labels, text }: Range): void {
  const taken = labels.find(([name]) => RECORD_KEYS.includes(name))?.[0];
  if (taken === undefined) return;
  const legal = `any name but ${RECORD_KEYS.join(", ")}`;
  const why = `with --flow-produce the label ${JSON.stringify(taken)} would pass for a key of flow records`;
  throw new PromtapError(ErrorCode.USAGE, `invalid -r ${JSON.stringify(text)}: ${why}; legal is ${legal}`);
}

function intervalOf(text: string): number {
  const seconds = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= HIGHEST_INTERVAL_S) return seconds;
  throw illegal("--flow-produce-interval", text, `a number of seconds from 1 to ${HIGHEST_INTERVAL_S}`);
}
