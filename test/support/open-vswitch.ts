import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "./namespace.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { until } from "./waiting.ts";

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const BRIDGE = "br0";

/** An Open vSwitch of its own, which forwards in user space, with a database and sockets that no other knows. */
export class OpenVswitch implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #folder = new TemporaryFolder();
  readonly #processes: ChildProcess[] = [];

  private constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** A bridge between two interfaces, which are ports 1 and 2: what comes in at one goes out at the other. */
  static async start(namespace: Namespace, one: string, other: string): Promise<OpenVswitch> {
    const ovs = new OpenVswitch(namespace);
    try {
      namespace.run("ovsdb-tool", "create", ovs.#path("conf.db"), SCHEMA);
      await ovs.#spawn("ovsdb-server", ovs.#path("conf.db"), `--remote=punix:${ovs.#path("db.sock")}`);
      await ovs.#spawn("ovs-vswitchd", ovs.#database, "--disable-system");
      const port = (name: string, number: number): string[] => [
        "--",
        "add-port",
        BRIDGE,
        name,
        "--",
        "set",
        "interface",
        name,
        `ofport_request=${number}`,
      ];
      const bridge = ["add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev"];
      ovs.configure(...bridge, ...port(one, 1), ...port(other, 2));
      const flows = `unix:${ovs.#path(`${BRIDGE}.mgmt`)}`;
      namespace.run("ovs-ofctl", "del-flows", flows);
      for (const flow of ["in_port=1,actions=output:2", "in_port=2,actions=output:1"]) {
        namespace.run("ovs-ofctl", "add-flow", flows, flow);
      }
      return ovs;
    } catch (error) {
      await ovs[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Calls ovs-vsctl, which returns when the switch does what it was told. */
  configure(...args: readonly string[]): void {
    this.#namespace.run("ovs-vsctl", `--db=${this.#database}`, ...args);
  }

  /** Has the bridge export: `settings` of the table, as ovs-vsctl writes them. */
  export(table: "NetFlow" | "sFlow" | "IPFIX", ...settings: readonly string[]): void {
    const column = table.toLowerCase();
    this.configure(
      "--",
      `--id=@${column}`,
      "create",
      table,
      ...settings,
      "--",
      "set",
      "bridge",
      BRIDGE,
      `${column}=@${column}`,
    );
  }

  /** Has it forget its flows, which are then exported. */
  flush(): void {
    this.#namespace.run("ovs-appctl", "-t", this.#control("ovs-vswitchd"), "revalidator/purge");
  }

  get #database(): string {
    return `unix:${this.#path("db.sock")}`;
  }

  #path(name: string): string {
    return join(this.#folder.path, name);
  }

  #control(program: string): string {
    return this.#path(`${program}.ctl`);
  }

  /** Starts a program, with its folder in place of the host's, and waits until it listens. */
  async #spawn(program: string, ...args: readonly string[]): Promise<void> {
    const folders = ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"].map(
      (name) => `${name}=${this.#path("")}`,
    );
    const flags = [`--unixctl=${this.#control(program)}`, "--no-chdir", "-vconsole:off"];
    const options = { stdio: "ignore" as const };
    this.#processes.push(this.#namespace.spawn(["env", ...folders, program, ...args, ...flags], options));
    await until(`${program} listens`, () => existsSync(this.#control(program)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#processes.toReversed()) {
      const ended = once(each, "close");
      if (each.exitCode === null && each.kill("SIGTERM")) await ended;
    }
    this.#folder[Symbol.dispose]();
  }
}
