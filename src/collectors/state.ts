import { counter, type Family, gauge } from "../page/family.ts";
import type { Collector } from "./collector.ts";

/** How it stands with the file that counts are kept in. */
export interface StateFacts {
  /** In seconds since 1970; 0 if there is no file. */
  readonly writtenAt: number;
  readonly sizeBytes: number;
  readonly failures: number;
}

/** The file that counts are kept in from run to run. */
export class StateCollector implements Collector {
  readonly name = "state";
  readonly #facts: StateFacts;

  /** `facts` are read at each scrape. */
  constructor(facts: StateFacts) {
    this.#facts = facts;
  }

  async collect(): Promise<Family[]> {
    const { writtenAt, sizeBytes, failures } = this.#facts;
    return [
      gauge(
        "promtap_state_last_write_timestamp_seconds",
        "When the counts that are in the file of --state were written, in seconds since unix epoch; 0 if there is none.",
        writtenAt,
      ),
      gauge("promtap_state_size_bytes", "Size of the file of --state.", sizeBytes),
      counter(
        "promtap_state_write_failures_total",
        "Times that the file of --state couldn't be written; the one before stays.",
        failures,
      ),
    ];
  }
}
