/**
 * The benchmark behind the figures in README.md beside it: `npm run bench -- [--quick] [--markdown] [--packets N]
 * [--rounds N] [--turns N] [section...]`. With --markdown it writes that file, as a whole. Needs root, a machine with two CPUs that has nothing else to do, and a built dist/promtap.
 */
import { existsSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { lacking } from "../support/requirements.ts";
import { parseOptions } from "./options.ts";
import { PROMTAP } from "./programs/promtap.ts";
import { machine, versions } from "./report/machine.ts";
import { markdown, plainText, type Report } from "./report/report.ts";
import { Rig } from "./rig/rig.ts";
import { byCountry } from "./sections/by-country.ts";
import { collector } from "./sections/collector.ts";
import { connections } from "./sections/connections.ts";
import { customers } from "./sections/customers.ts";
import { firewall } from "./sections/firewall.ts";
import { flows } from "./sections/flows.ts";
import { garbage } from "./sections/garbage.ts";
import { hostileFlows } from "./sections/hostile-flows.ts";
import { kernel } from "./sections/kernel.ts";
import { lossAndCost } from "./sections/loss-and-cost.ts";
import { memory } from "./sections/memory.ts";
import { pageCost } from "./sections/page-cost.ts";
import { ranges } from "./sections/ranges.ts";
import type { Section } from "./sections/section.ts";
import { start } from "./sections/start.ts";
import { status } from "./sections/status.ts";
import { wialon } from "./sections/wialon.ts";

const SECTIONS: Readonly<Record<string, Section>> = {
  loss: lossAndCost,
  ranges,
  kernel,
  garbage,
  page: pageCost,
  memory,
  start,
  by: byCountry,
  connections,
  customers,
  firewall,
  flows,
  collector,
  "hostile-flows": hostileFlows,
  status,
  wialon,
};

const MANUAL = join(import.meta.dirname, "README.md");
const CAUTION = "Compare the rows of a table, not the figures with those of another day.\n";

/** Load average of a machine that has nothing else to do. */
const QUIET_LOAD = 0.3;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), Object.keys(SECTIONS));
  const missing = lacking("root", "ip", "taskset", "trafgen", "netsniff-ng", "curl", "bpftool");
  if (missing !== false) throw new Error(`the benchmark ${missing}`);
  if (!existsSync(PROMTAP)) throw new Error("the benchmark measures dist/promtap, which is not there: npm run build");
  const interruption = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => interruption.abort());
  using rig = new Rig(interruption.signal);
  const conditions = `Measured on ${machine()}; ${versions()}.\n`;
  const progress = (line: string): void => console.error(`... ${line}`);
  const load = loadavg()[0]!;
  if (load > QUIET_LOAD) progress(`the machine is busy, which the figures will show: load average ${load.toFixed(1)}`);
  const reports = options.sections.map((name) => () => SECTIONS[name]!({ rig, options, progress }));
  if (options.isMarkdown) return await writeManual(conditions, reports);
  console.log(conditions);
  for (const measure of reports) console.log(plainText(await measure()));
}

/** Writes README.md once everything is measured. */
async function writeManual(conditions: string, reports: readonly (() => Promise<Report>)[]): Promise<void> {
  const parts = ["# Benchmark\n", conditions, CAUTION];
  for (const measure of reports) parts.push(markdown(await measure()));
  writeFileSync(MANUAL, parts.join("\n"));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
