import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "./frames.ts";
import type { Namespace } from "./namespace.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

/** Socket memory is left as it is, the queue discipline is passed like any traffic. */
const TRAFGEN = ["trafgen", "--no-sock-mem", "--qdisc-path"];
const ONE_PROCESS = ["--cpus", "1"];

/**
 * Puts frames on an interface with trafgen, round and round the list until `count` are sent; each of them once when
 * no count is given. As fast as it goes, unless `gap` says how much time to leave, such as "1ms". From one CPU, unless
 * `cpus` says how many share the work.
 */
export async function send(
  namespace: Namespace,
  interfaceName: string,
  frames: readonly Frame[],
  options: { count?: number; gap?: string; cpus?: number } = {},
): Promise<void> {
  using folder = new TemporaryFolder();
  const config = writeConfig(folder, frames);
  const gap = options.gap === undefined ? [] : ["--gap", options.gap];
  const count = options.count ?? frames.length;
  const sentBefore = namespace.statistic(interfaceName, "tx_packets");
  const work = ["--cpus", `${options.cpus ?? 1}`, "--num", `${count}`, ...gap];
  const trafgen = namespace.spawn([...TRAFGEN, "--in", config, "--out", interfaceName, ...work]);
  let output = "";
  trafgen.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  trafgen.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(trafgen, "close");
  // trafgen counts what it tried; the kernel refuses, for one, what is longer than the MTU allows.
  const sent = namespace.statistic(interfaceName, "tx_packets") - sentBefore;
  if (sent !== count) throw new Error(`trafgen sent ${sent} of ${count} frames: ${output}`);
}

/** Sends frames round and round, one a `gap`, until it is disposed of or the interface is deleted. */
export class Load implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #trafgen: ChildProcess;
  readonly #closed: Promise<unknown>;

  constructor(namespace: Namespace, interfaceName: string, frames: readonly Frame[], gap: string) {
    const config = writeConfig(this.#folder, frames);
    const command = [...TRAFGEN, ...ONE_PROCESS, "--in", config, "--out", interfaceName, "--gap", gap];
    this.#trafgen = namespace.spawn(command, { stdio: "ignore", detached: true });
    this.#closed = once(this.#trafgen, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its two processes, by force: once the interface is gone trafgen does not hear a signal.
    process.kill(-this.#trafgen.pid!, "SIGKILL");
    await this.#closed;
    this.#folder[Symbol.dispose]();
  }
}

function writeConfig(folder: TemporaryFolder, frames: readonly Frame[]): string {
  const path = join(folder.path, "frames.cfg");
  writeFileSync(path, frames.map((frame) => `{ ${frame.bytes.join(", ")} }\n`).join(""));
  return path;
}
