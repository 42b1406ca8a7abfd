import type { Feature } from "../collectors/collector.ts";
import type { Config } from "../config/config.ts";
import type { FeatureContext, FeatureKind } from "./features/feature.ts";

/** Section of the config → what it turns on, which is loaded when it is wanted: most are not, in most runs. */
const KINDS = {
  geoip: async () => (await import("./features/geoip.ts")).geoipKind,
  iptables: async () => (await import("./features/iptables.ts")).iptablesKind,
  wialon: async () => (await import("./features/wialon.ts")).wialonKind,
  flow: async () => (await import("./features/flow.ts")).flowKind,
  produce: async () => (await import("./features/produce.ts")).produceKind,
} as const satisfies Partial<Record<keyof Config, () => Promise<FeatureKind>>>;

/** Starts what the config asks for besides the traffic. Throws PromtapError. */
export async function startFeatures(
  config: Config,
  context: FeatureContext,
  parts: AsyncDisposableStack,
): Promise<Feature[]> {
  const features: Feature[] = [];
  for (const load of wanted(config)) features.push(parts.use(await (await load()).start(config, context)));
  return features;
}

/** Says what `startFeatures` would start, one line each. Throws PromtapError. */
export async function checkFeatures(config: Config): Promise<string[]> {
  const lines: string[] = [];
  for (const load of wanted(config)) lines.push(...(await (await load()).check(config)));
  return lines;
}

function wanted(config: Config): (() => Promise<FeatureKind>)[] {
  return Object.entries(KINDS).flatMap(([section, load]) =>
    config[section as keyof typeof KINDS] === null ? [] : [load],
  );
}
