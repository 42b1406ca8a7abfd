import type { Feature } from "../collectors/collector.ts";
import type { Config } from "../config/config.ts";
import type { FeatureContext, FeatureKind } from "./features/feature.ts";
import { flowKind } from "./features/flow.ts";
import { geoipKind } from "./features/geoip.ts";
import { iptablesKind } from "./features/iptables.ts";
import { wialonKind } from "./features/wialon.ts";
import { produceKind } from "./features/produce.ts";

const KINDS: readonly FeatureKind[] = [geoipKind, iptablesKind, wialonKind, flowKind, produceKind];

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
