import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { Child } from "../rig/child.ts";
import { PROGRAM_CPU, type Rig, SENDER_CPU } from "../rig/rig.ts";

/** iptables_exporter is not packaged anywhere: the environment says where it was built. */
const PATH = process.env["IPTABLES"];

export const IPTABLES_EXPORTER_PORT = 9455;

/** Why it can't run here, or false. */
export const iptablesExporterLacks: string | false =
  PATH === undefined ? "set IPTABLES=/path/to/iptables_exporter" : !existsSync(PATH) && `no such file: ${PATH}`;

/** An iptables_exporter in the listener's namespace that reads the rules of one backend. */
export class IptablesExporter implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #child: Child;

  private constructor(rig: Rig, folder: TemporaryFolder) {
    this.#folder = folder;
    const listen = `--web.listen-address=127.0.0.1:${IPTABLES_EXPORTER_PORT}`;
    const command = ["env", `PATH=${folder.path}`, PATH!, listen];
    this.#child = new Child(rig, rig.listener, PROGRAM_CPU, command);
  }

  /** `save`: the program that it is to run. */
  static async start(rig: Rig, save: string): Promise<IptablesExporter> {
    const folder = new TemporaryFolder();
    symlinkSync(save, join(folder.path, "iptables-save"));
    const started = new IptablesExporter(rig, folder);
    const url = `http://127.0.0.1:${IPTABLES_EXPORTER_PORT}/`;
    await started.#child.until("answers", async () => {
      await using curl = new Child(rig, rig.listener, SENDER_CPU, ["curl", "--silent", url]);
      return (await curl.end()).includes("iptables");
    });
    return started;
  }

  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    this.#folder[Symbol.dispose]();
  }
}
