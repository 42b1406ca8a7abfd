import { spawnSync } from "node:child_process";
import { cpus, release } from "node:os";
import { PROMTAP } from "../programs/promtap.ts";

/** One line on where and when the figures were taken, without which they mean nothing. */
export function machine(): string {
  const processors = cpus();
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${processors.length} × ${processors[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
}

/** What took part: the first line each program says of itself. */
export function versions(): string {
  const lines = [
    firstLine(PROMTAP, "--version"),
    firstLine("trafgen", "--version"),
    firstLine("tcpdump", "--version"),
    firstLine("pmacctd", "-V"),
  ];
  return lines.filter((line) => line !== undefined).join("; ");
}

/** Undefined when it isn't installed. trafgen tells its version and fails all the same. */
function firstLine(program: string, flag: string): string | undefined {
  return spawnSync(program, [flag], { encoding: "utf8" }).stdout?.split("\n")[0];
}
