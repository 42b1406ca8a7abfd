import { join } from "node:path";
import { Promtap } from "../programs/promtap.ts";
import { decimal, whole } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { anonymousBytes, cpuTime, quiet } from "../rig/usage.ts";
import { type Fleet, writeWialonFile } from "../rig/wialon-file.ts";
import type { Bench } from "./section.ts";

const BUSY: Fleet = { trackers: 1_000, rounds: 1_000 };
const IDLE: Fleet = { trackers: 1, rounds: 1 };
const LARGE: Fleet = { trackers: 25_000, rounds: 4 };
const SCRAPES = 3;

/** Measures how fast Wialon IPS is read from a file, and the memory of many streams. */
export async function wialon(bench: Bench): Promise<Report> {
  return {
    title: "Wialon IPS",
    notes: [
      "From a file, in one pass with the traffic; a packet D of 122 bytes or its answer in each frame. CPU time of the " +
        "process, less that of one that reads a file of two frames.",
    ],
    tables: [
      {
        caption: "Reading Wialon IPS",
        head: ["promtap", "frames", "ns of CPU a frame", "frames a second of one CPU"],
        rows: await speed(bench),
      },
      { caption: "Memory of Wialon IPS", head: ["promtap", "MB"], rows: await streams(bench) },
    ],
  };
}

async function speed(bench: Bench): Promise<string[][]> {
  const frames = 2 * BUSY.trackers * BUSY.rounds;
  const rows: string[][] = [];
  for (const [name, flags] of [
    ["traffic alone", []],
    ["traffic and --wialon", ["--wialon"]],
  ] as const) {
    const perFrameNs = ((await cpuNs(bench, BUSY, flags)) - (await cpuNs(bench, IDLE, flags))) / frames;
    rows.push([name, whole(frames), whole(perFrameNs), whole(1e9 / perFrameNs)]);
  }
  return rows;
}

async function cpuNs(bench: Bench, fleet: Fleet, flags: readonly string[]): Promise<number> {
  await using promtap = await reading(bench, fleet, flags);
  return cpuTime(promtap.pid).totalNs;
}

async function streams(bench: Bench): Promise<string[][]> {
  await using promtap = await reading(bench, LARGE, ["--wialon", "--wialon-max-streams", "60000"]);
  const before = anonymousBytes(promtap.pid);
  const page = await promtap.page();
  const alive = page.value("wialon_ips_streams_size")!;
  for (let count = 1; count < SCRAPES; count++) await promtap.page();
  const name = `${whole(alive)} streams alive, each with series of its own`;
  return [
    [`${name}, never scraped`, decimal(before / 1e6)],
    [`${name}, after ${SCRAPES} scrapes`, decimal(anonymousBytes(promtap.pid) / 1e6)],
  ];
}

/** A promtap that has read the file of a fleet to its end. */
async function reading({ rig, progress }: Bench, fleet: Fleet, flags: readonly string[]): Promise<Promtap> {
  progress(`Wialon IPS: ${whole(fleet.trackers)} trackers${flags.length > 0 ? "" : ", traffic alone"}`);
  const path = join(rig.folder.path, "wialon.pcap");
  writeWialonFile(path, fleet);
  const promtap = await Promtap.start(rig, ["--read", path, ...flags]);
  await quiet(rig, promtap.pid);
  return promtap;
}
