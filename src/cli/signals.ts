import { log } from "../log.ts";
import { endBySignal } from "../native/process.ts";

/** Ask the program to end; sent by systemd, a terminal, Docker. */
const ENDING = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * Would end a program that does not listen to them. SIGUSR1 is blocked from the start (scripts/binary.ts), and Node
 * ignores SIGPIPE and SIGXFSZ; those that tell of a crash (SIGSEGV) or stop a program (SIGTSTP) mean what they always do.
 */
const MEANINGLESS = ["SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGXCPU", "SIGIO", "SIGPWR", "SIGSTKFLT"] as const;

let onHangup: (() => void) | undefined;
/** Whether there was a SIGHUP that nobody has listened to. */
let hasHungUp = false;

/** Logs signals that would end another program, and goes on. */
export function outliveSignals(): void {
  for (const signal of MEANINGLESS) process.on(signal, () => log.info("signal without a meaning", { signal }));
  process.on("SIGHUP", (signal) => {
    hasHungUp = onHangup === undefined;
    if (hasHungUp) log.info("comes too early, and counts when all has started", { signal });
    onHangup?.();
  });
}

/** Calls `listener` at each SIGHUP from now on, and in the next turn for those before, until it is disposed of. */
export function watchHangups(listener: () => void): Disposable {
  onHangup = listener;
  if (hasHungUp) setImmediate(listener);
  hasHungUp = false;
  return { [Symbol.dispose]: () => (onHangup = undefined) };
}

let finishes = false;

/**
 * Goes on through signals that ask for the end, and when nobody reads any more what is printed, until all is done: half
 * of a change is worse than a later end.
 */
export function finishFirst(): void {
  finishes = true;
  for (const signal of ENDING) process.on(signal, () => log.warn("ends when all is done, or undone", { signal }));
}

/** Whether what was begun has to be brought to its end. */
export function hasToFinish(): boolean {
  return finishes;
}

/** Time to end in once asked to, whatever hangs. */
const END_MS = 2_900;

/**
 * Aborts at the first signal that asks for the end. What has not ended in time, or by the second signal, is cut off.
 */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ENDING) {
    process.on(signal, () => {
      if (controller.signal.aborted) endBySignal(signal);
      log.info("stopping", { signal });
      const late = (): void => {
        log.error("couldn't stop in time; ends at once", { signal });
        endBySignal(signal);
      };
      setTimeout(late, END_MS).unref();
      controller.abort();
    });
  }
  return controller.signal;
}
