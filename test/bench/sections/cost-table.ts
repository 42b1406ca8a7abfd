import type { Counted, Program } from "../programs/program.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Table } from "../report/report.ts";
import { type Ends, sendTraffic } from "../rig/sender.ts";
import { takeTurns } from "../rig/turns.ts";
import { type CpuTime, cpuTime, minus, plus, quiet } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const COLUMNS = ["program", "counted", "lost", "lost by its own account", "kernel", "user", "sys", "sum"] as const;

/** What a peer loses costs it nothing: beyond this share nothing is compared to it. */
const MUCH_LOST = 0.01;

/** One program in one round. */
interface Run {
  sent: number;
  counted: Counted;
  cpu: CpuTime;
}

/** What a program costs a packet, in nanoseconds. */
interface Cost {
  kernel: number;
  user: number;
  system: number;
}

/**
 * Measures these programs with frames of one size, all in turn: what they lose and take of their own, and then what the
 * sender pays for their taps. `ends`: of the frames, those of sendTraffic else. The sums are compared to those of `peers`.
 */
export async function costTable(
  bench: Bench,
  programs: readonly Program[],
  frameBytes: number,
  ends?: Ends,
  peers: readonly Program[] = [],
): Promise<Table> {
  const { rig, options, progress } = bench;
  const runs = new Map<Program, Run[]>(programs.map((program) => [program, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [program, itsRuns] of runs) {
      progress(`${frameBytes}-byte frames, round ${round}: ${program.name}`);
      itsRuns.push(await measure(bench, program, frameBytes, ends));
    }
  }
  progress(`${frameBytes}-byte frames: all in ${options.turns} turns`);
  const turns = await takeTurns(rig, programs, options.turns, frameBytes, ends);
  const costs = new Map<Program, Cost>();
  for (const [program, itsTurns] of turns) {
    const kernel = median(itsTurns.map(({ alone, listening }) => listening - alone));
    costs.set(program, { kernel, ...ownCost(runs.get(program)!) });
  }
  const alone = median([...turns.values()].flat().map((turn) => turn.alone));
  const compared = peers.filter((peer) => lostShare(runs.get(peer)!) < MUCH_LOST);
  const sums = compared.map((peer) => sumOf(costs.get(peer)!));
  return {
    caption: `${frameBytes}-byte frames; times in ns a packet; nobody listens: ${whole(alone)}`,
    head: [...COLUMNS, ...compared.map(({ name }) => `× ${name.split(" ")[0]}`)],
    rows: programs.map((program) => [
      program.name,
      ...lossCells(runs.get(program)!),
      ...costCells(costs.get(program)!),
      ...sums.map((sum) => decimal(sumOf(costs.get(program)!) / sum, 2)),
    ]),
  };
}

async function measure(bench: Bench, program: Program, frameBytes: number, ends: Ends | undefined): Promise<Run> {
  const { rig, options } = bench;
  await using listener = await program.start(rig);
  await quiet(rig, listener.pid);
  const arrivedBefore = rig.arrivedPackets();
  const cpuBefore = cpuTime(listener.pid);
  await sendTraffic(rig, frameBytes, options.packets, ends);
  await quiet(rig, listener.pid);
  const cpu = minus(cpuTime(listener.pid), cpuBefore);
  const sent = rig.arrivedPackets() - arrivedBefore;
  return { sent, counted: await listener.counted(), cpu };
}

function ownCost(runs: readonly Run[]): Omit<Cost, "kernel"> {
  const ticks = runs.map((run) => run.cpu).reduce(plus);
  const userShare = ticks.userNs / Math.max(1, ticks.userNs + ticks.systemNs);
  const own = median(runs.map(({ cpu, sent }) => cpu.totalNs / sent));
  return { user: own * userShare, system: own * (1 - userShare) };
}

function sumOf({ kernel, user, system }: Cost): number {
  return kernel + user + system;
}

function costCells(cost: Cost): string[] {
  return [whole(cost.kernel), decimal(cost.user), decimal(cost.system), whole(sumOf(cost))];
}

function lostShare(runs: readonly Run[]): number {
  return median(runs.map(({ sent, counted }) => (sent - counted.packets) / sent));
}

function lossCells(runs: readonly Run[]): string[] {
  const lost = runs.map((run) => run.sent - run.counted.packets);
  const admitted = runs.map((run) => run.counted.admittedLost).filter((packets) => packets !== undefined);
  return [
    whole(median(runs.map((run) => run.counted.packets))),
    `${whole(median(lost))} = ${decimal(100 * lostShare(runs))} % (${whole(Math.max(...lost))})`,
    admitted.length === 0 ? "can't tell" : whole(median(admitted)),
  ];
}
