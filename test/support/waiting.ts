import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;
/** Generous: only a failing test waits this long. */
const DEADLINE_MS = 20_000;

/**
 * Polls until `probe` gives something else than undefined or false, and returns that. Past the deadline it throws,
 * naming what was waited for and the last error of the probe, if any.
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const { value, error } = await attempt(probe);
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`, { cause: error });
    await delay(POLL_MS);
  }
}

async function attempt<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<{ value?: T | undefined | false; error?: unknown }> {
  try {
    return { value: await probe() };
  } catch (error) {
    return { error };
  }
}
