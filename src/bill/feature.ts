import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import type { FeatureKind } from "../collectors/feature.ts";
import { BillCollector } from "./collector.ts";
import { INTERVAL_SECTION, readInterval } from "./kept-interval.ts";
import { Sampler } from "./sampler.ts";
import { type BillConfig, billSection } from "./section.ts";

/** Samples of what customers send and receive, for bills. */
export const billFeature: FeatureKind<BillConfig> = {
  section: billSection,

  async start(keeping, { source, ledger, customers: customersOf, log, resume }) {
    const customers = customersOf();
    if (customers === undefined) {
      const hint = "give --range-file with a list that counts by labels or by prefix";
      throw new PromtapError(ErrorCode.USAGE, `--bill-days needs customers, and there are none: ${hint}`);
    }
    const sampler = new Sampler(source, ledger, customers, keeping, log);
    const kept = await resume(INTERVAL_SECTION, readInterval);
    try {
      if (kept !== undefined) await sampler.resume(kept);
    } catch (error) {
      const reason = messageOf(error);
      throw new PromtapError(ErrorCode.HOST, `couldn't use ${keeping.folder} for samples: ${reason}`, { cause: error });
    }
    sampler.begin();
    return {
      collectors: [new BillCollector(sampler)],
      keeps: [],
      kept: new Map([[INTERVAL_SECTION, (nextTurn) => sampler.write(nextTurn)]]),
      [Symbol.asyncDispose]: () => sampler[Symbol.asyncDispose](),
    };
  },

  async check({ folder, days }) {
    return [`would keep samples for bills in ${folder}, for ${days} days`];
  },
};
