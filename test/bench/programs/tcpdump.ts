import { lacking } from "../../support/requirements.ts";
import { Child } from "../rig/child.ts";
import { INTERFACE, PROGRAM_CPU, type Rig } from "../rig/rig.ts";
import type { Counted, Listener, Program } from "./program.ts";

const COMMAND = ["tcpdump", "-n", "-s", "34", "-w", "/dev/null"];

/** The least that libpcap costs: it takes the headers and looks at nothing. */
export const tcpdump: Program = {
  name: COMMAND.join(" "),
  unavailable: lacking("tcpdump"),
  start: (rig: Rig) => Tcpdump.start(rig),
};

class Tcpdump implements Listener {
  readonly #child: Child;

  private constructor(rig: Rig) {
    this.#child = new Child(rig, rig.listener, PROGRAM_CPU, [...COMMAND, "-i", INTERFACE]);
  }

  static async start(rig: Rig): Promise<Tcpdump> {
    const started = new Tcpdump(rig);
    await started.#child.until("listens", () => started.#child.output.includes("listening on"));
    return started;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Tells its counts only when it ends. */
  async counted(): Promise<Counted> {
    const output = await this.#child.stop();
    const number = (text: string): number => Number(new RegExp(`(\\d+) packets? ${text}`).exec(output)?.[1]);
    return { packets: number("captured"), admittedLost: number("dropped by kernel") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}
