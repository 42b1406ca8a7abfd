import { GOFLOW2 } from "../../support/goflow2.ts";
import { lacking } from "../../support/requirements.ts";
import { Child } from "../rig/child.ts";
import { COLLECTOR_PORT } from "../rig/flow-file.ts";
import { PROGRAM_CPU, type Rig, SENDER_CPU } from "../rig/rig.ts";

const PORT = 8080;

/** Why it can't run here, or false. */
export const goflow2Lacks: string | false = lacking("goflow2");

/** A goflow2 that decodes what it receives and writes it nowhere, in its most compact format. */
export class Goflow2 implements AsyncDisposable {
  readonly #rig: Rig;
  readonly #child: Child;

  private constructor(rig: Rig, scheme: string) {
    this.#rig = rig;
    const listen = ["-listen", `${scheme}://:${COLLECTOR_PORT}`, "-addr", `127.0.0.1:${PORT}`];
    const output = ["-format", "bin", "-transport", "file", "-transport.file", "/dev/null", "-loglevel", "error"];
    this.#child = new Child(rig, rig.listener, PROGRAM_CPU, [GOFLOW2, ...listen, ...output]);
  }

  /** `scheme`: netflow or sflow. */
  static async start(rig: Rig, scheme: string): Promise<Goflow2> {
    const started = new Goflow2(rig, scheme);
    await started.#child.until("answers", async () => (await started.#page()).includes("go_goroutines"));
    return started;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Datagrams that it says it has read. */
  async datagrams(): Promise<number> {
    const lines = (await this.#page()).matchAll(/^goflow2_flow_traffic_packets_total\{.*\} (\S+)$/gm);
    return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async #page(): Promise<string> {
    const url = `http://127.0.0.1:${PORT}/metrics`;
    await using curl = new Child(this.#rig, this.#rig.listener, SENDER_CPU, ["curl", "--silent", url]);
    return await curl.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}
