import { setTimeout as sleep } from "node:timers/promises";
import type { Program } from "../programs/program.ts";
import type { Rig } from "./rig.ts";
import { type Ends, trafficWithoutEnd } from "./sender.ts";

/** What a program has to get warm in its turn, under traffic, before it is measured. */
const WARM_UP_MS = 500;
const TURN_MS = 1_000;

/** How long the sender takes a packet, in nanoseconds. */
export interface Turn {
  /** Right before the program starts. */
  alone: number;
  listening: number;
}

/**
 * The turns of each program, in random order, while one sender goes on at full speed: two senders differ by more than
 * two programs do, by what memory each was given, and so do two minutes on a shared machine.
 */
export async function takeTurns(
  rig: Rig,
  programs: readonly Program[],
  turns: number,
  frameBytes: number,
  ends?: Ends,
): Promise<Map<Program, Turn[]>> {
  const taken = new Map<Program, Turn[]>(programs.map((program) => [program, []]));
  await using _traffic = await trafficWithoutEnd(rig, frameBytes, ends);
  for (let turn = 0; turn < turns; turn++) {
    for (const program of shuffled(programs)) {
      const alone = await senderTime(rig);
      await using _listener = await program.start(rig);
      await sleep(WARM_UP_MS, undefined, { signal: rig.signal });
      taken.get(program)!.push({ alone, listening: await senderTime(rig) });
    }
  }
  return taken;
}

async function senderTime(rig: Rig): Promise<number> {
  const arrivedBefore = rig.arrivedPackets();
  const before = performance.now();
  await sleep(TURN_MS, undefined, { signal: rig.signal });
  const arrived = rig.arrivedPackets() - arrivedBefore;
  if (arrived === 0) throw new Error("the sender stands still");
  return ((performance.now() - before) * 1e6) / arrived;
}

function shuffled<T>(values: readonly T[]): T[] {
  const keyed = values.map((value) => ({ value, key: Math.random() }));
  return keyed.toSorted((one, other) => one.key - other.key).map(({ value }) => value);
}
