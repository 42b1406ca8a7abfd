import type { Collector } from "../collectors/collector.ts";
import { counter, type Family, gauge } from "../page/family.ts";

/** How it stands with the samples for bills. */
export interface BillFacts {
  /** The end of the last interval that was kept, in seconds since 1970; 0: there is none yet. */
  readonly keptUntil: number;
  readonly failures: number;
}

/** The samples that bills are made of. */
export class BillCollector implements Collector {
  readonly name = "bill";
  readonly #facts: BillFacts;

  /** `facts` are read at each scrape. */
  constructor(facts: BillFacts) {
    this.#facts = facts;
  }

  async collect(): Promise<Family[]> {
    const { keptUntil, failures } = this.#facts;
    return [
      gauge(
        "promtap_bill_last_sample_timestamp_seconds",
        "End of the last 5 minutes that a sample for bills was kept of, in seconds since unix epoch; 0 if there is none yet.",
        keptUntil,
      ),
      counter("promtap_bill_sample_failures_total", "Samples for bills that couldn't be kept, and are lost.", failures),
    ];
  }
}
