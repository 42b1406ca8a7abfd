import { join } from "node:path";
import { LIVE_FLAGS, Promtap, servedFrom, PROMTAP_PORT } from "../programs/promtap.ts";
import { decimal } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { scrape } from "../rig/scrape-client.ts";
import { SLASH_16, writeTrafficFile } from "../rig/traffic-file.ts";
import { anonymousBytes, quiet } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

/** Enough for a heap that grows with every scrape to be seen. */
const SCRAPES = 10;

/** Measures the memory that promtap adds to the machine's use: idle, and with all addresses of a /16 active. */
export async function memory(bench: Bench): Promise<Report> {
  return {
    title: "Memory",
    notes: [
      "RssAnon of /proc/PID/status; the executable's own pages, which can be dropped at any time, are not in it.",
    ],
    tables: [
      {
        caption: "Anonymous memory",
        head: ["promtap", "MB"],
        rows: [...(await idle(bench)), ...(await active(bench))],
      },
    ],
  };
}

async function idle({ rig, progress }: Bench): Promise<string[][]> {
  progress("memory: idle");
  await using promtap = await Promtap.start(rig, ["--engine", "ring", ...LIVE_FLAGS]);
  await quiet(rig, promtap.pid);
  const before = anonymousBytes(promtap.pid);
  for (let count = 0; count < SCRAPES; count++) await promtap.page();
  return [
    ["idle, ring engine, never scraped", megabytes(before)],
    [`idle, ring engine, after ${SCRAPES} scrapes`, megabytes(anonymousBytes(promtap.pid))],
  ];
}

async function active({ rig, progress }: Bench): Promise<string[][]> {
  progress("memory: an active /16");
  const path = join(rig.folder.path, "traffic.pcap");
  writeTrafficFile(path, SLASH_16);
  await using promtap = await servedFrom(rig, path, SLASH_16);
  await quiet(rig, promtap.pid);
  const before = anonymousBytes(promtap.pid);
  await scrape(rig, PROMTAP_PORT, 1);
  const after = anonymousBytes(promtap.pid);
  await scrape(rig, PROMTAP_PORT, SCRAPES);
  return [
    [`${SLASH_16.name} active, read from a file, never scraped`, megabytes(before)],
    [`${SLASH_16.name} active, after 1 scrape`, megabytes(after)],
    [`${SLASH_16.name} active, after ${SCRAPES + 1} scrapes`, megabytes(anonymousBytes(promtap.pid))],
  ];
}

function megabytes(bytes: number): string {
  return decimal(bytes / 1e6);
}
