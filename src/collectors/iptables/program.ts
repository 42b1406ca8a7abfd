import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../../errors.ts";

/** Most that a program may print on standard output, and on standard error. */
const MAX_OUTPUT_BYTES = 100e6;
/** What is kept of its standard error. */
const KEPT_STDERR_BYTES = 4096;
/** Time to read output in before the event loop gets its turn. */
const TURN_MS = 10;
/** Time for a killed program to be gone, before the next run is refused. */
const LEAVE_MS = 200;

/** How a run ended. */
export interface Outcome {
  /** Null if a signal ended it, or it never started. */
  readonly exitStatus: number | null;
  /** Why the output is of no use; undefined if all is well. */
  readonly error: string | undefined;
  /** The start of its standard error, without white space around it. */
  readonly stderr: string;
}

/** When to give up; deadlines are times of performance.now(). */
export interface Limits {
  readonly deadline: number;
  /** Aborts when promtap ends. */
  readonly signal: AbortSignal;
}

type Exit = Pick<Outcome, "exitStatus" | "error">;

/**
 * A program that is run by its path: without a shell, with an empty environment and nothing to read. It and what it
 * has started are killed when they take too long or print too much.
 */
export class Program {
  readonly path: string;
  /** Settles when the last process is gone, which takes long if it waits inside the kernel. */
  #gone: Promise<unknown> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Runs it to its end and hands on what it prints. What `onOutput` throws ends it, and is the error. Never rejects. */
  async run(args: readonly string[], onOutput: (bytes: Uint8Array) => void, limits: Limits): Promise<Outcome> {
    const { deadline, signal } = limits;
    if (this.#gone !== undefined) await Promise.race([this.#gone, delay(LEAVE_MS)]);
    if (this.#gone !== undefined) return failure("was killed at an earlier scrape and is not gone yet");
    const msLeft = deadline - performance.now();
    if (signal.aborted || msLeft <= 0) return failure("had no time left to run");
    const child = start(this.path, args);
    if (child instanceof Error) return failure(`couldn't be started: ${child.message}`);
    const exit = exitOf(child);
    // Without a process there may be no streams either.
    if (child.pid === undefined) return failure((await exit).error ?? "couldn't be started");
    const gone = exit.finally(() => (this.#gone = undefined));
    this.#gone = gone;
    const { promise: stopped, resolve } = Promise.withResolvers<Exit>();
    const stop = (error: string): void => {
      kill(child);
      resolve({ exitStatus: null, error });
    };
    const timer = setTimeout(() => stop("took too long and was killed"), msLeft);
    const onAbort = (): void => stop("was killed because promtap ends");
    signal.addEventListener("abort", onAbort);
    const stderr = new Beginning();
    const reading = Promise.all([
      readAll(child.stdout, onOutput),
      readAll(child.stderr, (bytes) => stderr.add(bytes)),
    ]).catch((error: unknown) => stop(messageOf(error)));
    const end = await Promise.race([reading.then(() => gone), stopped]);
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    return { ...end, stderr: stderr.text() };
  }
}

/** Node reports some errors by an event and throws others, such as a lack of memory. */
function start(path: string, args: readonly string[]): ChildProcess | Error {
  try {
    return spawn(path, args, {
      cwd: "/",
      env: { LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own, so that all of a script can be killed.
      detached: true,
    });
  } catch (error) {
    return new Error(messageOf(error), { cause: error });
  }
}

function failure(error: string): Outcome {
  return { exitStatus: null, error, stderr: "" };
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ exitStatus: null, error: `couldn't be started: ${error.message}` }));
    child.on("exit", (exitStatus, signal) => resolve({ exitStatus, error: exitError(exitStatus, signal) }));
  });
}

function exitError(exitStatus: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (exitStatus === 0) return undefined;
  return exitStatus === null ? `was ended by ${signal}` : `ended with exit status ${exitStatus}`;
}

function kill(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // All of the group are gone already.
  }
  // What has left the group may still hold the other ends.
  child.stdout?.destroy();
  child.stderr?.destroy();
}

async function readAll(stream: NodeJS.ReadableStream | null, onBytes: (bytes: Uint8Array) => void): Promise<void> {
  let total = 0;
  let turn = performance.now();
  for await (const bytes of (stream ?? []) as AsyncIterable<Uint8Array>) {
    total += bytes.length;
    if (total > MAX_OUTPUT_BYTES) throw new Error(`printed more than ${MAX_OUTPUT_BYTES / 1e6} MB`);
    onBytes(bytes);
    if (performance.now() - turn < TURN_MS) continue;
    await nextTurn();
    turn = performance.now();
  }
}

/** The first bytes of a stream. */
class Beginning {
  readonly #chunks: Uint8Array[] = [];
  #room = KEPT_STDERR_BYTES;

  add(bytes: Uint8Array): void {
    if (this.#room === 0) return;
    const kept = bytes.slice(0, this.#room);
    this.#chunks.push(kept);
    this.#room -= kept.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString().trim();
  }
}
