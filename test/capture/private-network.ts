import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import koffi from "koffi";
import { type Link, Links } from "../../src/capture/links.ts";

const CLONE_NEWNET = 0x40000000;
const DOOMED_GROUP = 9;

/**
 * Moves this process into a network namespace of its own, which goes with it: nothing but a loopback that is down. Needs
 * root. Programs that are started from now on are in it too.
 */
export function enterPrivateNetwork(): void {
  const unshare = koffi.load("libc.so.6").func("int unshare(int flags)");
  assert.equal(unshare(CLONE_NEWNET), 0, "couldn't make a network namespace");
  // Neighbour and router discovery would send packets that no test has asked for.
  execFileSync("sysctl", ["-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]);
}

/** Runs `ip` with these words, such as `link add eth0 type bridge`. */
export function ip(command: string): void {
  execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"] });
}

/** Runs many commands of `ip` before the event loop has another turn. */
export function ipBatch(commands: readonly string[]): void {
  execFileSync("ip", ["-batch", "-"], { input: `${commands.join("\n")}\n` });
}

/** Deletes every interface but loopback. */
export function deleteAll(): void {
  const links = JSON.parse(execFileSync("ip", ["-json", "link"], { encoding: "utf8" })) as { ifname: string }[];
  const names = links.map(({ ifname }) => ifname).filter((name) => name !== "lo");
  if (names.length === 0) return;
  // The kernel takes its time for each deletion, but not more for a group.
  ipBatch([...names.map((name) => `link set ${name} group ${DOOMED_GROUP}`), `link delete group ${DOOMED_GROUP}`]);
}

/** A link that is there. */
export function findLink(name: string): Link {
  using links = Links.open();
  return links.find(name)!;
}

/** How often a link was made promiscuous, and not been let go. */
export function promiscuity(name: string): number {
  const [link] = JSON.parse(execFileSync("ip", ["-json", "-details", "link", "show", name], { encoding: "utf8" }));
  return link.promiscuity as number;
}
