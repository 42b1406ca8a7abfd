import { pmacctd } from "../programs/pmacctd.ts";
import type { Program } from "../programs/program.ts";
import { promacct } from "../programs/promacct.ts";
import { promtaps, promtapsBefore } from "../programs/promtap.ts";
import { tcpdump } from "../programs/tcpdump.ts";
import { whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { FRAME_SIZES } from "../rig/sender.ts";
import { costTable } from "./cost-table.ts";
import type { Bench } from "./section.ts";

const PROGRAMS: readonly Program[] = [...promtaps, ...promtapsBefore, promacct, tcpdump, pmacctd];
/** Whose costs ours are compared to. */
const PEERS: readonly Program[] = [promacct, tcpdump];

/**
 * Measures what programs lose at the sender's full speed and what a packet costs: in the kernel, where the sender pays
 * for the taps, and in the program.
 */
export async function lossAndCost(bench: Bench): Promise<Report> {
  const isThere = (program: Program): boolean => program.unavailable === false;
  const programs = PROGRAMS.filter(isThere);
  const missing = PROGRAMS.filter((program) => !isThere(program));
  const tables: Table[] = [];
  for (const frameBytes of FRAME_SIZES) {
    tables.push(await costTable(bench, programs, frameBytes, undefined, PEERS.filter(isThere)));
  }
  const { packets, rounds, turns } = bench.options;
  return {
    title: "Loss and cost of a packet",
    notes: [
      `trafgen on CPU 0 at full speed, veth pair, the program on CPU 1, random addresses in two /24 ranges; medians.`,
      `counted, lost, user, sys: ${whole(packets)} frames a run; every program in turn, rounds: ${rounds}.`,
      "lost: frames that the kernel counted on the interface and the program did not count; in brackets the worst " +
        "round. Times are a packet sent: what a program loses costs it nothing.",
      "user and sys: the program's own CPU time, by the scheduler's clock, shared out by the ticks of all rounds.",
      "kernel: how much longer the sender takes a packet than with nobody listening right before, because the taps run " +
        `in its time: one sender without an end, every program has ${turns} turns of a second, in random order.`,
      "sum: kernel, user and sys; ×: the sum over that of a peer, unless the peer lost more than a hundredth.",
      "promacct shows packets only when the block they came in is full; other frames filled it before it was read.",
      ...missing.map(({ name, unavailable }) => `${name} did not take part: ${unavailable}.`),
    ],
    tables,
  };
}
