import { Registry } from "prom-client";
import osMemoryHeap from "prom-client/lib/metrics/osMemoryHeap.js";
import processCpuTotal from "prom-client/lib/metrics/processCpuTotal.js";
import processMaxFileDescriptors from "prom-client/lib/metrics/processMaxFileDescriptors.js";
import processOpenFileDescriptors from "prom-client/lib/metrics/processOpenFileDescriptors.js";
import processStartTime from "prom-client/lib/metrics/processStartTime.js";
import { type Family, MetricType } from "../page/family.ts";
import { REVISION, VERSION } from "../version.ts";
import type { Collector } from "./collector.ts";

/*
 * prom-client's process metrics, one by one: its collectDefaultMetrics would also watch the event loop with a timer of
 * 10 ms, and keep an idle machine awake.
 */
const METRICS = [
  processCpuTotal,
  processStartTime,
  osMemoryHeap,
  processOpenFileDescriptors,
  processMaxFileDescriptors,
];

/** The program itself: its build and its process. */
export class SelfCollector implements Collector {
  readonly name = "self";
  readonly #registry = new Registry();

  constructor() {
    for (const register of METRICS) register(this.#registry);
  }

  async collect(): Promise<Family[]> {
    const metrics = await this.#registry.getMetricsAsJSON();
    const families = metrics.map(({ name, help, type, values }): Family => ({
      name,
      help,
      type,
      samples: values.map(({ value, labels }) => ({ value, labels: labels as Record<string, string> })),
    }));
    return [buildInfo(), ...families];
  }
}

function buildInfo(): Family {
  return {
    name: "promtap_build_info",
    help: "Version, commit and runtime that the program was built from.",
    type: MetricType.GAUGE,
    samples: [{ labels: { version: VERSION, revision: REVISION, nodeversion: process.version }, value: 1 }],
  };
}
