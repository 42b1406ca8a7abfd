import type { Format } from "./negotiation.ts";
import type { PageWriter } from "./page-writer.ts";

export const MetricType = { COUNTER: "counter", GAUGE: "gauge", HISTOGRAM: "histogram", SUMMARY: "summary" } as const;
export type MetricType = (typeof MetricType)[keyof typeof MetricType];

/** One line of a family. `name` if it differs from the family's (`x_bucket`, `x_sum`, `x_count`). */
export interface Sample {
  name?: string;
  labels?: Record<string, string>;
  value: number;
}

/** A family small enough to be made of objects; counters carry their `_total`. */
export interface SampledFamily {
  name: string;
  help: string;
  type: MetricType;
  samples: Sample[];
}

/** A family that writes its own lines because it is most of the page. */
export interface WrittenFamily {
  name: string;
  help: string;
  type: MetricType;
  /** It is not on the page without a line. */
  isOmittedIfEmpty?: boolean;
  /** Writes all lines; yields when the writer is full, and often enough not to hold up the event loop. */
  write(writer: PageWriter, format: Format): Iterable<void>;
}

export type Family = SampledFamily | WrittenFamily;

/** A small family of gauges; a number is its only sample. */
export function gauge(name: string, help: string, samples: number | Sample[]): SampledFamily {
  return { name, help, type: MetricType.GAUGE, samples: samplesOf(samples) };
}

/** A small family of counters; a number is its only sample. */
export function counter(name: string, help: string, samples: number | Sample[]): SampledFamily {
  return { name, help, type: MetricType.COUNTER, samples: samplesOf(samples) };
}

function samplesOf(samples: number | Sample[]): Sample[] {
  return typeof samples === "number" ? [{ value: samples }] : samples;
}
