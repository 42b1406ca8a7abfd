import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LIVE_FLAGS, Promtap } from "../programs/promtap.ts";
import { decimal, whole } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { FRAME_SIZES, sendTraffic } from "../rig/sender.ts";
import { quiet } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

/** The sources, because the binary takes no options for Node from the environment. */
const TRACED = [process.execPath, "--trace-gc", resolve(import.meta.dirname, "../../../src/main.ts")];

/** Scrapes make garbage; so many of them can't go without a collection. */
const PROVOKING_SCRAPES = 2_000;

/** Counts garbage collections while packets come and in as much time without. */
export async function garbage(bench: Bench): Promise<Report> {
  const row = await ringRow(bench);
  return {
    title: "Garbage collections",
    notes: [
      "By V8's own trace (`node --trace-gc src/main.ts`): while packets came in, and in the same time right before.",
    ],
    tables: [
      { caption: "Garbage collections", head: ["engine", "packets", "seconds", "with packets", "idle"], rows: [row] },
    ],
  };
}

async function ringRow({ rig, options, progress }: Bench): Promise<string[]> {
  progress("garbage collections");
  await using promtap = await Promtap.start(rig, ["--engine", "ring", ...LIVE_FLAGS], TRACED);
  const collections = (): number => promtap.child.output.match(/Scavenge|Mark-Compact/g)?.length ?? 0;
  // Once before, so that what follows is compiled.
  const senderNs = await sendTraffic(rig, FRAME_SIZES[0], options.packets);
  await quiet(rig, promtap.pid);
  const start = collections();
  await delay(senderNs / 1e6, undefined, { signal: rig.signal });
  const afterIdle = collections();
  await sendTraffic(rig, FRAME_SIZES[0], options.packets);
  const afterPackets = collections();
  for (let count = 0; count < PROVOKING_SCRAPES && collections() === 0; count++) await promtap.page();
  if (collections() === 0) throw new Error("promtap traces no garbage collection, however much it is scraped");
  const counts = [`${afterPackets - afterIdle}`, `${afterIdle - start}`];
  return ["ring", whole(options.packets), decimal(senderNs / 1e9), ...counts];
}
