import type { Feature } from "../../collectors/collector.ts";
import type { TrafficSource } from "../../collectors/traffic.ts";
import type { Config } from "../../config/config.ts";
import type { Ledger } from "../../ledger/ledger.ts";

/** What a feature may build on. */
export interface FeatureContext {
  /** Aborts when the program is to end. */
  readonly signal: AbortSignal;
  readonly ledger: Ledger;
  readonly source: TrafficSource;
}

/** A feature that the command line turns on. */
export interface FeatureKind {
  /** Throws PromtapError where this host does not allow it at all. */
  start(config: Config, context: FeatureContext): Promise<Feature>;
  /** Says what `start` would start, one line each, having tried it. Throws PromtapError. */
  check(config: Config): Promise<string[]>;
}
