import type { Feature } from "../collectors/collector.ts";
import type { Config } from "../config/config.ts";
import { flowKind } from "./features/flow.ts";
import { geoipKind } from "./features/geoip.ts";
import { iptablesKind } from "./features/iptables.ts";
import { produceKind } from "./features/produce.ts";
import { wialonKind } from "./features/wialon.ts";
import type { FeatureContext, FeatureKind } from "./features/feature.ts";
import type { Parts } from "./parts.ts";

/** Section of the config → what it turns on. */
const KINDS = {
  geoip: geoipKind,
  iptables: iptablesKind,
  wialon: wialonKind,
  flow: flowKind,
  produce: produceKind,
} as const satisfies Partial<Record<keyof Config, FeatureKind>>;

/** Starts what the config asks for besides the traffic. Throws PromtapError. */
export async function startFeatures(config: Config, context: FeatureContext, parts: Parts): Promise<Feature[]> {
  const features: Feature[] = [];
  for (const [name, kind] of wanted(config)) features.push(parts.use(name, await kind.start(config, context)));
  return features;
}

/** Says what `startFeatures` would start, one line each. Throws PromtapError. */
export async function checkFeatures(config: Config): Promise<string[]> {
  const lines: string[] = [];
  for (const [, kind] of wanted(config)) lines.push(...(await kind.check(config)));
  return lines;
}

function wanted(config: Config): [name: string, kind: FeatureKind][] {
  return Object.entries(KINDS).filter(([section]) => config[section as keyof typeof KINDS] !== null);
}
