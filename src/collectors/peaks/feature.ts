import { ErrorCode, PromtapError } from "../../errors.ts";
import type { CheckHost, FeatureKind } from "../feature.ts";
import { PeaksCollector } from "./peaks.ts";
import { type PeaksConfig, peaksSection } from "./section.ts";

/** The highest seconds of traffic. */
export const peaksFeature: FeatureKind<PeaksConfig> = {
  section: peaksSection,

  async start({ windowMs }, host) {
    refuseUncounted(host);
    const collector = new PeaksCollector(host.source, host.ledger, host.customers, windowMs);
    collector.begin();
    return {
      collectors: [collector],
      keeps: [],
      [Symbol.asyncDispose]: async () => collector[Symbol.dispose](),
    };
  },

  async check({ windowMs }, host) {
    refuseUncounted(host);
    return [`would tell the highest second of the last ${windowMs / 1000} s`];
  },
};

function refuseUncounted({ isCounted }: CheckHost): void {
  if (isCounted) return;
  throw new PromtapError(ErrorCode.USAGE, "--peaks needs -i here: no traffic is counted that could have a peak");
}
