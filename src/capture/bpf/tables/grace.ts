import { setTimeout as delay } from "node:timers/promises";
import { membarrierInBackground } from "../../../native/libc.ts";

/** Far longer than a program runs, if the kernel does not say when all of them have ended. */
const MAX_RUN_MS = 1000;

/** Resolves when no program is running any more that is running now. */
export async function untilProgramsEnd(): Promise<void> {
  if ((await membarrierInBackground()) < 0) await delay(MAX_RUN_MS, undefined, { ref: false });
}
