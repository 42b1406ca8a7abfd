import { readFileSync } from "node:fs";
import { version } from "node:os";

/** CPUs that this kernel may ever run, 1 more than the highest number; infinitely many if it does not say. */
export function possibleCpus(): number {
  const list = textOf("/sys/devices/system/cpu/possible");
  // Without /sys all CPUs share a lane, in locked steps.
  return list === undefined ? Number.POSITIVE_INFINITY : Number(/(\d+)\s*$/.exec(list)?.[1] ?? 0) + 1;
}

/**
 * Whether the kernel may interrupt a program for another one on the same CPU (PREEMPT_RT): mainline says so in its
 * version, and kernels that were patched in a file.
 */
export function isRealtime(): boolean {
  return version().includes("PREEMPT_RT") || textOf("/sys/kernel/realtime")?.trim() === "1";
}

/** Undefined if there is no such file. Throws if it can't be read now: it decides how packets are counted. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EMFILE" || code === "ENFILE" || code === "ENOMEM") throw error;
    return undefined;
  }
}
