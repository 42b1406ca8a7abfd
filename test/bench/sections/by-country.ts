import { Promtap } from "../programs/promtap.ts";
import type { Program } from "../programs/program.ts";
import { decimal, median } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { INTERFACE } from "../rig/rig.ts";
import { FRAME_SIZES, RANGES, TO_ANYWHERE } from "../rig/sender.ts";
import { anonymousBytes, mapBytes } from "../rig/usage.ts";
import { costTable } from "./cost-table.ts";
import type { Bench } from "./section.ts";

const ENGINES = ["ring", "bpf", "tcx"] as const;
const BY = ["--by", "country"];
const STARTS = 5;

/** Measures what it costs to count by the country of the remote address, with the database in the binary. */
export async function byCountry(bench: Bench): Promise<Report> {
  const programs = ENGINES.flatMap((engine) => [programOf(engine, []), programOf(engine, BY)]);
  const [shortFrames] = FRAME_SIZES;
  return {
    title: "By country",
    notes: ["Frames from one range to random addresses all over IPv4: each is another network. Else as above."],
    tables: [await costTable(bench, programs, shortFrames, TO_ANYWHERE), await footprint(bench)],
  };
}

function programOf(engine: string, flags: readonly string[]): Program {
  return {
    name: ["promtap", "--engine", engine, ...flags].join(" "),
    unavailable: false,
    start: (rig) => Promtap.start(rig, ["--engine", engine, "-i", INTERFACE, "-r", RANGES[0], ...flags]),
  };
}

async function footprint({ rig, progress }: Bench): Promise<Table> {
  const rows: string[][] = [];
  for (const flags of [[], BY]) {
    for (const engine of ENGINES) {
      progress(`${engine} ${flags.join(" ")}: start and memory`);
      const times: number[] = [];
      let [own, kernel] = [0, 0];
      for (let start = 0; start < STARTS; start++) {
        const before = performance.now();
        await using promtap = await Promtap.start(rig, ["--engine", engine, "-i", INTERFACE, ...flags]);
        times.push(performance.now() - before);
        await promtap.page();
        own = anonymousBytes(promtap.pid);
        kernel = mapBytes(promtap.pid);
      }
      const name = ["promtap", "--engine", engine, ...flags].join(" ");
      rows.push([name, decimal(median(times)), decimal(own / 1e6), decimal(kernel / 1e6)]);
    }
  }
  return { caption: "Start and memory", head: ["program", "ready after, ms", "RssAnon, MB", "BPF maps, MB"], rows };
}
