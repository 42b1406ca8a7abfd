import { spawnSync } from "node:child_process";
import { cpus, release } from "node:os";
import { PROMTAP } from "../programs/promtap.ts";

/** One line on where and when the figures were taken, without which they mean nothing. */
export function machine(): string {
  const processors = cpus();
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${processors.length} × ${processors[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
}

/** What took part, as far as it is installed. */
export function versions(): string {
  const found = [
    ["promtap", versionOf(PROMTAP, "--version")],
    ["trafgen", versionOf("trafgen", "--version")],
    ["tcpdump", versionOf("tcpdump", "--version")],
    ["pmacctd", versionOf("pmacctd", "-V")],
  ];
  return found.flatMap(([name, version]) => (version === undefined ? [] : [`${name} ${version}`])).join(", ");
}

/** The first thing that looks like a version; trafgen prints it and fails all the same. */
function versionOf(program: string, flag: string): string | undefined {
  const { stdout } = spawnSync(program, [flag], { encoding: "utf8" });
  return /\d+\.\d+[\w.-]*/.exec(stdout ?? "")?.[0];
}
