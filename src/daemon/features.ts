import { isDeepStrictEqual } from "node:util";
import { billFeature } from "../bill/feature.ts";
import { geoipFeature } from "../collectors/connections/feature.ts";
import type { Change, CheckHost, Feature, FeatureHost, FeatureKind } from "../collectors/feature.ts";
import { flowFeature } from "../collectors/flow/feature.ts";
import { iptablesFeature } from "../collectors/iptables/feature.ts";
import { peaksFeature } from "../collectors/peaks/feature.ts";
import { produceFeature } from "../collectors/produce/feature.ts";
import { wialonFeature } from "../collectors/wialon/feature.ts";
import type { ValueOf } from "../config/section.ts";

/** All that the configuration may turn on besides the traffic, in the order of the help. */
export const FEATURES = {
  bill: billFeature,
  peaks: peaksFeature,
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
  /** In seconds since 1970. */
  readonly startedAt: number;
}

/** Features that are to run in the place of others. */
export interface Succession extends Change {
  readonly features: readonly Started[];
}

/** Starts what is turned on. Throws PromtapError, and ends what it has started. */
export async function startFeatures(values: FeatureValues, host: FeatureHost): Promise<readonly Started[]> {
  return (await succeedFeatures(values, host, [])).features;
}

/**
 * Starts what is turned on; what runs already for the same, or can go on by what is new, is taken as it is. Throws
 * PromtapError, and ends what it has started.
 */
export async function succeedFeatures(
  values: FeatureValues,
  host: FeatureHost,
  running: readonly Started[],
): Promise<Succession> {
  const features: Started[] = [];
  const changes: Change[] = [];
  const undo = (): void => changes.forEach((change) => change.undo());
  try {
    for (const { name, kind, value } of wanted(values)) {
      const around = (kind.follows ?? []).map((key) => host[key]);
      const before = running.find((each) => each.name === name && isDeepStrictEqual(each.around, around));
      const change = before === undefined ? null : await changeOf(before, value);
      if (change !== null) changes.push(change);
      const startedAt = change === null ? Date.now() / 1000 : before!.startedAt;
      const feature = change === null ? await kind.start(value, host) : before!.feature;
      features.push({ name, value, around, startedAt, feature });
    }
  } catch (error) {
    undo();
    await Promise.allSettled(startedBeside(running, features).map(({ feature }) => feature[Symbol.asyncDispose]()));
    throw error;
  }
  return { features, commit: () => changes.forEach((change) => change.commit()), undo };
}

const UNCHANGED: Change = { commit() {}, undo() {} };

/** What has a feature go on by a value; null if it can't. */
async function changeOf({ feature, value: before }: Started, value: unknown): Promise<Change | null> {
  if (isDeepStrictEqual(before, value)) return UNCHANGED;
  return (await feature.prepare?.(value)) ?? null;
}

/** Those whose feature is none of the others'. */
export function startedBeside(others: readonly Started[], all: readonly Started[]): Started[] {
  return all.filter(({ feature }) => others.every((each) => each.feature !== feature));
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
