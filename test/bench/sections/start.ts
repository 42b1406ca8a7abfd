import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { get, PROMTAP } from "../programs/promtap.ts";
import { decimal, median } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { RANGES } from "../rig/sender.ts";
import type { Bench } from "./section.ts";

const STARTS = 15;
const DEADLINE_MS = 10_000;

/** Measures the time from exec to the end of the first page that is answered with 200. */
export async function start(bench: Bench): Promise<Report> {
  const times: number[] = [];
  for (let count = 0; count < STARTS; count++) {
    bench.progress(`start ${count + 1} of ${STARTS}`);
    times.push(await firstScrapeMs(bench, join(bench.rig.folder.path, `start-${count}.sock`)));
  }
  const rows = [["promtap", decimal(median(times)), decimal(Math.min(...times)), decimal(Math.max(...times))]];
  return {
    title: "Start",
    notes: [
      `${STARTS} starts with a warm file cache, not pinned, ring engine on loopback; a new attempt to connect every ` +
        "millisecond.",
    ],
    tables: [
      {
        caption: "Exec to the end of the first successful scrape, ms",
        head: ["program", "median", "fastest", "slowest"],
        rows,
      },
    ],
  };
}

/** Without the wrappers that pin and enter a namespace: their own exec would be measured too. */
async function firstScrapeMs({ rig }: Bench, socketPath: string): Promise<number> {
  const flags = ["--engine", "ring", "-i", "lo", ...RANGES.flatMap((range) => ["-r", range])];
  const startMs = performance.now();
  const child = spawn(PROMTAP, [...flags, "--web.listen-address", `unix:${socketPath}`], { stdio: "ignore" });
  const ended = once(child, "close");
  try {
    while (!(await isScraped(socketPath))) {
      rig.signal.throwIfAborted();
      if (performance.now() - startMs > DEADLINE_MS) throw new Error(`promtap isn't up after ${DEADLINE_MS} ms`);
      await delay(1);
    }
    return performance.now() - startMs;
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

async function isScraped(socketPath: string): Promise<boolean> {
  try {
    return (await get(socketPath, "/metrics")).status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}
