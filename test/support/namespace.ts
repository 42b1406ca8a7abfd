import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { until } from "./waiting.ts";

let made = 0;

/**
 * A network namespace that is silent by itself, so that exact counts are possible: no IPv6 (no neighbour or router
 * discovery), no ARP on the interfaces made here. Loopback is up.
 */
export class Namespace implements Disposable {
  readonly name: string = `promtap-${process.pid}-${++made}`;

  constructor() {
    ip("netns", "add", this.name);
    this.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1");
    this.ip("link", "set", "lo", "up");
  }

  /** Runs `ip` in the namespace. */
  ip(...args: readonly string[]): string {
    return ip("-n", this.name, ...args);
  }

  /** Runs a program in the namespace to its end and returns what it printed. */
  run(program: string, ...args: readonly string[]): string {
    return execute("ip", ["netns", "exec", this.name, program, ...args]);
  }

  /** Starts a program in the namespace; its process id is the program's own. */
  spawn(command: readonly string[], options: SpawnOptions = { stdio: ["ignore", "pipe", "pipe"] }): ChildProcess {
    return spawn("ip", ["netns", "exec", this.name, ...command], options);
  }

  /**
   * Makes a pair of interfaces that are up: what is sent on one arrives at the other. Their offloads are off, so that no
   * frame stands for several packets.
   */
  addVeth(near: string, far: string): void {
    this.ip("link", "add", near, "type", "veth", "peer", "name", far);
    for (const end of [near, far]) {
      this.run("ethtool", "-K", end, "gro", "off", "gso", "off", "tso", "off");
      this.ip("link", "set", end, "up", "arp", "off");
    }
  }

  /** Resolves when the interface has a carrier, or at once when it has. */
  async carrier(interfaceName: string): Promise<void> {
    await until(`${interfaceName} has a carrier`, () => this.ip("link", "show", interfaceName).includes("LOWER_UP"));
  }

  /** The kernel's own count of an interface, such as `rx_packets` or `tx_bytes`. */
  statistic(interfaceName: string, name: string): number {
    return Number(this.run("cat", `/sys/class/net/${interfaceName}/statistics/${name}`));
  }

  [Symbol.dispose](): void {
    ip("netns", "del", this.name);
  }
}

function ip(...args: readonly string[]): string {
  return execute("ip", args);
}

function execute(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
