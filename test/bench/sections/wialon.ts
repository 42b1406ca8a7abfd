import { join } from "node:path";
import type { Page } from "../../support/page.ts";
import { Promtap } from "../programs/promtap.ts";
import { WialonExporter, wialonExporterLacks } from "../programs/wialon-exporter.ts";
import { decimal, whole } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { type Pace, sendAtPace } from "../rig/paced-sender.ts";
import { INTERFACE, type Rig } from "../rig/rig.ts";
import { anonymousBytes, cpuTime, quiet, ringBytes } from "../rig/usage.ts";
import { type Fleet, writeWialonFile } from "../rig/wialon-file.ts";
import type { Bench } from "./section.ts";

const BUSY: Fleet = { trackers: 1_000, rounds: 1_000 };
const IDLE: Fleet = { trackers: 1, rounds: 1 };
const LARGE: Fleet = { trackers: 25_000, rounds: 4 };
const SCRAPES = 3;

/** Trackers of the live part, and what they and the server say one after the other. */
const ROAD: Fleet = { trackers: 100, rounds: 1_500 };
const WARM_UP = { first: 0, frames: 100_000, rate: 20_000 };
const STEADY = { first: 100_000, frames: 200_000, rate: 20_000 };
const BURSTS = [
  { first: 0, frames: 2_000, rate: 60_000 },
  { first: 0, frames: 2_000, rate: 257_000 },
  { first: 0, frames: 1_000_000, rate: 120_000 },
] as const;
/** Pairs of interfaces, all of which --wialon alone captures, beside the rig's own. */
const PAIRS = 25;

/** Measures how fast Wialon IPS is read, live and from a file, what is lost, and the memory of it. */
export async function wialon(bench: Bench): Promise<Report> {
  const lives = await live(bench);
  return {
    title: "Wialon IPS",
    notes: [
      "A packet D of 122 bytes or its answer in each frame. Live: a veth pair with the offloads that it has by itself, the " +
        "sender on CPU 0, the program on CPU 1.",
      `lost: frames that the kernel counted on the interface and the program did not, in the worst of ` +
        `${bench.options.rounds} rounds. CPU: at ${whole(STEADY.rate)} frames a second, of the process, by the ` +
        "scheduler's clock, without the start.",
      "rings: memory that the kernel fills with packets, by what the process has mapped.",
      "From a file, in one pass with the traffic: CPU time of the process, less that of one that reads a file of two frames.",
      ...(wialonExporterLacks === false ? [] : [`no figures of wialon_ips_exporter: ${wialonExporterLacks}`]),
    ],
    tables: [
      {
        caption: "Live",
        head: [
          "program",
          ...BURSTS.map(({ frames, rate }) => `${whole(frames)} at ${whole(rate)}/s: lost`),
          "µs of CPU a frame",
        ],
        rows: lives,
      },
      { caption: "Memory for packets", head: ["promtap", "rings, MiB", "anonymous, MB"], rows: await rings(bench) },
      {
        caption: "Reading Wialon IPS",
        head: ["promtap", "frames", "ns of CPU a frame", "frames a second of one CPU"],
        rows: await speed(bench),
      },
      { caption: "Memory of Wialon IPS", head: ["promtap", "MB"], rows: await streams(bench) },
    ],
  };
}

/** A program that is shown Wialon IPS. */
interface Watcher extends AsyncDisposable {
  readonly pid: number;
  page(): Promise<Page>;
}

async function live(bench: Bench): Promise<string[][]> {
  const { rig, progress } = bench;
  const path = join(rig.folder.path, "road.pcap");
  writeWialonFile(path, ROAD);
  progress("Wialon IPS: promtap, live");
  const rows = [
    [
      "promtap",
      ...(await liveRow(bench, path, await Promtap.start(rig, ["--wialon", "--wialon-interface", INTERFACE]))),
    ],
  ];
  if (wialonExporterLacks !== false) return rows;
  progress("Wialon IPS: wialon_ips_exporter");
  return [...rows, ["wialon_ips_exporter", ...(await liveRow(bench, path, await WialonExporter.start(rig)))]];
}

async function liveRow({ rig, options }: Bench, path: string, started: Watcher): Promise<string[]> {
  await using watcher = started;
  await lossOf(rig, watcher, { path, ...WARM_UP });
  const before = cpuTime(watcher.pid).totalNs;
  await lossOf(rig, watcher, { path, ...STEADY });
  const cpuNs = cpuTime(watcher.pid).totalNs - before;
  const losses: string[] = [];
  for (const burst of BURSTS) {
    let worst = 0;
    for (let round = 0; round < options.rounds; round++) {
      worst = Math.max(worst, await lossOf(rig, watcher, { path, ...burst }));
    }
    losses.push(`${decimal((worst / burst.frames) * 100)} %`);
  }
  return [...losses, decimal(cpuNs / STEADY.frames / 1000)];
}

/** Frames that arrived, and that the program did not count. */
async function lossOf(rig: Rig, watcher: Watcher, pace: Pace): Promise<number> {
  const count = async (): Promise<number> => (await watcher.page()).value("wialon_ips_raw_packets_total") ?? 0;
  const [arrivedBefore, countedBefore] = [rig.arrivedPackets(), await count()];
  await sendAtPace(rig, pace);
  await quiet(rig, watcher.pid);
  return rig.arrivedPackets() - arrivedBefore - ((await count()) - countedBefore);
}

async function rings({ rig, progress }: Bench): Promise<string[][]> {
  progress(`Wialon IPS: ${2 * PAIRS + 1} interfaces`);
  const rows: string[][] = [];
  for (const [name, flags] of [
    ["--wialon --wialon-interface veth0", ["--wialon", "--wialon-interface", INTERFACE]],
    [`--wialon, on ${2 * PAIRS + 1} interfaces`, ["--wialon"]],
  ] as const) {
    using _pairs = new MorePairs(rig, flags.length > 1 ? 0 : PAIRS);
    await using promtap = await Promtap.start(rig, flags);
    const expected = flags.length > 1 ? 1 : 2 * PAIRS + 1;
    await rig.until("all are captured", async () => (await promtap.page()).sum("wialon_ips_interface_up") === expected);
    rows.push([name, decimal(ringBytes(promtap.pid) / 2 ** 20), decimal(anonymousBytes(promtap.pid) / 1e6)]);
  }
  return rows;
}

/** Pairs of interfaces in the listener's namespace. */
class MorePairs implements Disposable {
  readonly #rig: Rig;
  readonly #names: readonly string[];

  constructor(rig: Rig, count: number) {
    this.#rig = rig;
    this.#names = Array.from({ length: count }, (_, index) => `more${index}`);
    for (const name of this.#names) {
      rig.listener.ip("link", "add", name, "type", "veth", "peer", "name", `${name}p`);
      for (const end of [name, `${name}p`]) rig.listener.ip("link", "set", end, "arp", "off", "up");
    }
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) this.#rig.listener.ip("link", "del", name);
  }
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
