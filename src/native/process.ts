import { setFlagsFromString } from "node:v8";
import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import * as libc from "./libc.ts";

/** Of the kernel's signals, glibc leaves 34 to 64 to programs, and keeps two for itself. */
const FIRST_REALTIME = 34;
const LAST_SIGNAL = 64;

/**
 * Calls the process what ps, pgrep and the journal are to show, if that can be had; Node calls its main thread
 * MainThread. In /proc the name is root's if a file capability is at work, and there may be no /proc; libc can't be
 * called if no addon can be loaded.
 */
export function nameProcess(name: string): void {
  const ways = [() => writeFileSync("/proc/self/comm", name), () => libc.setThreadName(name)];
  ways.some(succeeds);
}

function succeeds(way: () => void): boolean {
  try {
    way();
    return true;
  } catch {
    return false;
  }
}

/** Ignores the real-time signals, which would end the process, and which Node does not know. Throws PromtapError. */
export function ignoreRealtimeSignals(): void {
  for (let signal = FIRST_REALTIME; signal <= LAST_SIGNAL; signal++) libc.ignoreSignal(signal);
}

/** What is done by threads that Node joins at its end, whatever they wait for (uv_library_shutdown). */
const POOLED: readonly string[] = ["FSReqCallback", "FSReqPromise", "GetAddrInfoReqWrap", "GetNameInfoReqWrap"];

/** Ends the process, and waits for no file or name server that may never answer. */
export function endProcess(status: number): never {
  // returns if libc can't be called
  if (process.getActiveResourcesInfo().some((name) => POOLED.includes(name))) succeeds(() => libc.exit(status));
  process.exit(status);
}

/** Ends the process at once as if it did not listen to a signal, in what it tells its parent too. */
export function endBySignal(signal: NodeJS.Signals): never {
  const status = 128 + constants.signals[signal];
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // The kernel spares the first process of a PID namespace.
  succeeds(() => libc.exit(status));
  process.exit(status);
}

/**
 * Has V8 compile the whole way of a packet, from the ring to its counter, into one loop, which is more code than it inlines
 * by default (36 against 26 ns a packet, Node 24.21). Not from the first moment on: what Node carries compiled of itself is
 * for the flags that it was built with, and to compile that again takes a third of the start.
 */
export function inlineDeeply(): void {
  setFlagsFromString("--max-inlined-bytecode-size=2000");
  setFlagsFromString("--max-inlined-bytecode-size-cumulative=3000");
}
