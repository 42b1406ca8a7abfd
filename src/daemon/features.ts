import type { Feature } from "../collectors/collector.ts";
import type { TrafficSource } from "../collectors/traffic.ts";
import type { Config } from "../config/config.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { geoipKind } from "./geoip.ts";

/** What a feature may build on. */
export interface FeatureContext {
  /** Aborts when the program is to end. */
  readonly signal: AbortSignal;
  readonly ledger: Ledger;
  readonly source: TrafficSource;
}

/** A feature that the command line turns on. */
export interface FeatureKind {
  isWanted(config: Config): boolean;
  /** Throws PromtapError where this host does not allow it at all. */
  start(config: Config, context: FeatureContext): Promise<Feature>;
  /** Says what `start` would start, one line each, having tried it. Throws PromtapError. */
  check(config: Config): Promise<string[]>;
}

const KINDS: readonly FeatureKind[] = [geoipKind];

/** Starts what the config asks for besides the traffic. Throws PromtapError. */
export async function startFeatures(
  config: Config,
  context: FeatureContext,
  parts: AsyncDisposableStack,
): Promise<Feature[]> {
  const features: Feature[] = [];
  for (const kind of KINDS) {
    if (kind.isWanted(config)) features.push(parts.use(await kind.start(config, context)));
  }
  return features;
}

/** Says what `startFeatures` would start, one line each. Throws PromtapError. */
export async function checkFeatures(config: Config): Promise<string[]> {
  const lines: string[] = [];
  for (const kind of KINDS) {
    if (kind.isWanted(config)) lines.push(...(await kind.check(config)));
  }
  return lines;
}
