import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lacking } from "../../support/requirements.ts";
import { Child } from "../rig/child.ts";
import { INTERFACE, PROGRAM_CPU, type Rig, SENDER_CPU } from "../rig/rig.ts";
import type { Counted, Listener, Program } from "./program.ts";

export const pmacctd: Program = {
  name: "pmacctd, src_host × dst_host in memory",
  unavailable: lacking("pmacctd", "pmacct"),
  start: (rig: Rig) => Pmacctd.start(rig),
};

class Pmacctd implements Listener {
  readonly #rig: Rig;
  readonly #child: Child;
  readonly #table: string;

  private constructor(rig: Rig) {
    this.#rig = rig;
    this.#table = join(rig.folder.path, "pmacctd.sock");
    const config = join(rig.folder.path, "pmacctd.conf");
    writeFileSync(config, configuration(this.#table));
    this.#child = new Child(rig, rig.listener, PROGRAM_CPU, ["pmacctd", "-f", config]);
  }

  static async start(rig: Rig): Promise<Pmacctd> {
    const started = new Pmacctd(rig);
    await started.#child.until("listens", () => started.#child.output.includes("waiting for data"));
    return started;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The sum over its table; frames outside of the ranges are not sent while it runs. */
  async counted(): Promise<Counted> {
    const command = ["pmacct", "-p", this.#table, "-s", "-O", "csv"];
    await using client = new Child(this.#rig, this.#rig.listener, SENDER_CPU, command);
    const rows = (await client.end()).split("\n").slice(1);
    const packets = rows.map((row) => Number(row.split(",")[2] ?? 0)).reduce((total, value) => total + value, 0);
    return { packets, admittedLost: await this.#admittedLost() };
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
 * Room for all 65,536 pairs of addresses, and buffers between its two processes that its own documentation advises for
 * high rates: with the defaults it loses packets there.
 */
function configuration(table: string): string {
  return [
    "daemonize: false",
    `pcap_interface: ${INTERFACE}`,
    "aggregate: src_host, dst_host",
    "plugins: memory",
    `imt_path: ${table}`,
    "imt_mem_pools_number: 0",
    "imt_buckets: 65537",
    "plugin_buffer_size: 102400",
    "plugin_pipe_size: 16384000",
    "",
  ].join("\n");
}
