import { existsSync } from "node:fs";
import { Page } from "../../support/page.ts";
import { Child } from "../rig/child.ts";
import { INTERFACE, PROGRAM_CPU, type Rig, SENDER_CPU } from "../rig/rig.ts";

/** wialon_ips_exporter is not packaged anywhere: the environment says where it was built. */
const PATH = process.env["WIALON"];

const PORT = 9332;

/** Why it can't run here, or false. */
export const wialonExporterLacks: string | false =
  PATH === undefined ? "set WIALON=/path/to/wialon_ips_exporter" : !existsSync(PATH) && `no such file: ${PATH}`;

/** A wialon_ips_exporter on the listener's interface. */
export class WialonExporter implements AsyncDisposable {
  readonly #rig: Rig;
  readonly #child: Child;

  private constructor(rig: Rig) {
    this.#rig = rig;
    // It logs each stream.
    const command = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", PATH!];
    const flags = ["-i", INTERFACE, "-metrics-listen-address", `127.0.0.1:${PORT}`];
    this.#child = new Child(rig, rig.listener, PROGRAM_CPU, [...command, ...flags]);
  }

  static async start(rig: Rig): Promise<WialonExporter> {
    const started = new WialonExporter(rig);
    await started.#child.until("answers", async () => (await started.#curl()).includes("wialon_ips"));
    return started;
  }

  get pid(): number {
    return this.#child.pid;
  }

  async page(): Promise<Page> {
    return new Page(await this.#curl());
  }

  async #curl(): Promise<string> {
    const command = ["curl", "--silent", `http://127.0.0.1:${PORT}/metrics`];
    await using curl = new Child(this.#rig, this.#rig.listener, SENDER_CPU, command);
    return await curl.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}
