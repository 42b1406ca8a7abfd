import type { Collector, CollectorSet } from "../../collectors/collector.ts";
import { TRAFFIC_SECTION } from "../../state/kept-traffic.ts";
import type { StateKeeper } from "../../state/state-keeper.ts";
import type { Started } from "../features.ts";

/** When this process began, in whole seconds: no later than what it counts. */
const PROCESS_STARTED_AT = Math.floor(performance.timeOrigin / 1000);

/** What counts, and what keeps counts from run to run. */
export interface Counting {
  /** Of the traffic. */
  readonly traffic: readonly Collector[];
  /** Of the process. */
  readonly own: readonly Collector[];
  readonly features: readonly Started[];
  readonly keeper: StateKeeper | undefined;
}

/**
 * Name of a family → since when its counters count, in seconds since 1970: with a state since that began, as far as that
 * is known. `collectors` knows which families they have.
 */
export function createdTimes(collectors: CollectorSet, counting: Counting): Map<string, number> {
  const { traffic, own, features, keeper } = counting;
  const trafficAt = keeper === undefined ? PROCESS_STARTED_AT : keeper.begunAt(TRAFFIC_SECTION);
  const sources: (readonly [readonly Collector[], number | undefined])[] = [
    [own, PROCESS_STARTED_AT],
    [traffic, trafficAt],
    ...features.map((each) => [each.feature.collectors, featureTime(each, keeper)] as const),
  ];
  return new Map(
    sources.flatMap(([each, time]) =>
      time === undefined ? [] : collectors.familiesOf(each).map(({ name }) => [name, time] as const),
    ),
  );
}

function featureTime({ feature, startedAt }: Started, keeper: StateKeeper | undefined): number | undefined {
  if (feature.tellsKernelCounts === true) return undefined;
  const [section] = feature.kept?.keys() ?? [];
  return keeper === undefined || section === undefined ? startedAt : keeper.begunAt(section);
}
