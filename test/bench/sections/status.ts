import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { servedFrom } from "../programs/promtap.ts";
import { decimal, median } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { Child } from "../rig/child.ts";
import { type Rig, SENDER_CPU } from "../rig/rig.ts";
import { scrape } from "../rig/scrape-client.ts";
import { type Population, SLASH_16, writeTrafficFile } from "../rig/traffic-file.ts";
import { anonymousBytes, cpuTime } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

/** As many as the usual limit allows. */
const POPULATION: Population = { ...SLASH_16, range: "10.0.0.0-10.1.255.255", addresses: 131_072 };
const VIEWERS = [0, 10, 200];
/** For the first looks, and for what they compile. */
const WARM_MS = 10_000;
const MEASURED_MS = 60_000;
const SCRAPES = 5;

/** Measures what those who look at the status page cost. */
export async function status({ rig, progress }: Bench): Promise<Report> {
  const path = join(rig.folder.path, "traffic.pcap");
  writeTrafficFile(path, POPULATION);
  const rows: string[][] = [];
  await using running = await servedFrom(rig, path, POPULATION);
  await scrape(rig, running.port, SCRAPES);
  for (const viewers of VIEWERS) {
    progress(`the status page: ${viewers} viewers`);
    await using _ = view(rig, running.port, viewers);
    await delay(WARM_MS);
    const before = cpuTime(running.pid).totalNs;
    await delay(MEASURED_MS);
    const share = (cpuTime(running.pid).totalNs - before) / (MEASURED_MS * 1e6);
    const memory = anonymousBytes(running.pid);
    const { scrapes } = await scrape(rig, running.port, SCRAPES);
    rows.push([`${viewers}`, decimal(share * 100), decimal(memory / 1e6), decimal(median(scrapes))]);
  }
  return {
    title: "Viewers of the status page",
    notes: [
      "131,072 addresses, read from a file. CPU: time of all threads in a minute, with nobody else's scrapes; memory: " +
        "RssAnon then; scrape: median, while they look.",
    ],
    tables: [{ caption: "Viewers", head: ["viewers", "CPU, %", "memory, MB", "scrape, ms"], rows }],
  };
}

/** So many that read all they are sent. */
function view(rig: Rig, port: number, viewers: number): AsyncDisposable {
  const watch = `curl --silent --no-buffer http://127.0.0.1:${port}/-/status/events >/dev/null &`;
  const command = `i=0; while [ $i -lt ${viewers} ]; do ${watch} i=$((i+1)); done; sleep 600`;
  return new Child(rig, rig.listener, SENDER_CPU, ["sh", "-c", command]);
}
