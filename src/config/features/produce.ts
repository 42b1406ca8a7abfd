import { FLOW_DEFAULTS, nameOf } from "./flow.ts";
import { type GivenFlags, illegal, numberOf } from "../values.ts";

/** Default values, as they would be given. */
export const PRODUCE_DEFAULTS = { "flow-produce-interval": "60" } as const;

const HIGHEST_INTERVAL_S = 86_400;
const HIGHEST_AS = 2 ** 32 - 1;

/** What is written to Kafka. */
export interface ProduceConfig {
  topic: string;
  intervalMs: number;
  /** Number of the AS whose traffic is ours; 0 where it is not told. */
  ownAs: number;
}

/** What to write to Kafka; null where nothing is. */
export function produceOf(given: GivenFlags): ProduceConfig | null {
  const topic = given.get("flow-produce")?.at(-1);
  const interval = given.get("flow-produce-interval")?.at(-1);
  if (topic === undefined) {
    if (interval === undefined) return null;
    throw illegal("--flow-produce-interval", interval, "nothing without --flow-produce");
  }
  return {
    topic: nameOf("flow-produce", topic),
    intervalMs: 1000 * intervalOf(interval ?? PRODUCE_DEFAULTS["flow-produce-interval"]),
    ownAs: numberOf("flow-asn", given.get("flow-asn")?.at(-1) ?? FLOW_DEFAULTS["flow-asn"], HIGHEST_AS),
  };
}

function intervalOf(text: string): number {
  const seconds = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= HIGHEST_INTERVAL_S) return seconds;
  throw illegal("--flow-produce-interval", text, `a number of seconds from 1 to ${HIGHEST_INTERVAL_S}`);
}
