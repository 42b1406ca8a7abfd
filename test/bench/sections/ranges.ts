import { Promtap } from "../programs/promtap.ts";
import type { Program } from "../programs/program.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { INTERFACE, type Rig } from "../rig/rig.ts";
import { FRAME_SIZES, RANGES } from "../rig/sender.ts";
import { costTable } from "./cost-table.ts";
import type { Bench } from "./section.ts";

const ENGINES = ["bpf", "tcx"] as const;
const COUNTS = [1, 100, 4_000] as const;
/** Loads of the largest program. */
const STARTS = 5;

/** Measures what the number of ranges does to loss, cost and start of the engines that compile them into a program. */
export async function ranges(bench: Bench): Promise<Report> {
  const programs = ENGINES.flatMap((engine) => COUNTS.map((count) => programOf(engine, count)));
  const tables: Table[] = [];
  for (const frameBytes of FRAME_SIZES) tables.push(await costTable(bench, programs, frameBytes));
  tables.push(await startTable(bench));
  return {
    title: "Many ranges",
    notes: [
      "As above; the traffic's addresses lie in the last ranges, the others are single addresses with gaps between.",
    ],
    tables,
  };
}

function programOf(engine: string, count: number): Program {
  const flags = flagsOf(engine, count);
  return {
    name: `promtap --engine ${engine}, ${whole(count)} ${count === 1 ? "range" : "ranges"}`,
    unavailable: false,
    start: (rig: Rig) => Promtap.start(rig, flags),
  };
}

function flagsOf(engine: string, count: number): string[] {
  const listed =
    count === 1 ? ["10.0.0.0/23"] : [...Array.from({ length: count - 2 }, (_, k) => address(k)), ...RANGES];
  return ["--engine", engine, "-i", INTERFACE, ...listed.flatMap((range) => ["-r", range])];
}

/** Every second address of 172.16.0.0/12. */
function address(index: number): string {
  const host = 2 * index;
  return `172.16.${host >> 8}.${host & 0xff}`;
}

async function startTable({ rig, progress }: Bench): Promise<Table> {
  const rows: string[][] = [];
  for (const count of COUNTS) {
    progress(`start with ${count} ranges`);
    const times: number[] = [];
    for (let start = 0; start < STARTS; start++) {
      const before = performance.now();
      await using _promtap = await Promtap.start(rig, flagsOf("bpf", count));
      times.push(performance.now() - before);
    }
    rows.push([whole(count), decimal(median(times))]);
  }
  return { caption: "Start of engine bpf", head: ["ranges", "until ready, ms"], rows };
}
