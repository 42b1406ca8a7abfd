import { setTimeout as delay } from "node:timers/promises";
import { join } from "node:path";
import { LIVE_FLAGS, Promtap, PROMTAP_PORT } from "../programs/promtap.ts";
import { decimal, median } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { INTERFACE } from "../rig/rig.ts";
import { scrape } from "../rig/scrape-client.ts";
import { replay } from "../rig/sender.ts";
import { frames, SLASH_16, writeTrafficFile } from "../rig/traffic-file.ts";
import { anonymousBytes, cpuTime, quiet } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const IDLE_MS = 60_000;
const ENGINES = ["bpf", "tcx"] as const;

/** Measures what only engines that count in the kernel promise: the scrape of a /16 from its tables, and idling. */
export async function kernel(bench: Bench): Promise<Report> {
  const rows: string[][] = [];
  for (const engine of ENGINES) rows.push([engine, ...(await active(bench, engine)), await idle(bench, engine)]);
  return {
    title: "Counted in the kernel",
    notes: [
      `scrape: ${SLASH_16.name}, live, the tables of the kernel read and the page written, median (worst); memory: ` +
        "RssAnon after these scrapes.",
      `idle: CPU time of all threads over ${IDLE_MS / 1000} s without a scrape.`,
    ],
    tables: [{ caption: "Engines", head: ["engine", "scrape, ms", "memory, MB", "idle CPU, %"], rows }],
  };
}

/** Time of a scrape, and the memory after. */
async function active({ rig, progress }: Bench, engine: string): Promise<string[]> {
  progress(`${engine}: a /16`);
  const path = join(rig.folder.path, "traffic.pcap");
  writeTrafficFile(path, SLASH_16);
  const listen = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];
  await using promtap = await Promtap.start(rig, [
    "--engine",
    engine,
    "-i",
    INTERFACE,
    "-r",
    SLASH_16.range,
    ...listen,
  ]);
  await replay(rig, path);
  await rig.until("all of the /16 is counted", async () => (await promtap.counted()).packets >= frames(SLASH_16));
  const { scrapes } = await scrape(rig, PROMTAP_PORT, SLASH_16.scrapes);
  const memory = decimal(anonymousBytes(promtap.pid) / 1e6);
  return [`${decimal(median(scrapes))} (${decimal(Math.max(...scrapes))})`, memory];
}

/** Share of a CPU, in percent. */
async function idle({ rig, progress }: Bench, engine: string): Promise<string> {
  progress(`${engine}: idle`);
  await using promtap = await Promtap.start(rig, ["--engine", engine, ...LIVE_FLAGS]);
  await quiet(rig, promtap.pid);
  const before = cpuTime(promtap.pid).totalNs;
  await delay(IDLE_MS, undefined, { signal: rig.signal });
  return ((100 * (cpuTime(promtap.pid).totalNs - before)) / (IDLE_MS * 1e6)).toFixed(4);
}
