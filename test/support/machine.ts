import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lacking } from "./requirements.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { until } from "./waiting.ts";

const BOOT = join(import.meta.dirname, "machine-root.sh");
/** Whom files may belong to, and where names and libraries are looked up. */
const COPIED = ["passwd", "group", "nsswitch.conf", "ld.so.cache"];
/** What needs devices, or a terminal. */
const MASKED = ["getty.target", "systemd-logind.service", "systemd-udevd.service", "systemd-udev-trigger.service"];
/** Many times what booting takes. */
const BOOT_MS = 60_000;

let made = 0;

/** Why no machine can be booted here; false if one can. */
export function lackingBoot(): string | false {
  const missing = lacking("root", "unshare", "nsenter", "systemctl", "systemd-run", "dbus-daemon", "ip");
  if (missing !== false) return missing;
  const script = "mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t cgroup2 none /sys/fs/cgroup";
  const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];
  const { status, stderr } = spawnSync("unshare", [...namespaces, "sh", "-euc", script], { encoding: "utf8" });
  return status !== 0 && `needs namespaces and a cgroup of its own, which are not permitted here: ${stderr.trim()}`;
}

/**
 * A machine of its own, in namespaces and a part of the cgroups, with a root folder that outlives its boots: systemd is
 * its first process. Of this machine it has the kernel and, read-only, the programs.
 */
export class BootedMachine implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  /** Also names its part of the cgroups. */
  readonly #console = join(this.#folder.path, `promtap-${process.pid}-${++made}`);
  readonly #packages: readonly string[];
  #namespaces: ChildProcess | undefined;

  /** `packages`: a folder, as /mnt, out of which packages may be installed until the machine ends. */
  constructor(packages?: string) {
    this.#packages = packages === undefined ? [] : [packages];
    chmodSync(this.#folder.path, 0o755);
    mkdirSync(join(this.root, "etc/systemd/system"), { recursive: true });
    chmodSync(this.root, 0o755);
    for (const name of COPIED) if (existsSync(`/etc/${name}`)) cpSync(`/etc/${name}`, join(this.root, "etc", name));
    this.write("etc/machine-id", "");
    for (const name of MASKED) symlinkSync("/dev/null", join(this.root, "etc/systemd/system", name));
    symlinkSync("/lib/systemd/system/multi-user.target", join(this.root, "etc/systemd/system/default.target"));
  }

  get root(): string {
    return join(this.#folder.path, "root");
  }

  /** Where a path of /etc, /var or /usr/local is here. */
  at(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
  }

  /** Resolves when all has started that is to start with the machine. */
  async boot(): Promise<void> {
    writeFileSync(this.#console, "");
    const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"];
    this.#namespaces = spawn("unshare", [...namespaces, "sh", BOOT, this.root, this.#console, ...this.#packages], {
      stdio: "pipe",
    });
    const complaints: string[] = [];
    this.#namespaces.stderr!.on("data", (chunk: Buffer) => complaints.push(chunk.toString()));
    const isUp = (): boolean => {
      if (this.#namespaces!.exitCode !== null) throw new Error(`systemd did not boot: ${complaints.join("")}`);
      // What else fails there is none of a test's business.
      return ["running", "degraded"].includes(this.try("systemctl", "is-system-running").trim());
    };
    try {
      await until("the machine is up", isUp, BOOT_MS);
    } catch (cause) {
      throw new Error(
        `the machine is not up: ${this.try("systemctl", "--failed")}${readFileSync(this.#console, "utf8")}`,
        { cause },
      );
    }
  }

  /** Runs a program of the machine to its end and returns what it printed. */
  run(...command: readonly string[]): string {
    const [program, ...args] = [...this.#inside, ...command];
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Likewise, whatever becomes of it: its output is that of both kinds. */
  try(...command: readonly string[]): string {
    try {
      return this.run(...command);
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return `${stdout}${stderr}`;
    }
  }

  /** What systemd says of a unit. */
  property(unit: string, name: string): string {
    return this.run("systemctl", "show", "--value", `--property=${name}`, unit).trim();
  }

  /** Has the machine end as if it were to boot again. */
  async shutDown(): Promise<void> {
    const ended = once(this.#namespaces!, "close");
    this.try("systemctl", "reboot", "--no-block");
    await ended;
    this.#namespaces = undefined;
  }

  /** Ends all of its processes at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    const namespaces = this.#namespaces;
    if (namespaces !== undefined && namespaces.exitCode === null) {
      const ended = once(namespaces, "close");
      const pid = this.#pid();
      if (pid === undefined) namespaces.kill("SIGKILL");
      else process.kill(pid, "SIGKILL");
      await ended;
    }
    await until("its cgroups are gone", () => this.#removeCgroups());
    rmSync(this.root, { recursive: true, force: true });
    this.#folder[Symbol.dispose]();
  }

  /** The first process of the machine, as this one sees it. */
  #pid(): number | undefined {
    const pid = this.#namespaces?.pid;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? undefined : Number(children);
  }

  get #inside(): [string, ...string[]] {
    const pid = this.#pid();
    if (pid === undefined) throw new Error("the machine is not booted");
    return [
      "nsenter",
      "--target",
      `${pid}`,
      "--all",
      "--wd=/",
      "env",
      "-i",
      "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ];
  }

  /** In a namespace of mounts, since only some machines have the cgroups of version 2 where they are to be found. */
  #removeCgroups(): boolean {
    const name = this.#console.slice(this.#folder.path.length + 1);
    const script =
      'mount -t cgroup2 none "$1" && if [ -e "$1/$2" ]; then find "$1/$2" -depth -type d -exec rmdir {} +; fi';
    execFileSync("unshare", ["--mount", "sh", "-euc", script, "sh", this.#folder.path, name], { stdio: "pipe" });
    return true;
  }
}
