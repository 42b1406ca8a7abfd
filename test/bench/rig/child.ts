import type { ChildProcess, SpawnOptions } from "node:child_process";
import { once } from "node:events";
import type { Namespace } from "../../support/namespace.ts";
import type { Rig } from "./rig.ts";

const PATIENCE_MS = 15_000;

/**
 * A program that runs in a namespace, pinned to a CPU, with all that it prints. It leads a group of its own, and signals
 * go to all of that: trafgen waits for the process of its that sends.
 */
export class Child implements AsyncDisposable {
  readonly #rig: Rig;
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<unknown>;
  #output = "";

  constructor(rig: Rig, namespace: Namespace, cpu: number, command: readonly string[]) {
    this.#rig = rig;
    this.#name = command[0]!;
    // Both wrappers replace themselves, so that the process id is the program's own.
    const options = { stdio: ["ignore", "pipe", "pipe"], detached: true } satisfies SpawnOptions;
    this.#process = namespace.spawn(["taskset", "-c", `${cpu}`, ...command], options);
    this.#ended = once(this.#process, "close");
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Both streams, in the order they came. */
  get output(): string {
    return this.#output;
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Resolves when the condition holds; throws with what the program printed when it ends before. */
  async until(
    what: string,
    condition: () => boolean | Promise<boolean>,
    patienceMs: number = PATIENCE_MS,
  ): Promise<void> {
    await this.#rig.until(`${this.#name} ${what}`, async () => this.#hasEnded || (await condition()), patienceMs);
    if (this.#hasEnded) throw new Error(`${this.#name} ended before it ${what}: ${this.#output}`);
  }

  /** Waits for the program to end by itself; an interrupted run ends it. */
  async end(): Promise<string> {
    const interrupt = (): void => this.#signal("SIGINT");
    this.#rig.signal.addEventListener("abort", interrupt, { once: true });
    await this.#ended;
    this.#rig.signal.removeEventListener("abort", interrupt);
    this.#rig.signal.throwIfAborted();
    return this.#output;
  }

  /** Asks the program to end, then insists; resolves with all that it printed. */
  async stop(): Promise<string> {
    this.#signal("SIGINT");
    const insist = setTimeout(() => this.#signal("SIGKILL"), PATIENCE_MS);
    await this.#ended;
    clearTimeout(insist);
    return this.#output;
  }

  /** To the whole group, which may outlive its leader. */
  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
