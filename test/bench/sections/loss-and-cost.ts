import { pmacctd } from "../programs/pmacctd.ts";
import type { Counted, Program } from "../programs/program.ts";
import { promacct } from "../programs/promacct.ts";
import { promtaps } from "../programs/promtap.ts";
import { tcpdump } from "../programs/tcpdump.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { FRAME_SIZES, sendTraffic } from "../rig/sender.ts";
import { type CpuTime, cpuTime, minus, plus, quiet } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const PROGRAMS: readonly Program[] = [...promtaps, promacct, tcpdump, pmacctd];

/** One program in one round. */
interface Run {
  sent: number;
  counted: Counted;
  senderNs: number;
  /** What the sender needed longer than with nobody listening in the same round. */
  kernelNs: number;
  cpu: CpuTime;
}

/**
 * Measures what programs lose at the sender's full speed and what a packet costs: in the kernel, where the sender pays
 * for the taps, and in the program.
 */
export async function lossAndCost(bench: Bench): Promise<Report> {
  const programs = PROGRAMS.filter((program) => program.unavailable === false);
  const missing = PROGRAMS.filter((program) => program.unavailable !== false);
  const tables: Table[] = [];
  for (const frameBytes of FRAME_SIZES) tables.push(await costTable(bench, programs, frameBytes));
  return {
    title: "Loss and cost of a packet",
    notes: [
      `${whole(bench.options.packets)} frames a run; every program in turn, rounds: ${bench.options.rounds}; ` +
        "medians. trafgen on CPU 0 at full speed, veth pair, the program on CPU 1, random addresses in two /24 ranges.",
      "kernel: how much longer the sender takes a packet than with nobody listening, because the taps run in its " +
        "time. user and sys: the program's own CPU time, by the scheduler's clock, shared out by the ticks of all " +
        "rounds. sum: kernel, user and sys.",
      "lost: frames that the kernel counted on the interface and the program did not count; in brackets the worst " +
        "round. Times are a packet sent: what a program loses costs it nothing.",
      "promacct shows packets only when the block they came in is full; other frames filled it before it was read.",
      ...missing.map(({ name, unavailable }) => `${name} did not take part: ${unavailable}.`),
    ],
    tables,
  };
}

/** Measures these programs with frames of one size, all in turn. `addresses`: as sendTraffic takes them. */
export async function costTable(
  bench: Bench,
  programs: readonly Program[],
  frameBytes: number,
  addresses?: string,
): Promise<Table> {
  const baselines: number[] = [];
  const runs = new Map<Program, Run[]>(programs.map((program) => [program, []]));
  for (let round = 1; round <= bench.options.rounds; round++) {
    bench.progress(`${frameBytes}-byte frames, round ${round}: nobody listens`);
    const baselineNs = await sendTraffic(bench.rig, frameBytes, bench.options.packets, addresses);
    baselines.push(baselineNs / bench.options.packets);
    for (const [program, itsRuns] of runs) {
      bench.progress(`${frameBytes}-byte frames, round ${round}: ${program.name}`);
      itsRuns.push(await measure(bench, program, frameBytes, baselineNs, addresses));
    }
  }
  const none = ["nobody listens", "", "", "", whole(median(baselines)), "", "", "", ""];
  return {
    caption: `${frameBytes}-byte frames; times in ns a packet`,
    head: ["program", "counted", "lost", "lost by its own account", "sender", "kernel", "user", "sys", "sum"],
    rows: [none, ...[...runs].map(([program, itsRuns]) => rowOf(program.name, itsRuns))],
  };
}

async function measure(
  bench: Bench,
  program: Program,
  frameBytes: number,
  baselineNs: number,
  addresses: string | undefined,
): Promise<Run> {
  const { rig, options } = bench;
  await using listener = await program.start(rig);
  await quiet(rig, listener.pid);
  const arrivedBefore = rig.arrivedPackets();
  const cpuBefore = cpuTime(listener.pid);
  const senderNs = await sendTraffic(rig, frameBytes, options.packets, addresses);
  await quiet(rig, listener.pid);
  const cpu = minus(cpuTime(listener.pid), cpuBefore);
  const sent = rig.arrivedPackets() - arrivedBefore;
  return { sent, counted: await listener.counted(), senderNs, kernelNs: senderNs - baselineNs, cpu };
}

function rowOf(name: string, runs: readonly Run[]): string[] {
  const perPacket = (nsOf: (run: Run) => number): number => median(runs.map((run) => nsOf(run) / run.sent));
  const ticks = runs.map((run) => run.cpu).reduce(plus);
  const userShare = ticks.userNs / Math.max(1, ticks.userNs + ticks.systemNs);
  const kernelNs = perPacket((run) => run.kernelNs);
  const ownNs = perPacket((run) => run.cpu.totalNs);
  return [
    name,
    whole(median(runs.map((run) => run.counted.packets))),
    lostCell(runs),
    admittedCell(runs),
    whole(perPacket((run) => run.senderNs)),
    whole(kernelNs),
    decimal(ownNs * userShare),
    decimal(ownNs * (1 - userShare)),
    whole(kernelNs + ownNs),
  ];
}

function lostCell(runs: readonly Run[]): string {
  const lost = runs.map((run) => run.sent - run.counted.packets);
  const percent = (100 * median(lost)) / median(runs.map((run) => run.sent));
  return `${whole(median(lost))} = ${decimal(percent)} % (${whole(Math.max(...lost))})`;
}

function admittedCell(runs: readonly Run[]): string {
  const admitted = runs.map((run) => run.counted.admittedLost).filter((lost) => lost !== undefined);
  return admitted.length === 0 ? "can't tell" : whole(median(admitted));
}
