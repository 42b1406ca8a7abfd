import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lacking } from "../../support/requirements.ts";
import { Child } from "../rig/child.ts";
import { INTERFACE, PROGRAM_CPU, type Rig } from "../rig/rig.ts";
import type { Counted, Listener, Program } from "./program.ts";

export const pmacctd = pmacctdWith("by src_host and dst_host", ["aggregate: src_host, dst_host"]);

/** A pmacctd that counts in its own way: lines of its configuration, and what they mean. */
export function pmacctdWith(what: string, lines: readonly string[]): Program {
  return {
    name: `pmacctd, ${what}`,
    unavailable: lacking("pmacctd"),
    start: (rig: Rig) => Pmacctd.start(rig, lines),
  };
}

class Pmacctd implements Listener {
  readonly #child: Child;
  readonly #table: string;

  private constructor(rig: Rig, lines: readonly string[]) {
    this.#table = join(rig.folder.path, "pmacctd.csv");
    rmSync(this.#table, { force: true });
    const config = join(rig.folder.path, "pmacctd.conf");
    writeFileSync(config, configuration(this.#table, lines));
    this.#child = new Child(rig, rig.listener, PROGRAM_CPU, ["pmacctd", "-f", config]);
  }

  static async start(rig: Rig, lines: readonly string[]): Promise<Pmacctd> {
    const started = new Pmacctd(rig, lines);
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
    const [head = [], ...rows] = readFileSync(this.#table, "utf8")
      .trim()
      .split("\n")
      .map((row) => row.split(","));
    const packets = head.indexOf("PACKETS");
    return { packets: rows.reduce((total, row) => total + Number(row[packets]), 0), admittedLost };
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
function configuration(table: string, lines: readonly string[]): string {
  return [
    "daemonize: false",
    `pcap_interface: ${INTERFACE}`,
    ...lines,
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
