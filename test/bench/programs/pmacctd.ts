import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lacking } from "../../support/requirements.ts";
import { Child } from "../rig/child.ts";
import { INTERFACE, PROGRAM_CPU, type Rig } from "../rig/rig.ts";
import type { Counted, Listener, Program } from "./program.ts";

export const pmacctd: Program = {
  name: "pmacctd, by src_host and dst_host",
  unavailable: lacking("pmacctd"),
  start: (rig: Rig) => Pmacctd.start(rig),
};

class Pmacctd implements Listener {
  readonly #child: Child;
  readonly #table: string;

  private constructor(rig: Rig) {
    this.#table = join(rig.folder.path, "pmacctd.csv");
    rmSync(this.#table, { force: true });
    const config = join(rig.folder.path, "pmacctd.conf");
    writeFileSync(config, configuration(this.#table));
    this.#child = new Child(rig, rig.listener, PROGRAM_CPU, ["pmacctd", "-f", config]);
  }

  static async start(rig: Rig): Promise<Pmacctd> {
    const started = new Pmacctd(rig);
    await started.#child.until("listens", () => started.#child.output.includes("link type is"));
    return started;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The sum over its table, which it writes when it ends. */
  async counted(): Promise<Counted> {
    const admittedLost = await this.#admittedLost();
    await this.#child.stop();
    const rows = readFileSync(this.#table, "utf8").trim().split("\n").slice(1);
    return { packets: rows.reduce((total, row) => total + Number(row.split(",")[2]), 0), admittedLost };
  }

  /** Writes libpcap's counters to its log when asked by SIGUSR1 (pmacct's SIGNALS document). */
  async #admittedLost(): Promise<number> {
    const dropped = (): string | undefined => /dropped_packets=(\d+)/.exec(this.#child.output)?.[1];
    process.kill(this.pid, "SIGUSR1");
    await this.#child.until("tells its drops", () => dropped() !== undefined);
    return Number(dropped());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}

/**
 * Keeps its table in memory until it ends: the print plugin, because the memory plugin can't be asked for so many rows
 * without losing some of them. Room for all 65,536 pairs of addresses, and for what its two processes pass on: it
 * loses packets there with its defaults.
 */
function configuration(table: string): string {
  return [
    "daemonize: false",
    `pcap_interface: ${INTERFACE}`,
    "aggregate: src_host, dst_host",
    "plugins: print",
    "print_output: csv",
    `print_output_file: ${table}`,
    "print_refresh_time: 86400",
    "print_cache_entries: 131071",
    "plugin_buffer_size: 102400",
    "plugin_pipe_size: 67108864",
    "",
  ].join("\n");
}
