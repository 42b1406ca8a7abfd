import { isDeepStrictEqual } from "node:util";
import { geoipFeature } from "../collectors/connections/feature.ts";
import type { CheckHost, Feature, FeatureHost, FeatureKind } from "../collectors/feature.ts";
import { flowFeature } from "../collectors/flow/feature.ts";
import { iptablesFeature } from "../collectors/iptables/feature.ts";
import { produceFeature } from "../collectors/produce/feature.ts";
import { wialonFeature } from "../collectors/wialon/feature.ts";
import type { ValueOf } from "../config/section.ts";

/** All that the configuration may turn on besides the traffic, in the order of the help. */
export const FEATURES = {
  flow: flowFeature,
  produce: produceFeature,
  geoip: geoipFeature,
  iptables: iptablesFeature,
  wialon: wialonFeature,
};
type Features = typeof FEATURES;

/** What each feature is to do; null if it is not turned on. */
export type FeatureValues = { readonly [Name in keyof Features]: ValueOf<Features[Name]["section"]> };

/** Throws PromtapError if what is turned on makes sense on no host. Opens nothing. */
export function judgeFeatures(values: FeatureValues, host: Pick<CheckHost, "readPath">): void {
  for (const { kind, value } of wanted(values)) kind.judge?.(value, host);
}

/** A feature that was started, and from what. */
export interface Started {
  readonly name: string;
  readonly feature: Feature;
  readonly value: unknown;
  /** What it was told of the host. */
  readonly around: unknown;
}

/**
 * Starts what is turned on; what runs already for the same is taken as it is. Throws PromtapError, and ends what it has
 * started.
 */
export async function startFeatures(
  values: FeatureValues,
  host: FeatureHost,
  running: readonly Started[] = [],
): Promise<Started[]> {
  const all: Started[] = [];
  try {
    for (const { name, kind, value } of wanted(values)) {
      const around = (kind.follows ?? []).map((key) => host[key]);
      const same = running.find(
        (each) => each.name === name && isDeepStrictEqual([each.value, each.around], [value, around]),
      );
      all.push(same ?? { name, value, around, feature: await kind.start(value, host) });
    }
  } catch (error) {
    await Promise.allSettled(
      all.filter((each) => !running.includes(each)).map(({ feature }) => feature[Symbol.asyncDispose]()),
    );
    throw error;
  }
  return all;
}

/** Says what `startFeatures` would start, one line each. Throws PromtapError. */
export async function checkFeatures(values: FeatureValues, host: CheckHost): Promise<string[]> {
  const lines: string[] = [];
  for (const { kind, value } of wanted(values)) lines.push(...(await kind.check(value, host)));
  return lines;
}

/** What is legal but hardly meant; a sentence each. */
export function featureWarnings(values: FeatureValues): string[] {
  return wanted(values).flatMap(({ kind, value }) => kind.warnings?.(value) ?? []);
}

/** A feature that is turned on, with the value of its section. */
interface Wanted {
  name: string;
  kind: FeatureKind<unknown>;
  value: unknown;
}

function wanted(values: FeatureValues): Wanted[] {
  return (Object.keys(FEATURES) as (keyof Features)[]).flatMap((name) => {
    const value = values[name];
    return value === null ? [] : [{ name, kind: FEATURES[name], value }];
  });
}
