import { existsSync } from "node:fs";
import { Page } from "../../support/page.ts";
import { Child } from "../rig/child.ts";
import { INTERFACE, PROGRAM_CPU, type Rig, SENDER_CPU } from "../rig/rig.ts";
import { RANGES, sendFiller } from "../rig/sender.ts";
import type { Counted, Listener, Program } from "./program.ts";

/** promacct is not packaged anywhere: the environment says where it was built. */
const PATH = process.env["PROMACCT"];

export const PROMACCT_PORT = 9112;

export const promacct: Program = {
  name: "promacct",
  unavailable: PATH === undefined ? "set PROMACCT=/path/to/promacct" : !existsSync(PATH) && `no such file: ${PATH}`,
  start: (rig: Rig) => Promacct.start(rig, RANGES),
};

export class Promacct implements Listener {
  readonly child: Child;
  readonly #rig: Rig;

  private constructor(rig: Rig, ranges: readonly string[]) {
    const command = [PATH!, "-i", INTERFACE, "-p", `${PROMACCT_PORT}`, ...ranges.flatMap((range) => ["-r", range])];
    this.#rig = rig;
    this.child = new Child(rig, rig.listener, PROGRAM_CPU, command);
  }

  static async start(rig: Rig, ranges: readonly string[]): Promise<Promacct> {
    const started = new Promacct(rig, ranges);
    // An empty page until the first packet: only the headers tell that it answers.
    await started.child.until("answers", async () => (await started.#curl("--head")).includes("200 OK"));
    return started;
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Shows packets only when the block they came in is full, so that blocks have to be filled up first. */
  async counted(): Promise<Counted> {
    await sendFiller(this.#rig);
    let before = -1;
    let packets = await this.#packets();
    await this.#rig.until("promacct's counts stand still", async () => {
      [before, packets] = [packets, await this.#packets()];
      return before === packets;
    });
    return { packets, admittedLost: undefined };
  }

  async #packets(): Promise<number> {
    return new Page(await this.#curl()).sum("promacct_packet_size_bytes_ipv4_tx_count");
  }

  async #curl(...flags: readonly string[]): Promise<string> {
    const command = ["curl", "--silent", ...flags, `http://127.0.0.1:${PROMACCT_PORT}/metrics`];
    await using curl = new Child(this.#rig, this.#rig.listener, SENDER_CPU, command);
    // Awaited here: leaving the block ends curl.
    return await curl.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
  }
}
