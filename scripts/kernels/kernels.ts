import { existsSync } from "node:fs";
import { join } from "node:path";

import { MIN_KERNEL, MIN_TCX_KERNEL } from "../../src/capture/bpf/refusal.ts";
import { dist, version } from "../project.ts";
import { boot, type Kernel } from "./machine.ts";

/*
 * npm run test:kernels: has every engine count on the kernels of Debian's releases, in machines that qemu makes, and tells
 * what came of it as a table. Arguments choose: a release, an architecture.
 */

const KERNELS: readonly Kernel[] = [
  { release: "bullseye", architecture: "x64" },
  { release: "bookworm", architecture: "x64" },
  { release: "trixie", architecture: "x64" },
  { release: "trixie", architecture: "arm64" },
];

/** 15 pings with 100 bytes, in IP and ICMP, of an address and of a customer; nothing is lost. */
const EXACT = "counted 15 1920 lost 0";
const EXACT_CUSTOMERS = "counted 15 1920 15 1920 lost 0";
/** What a kernel has to be for an engine, and why promtap says that it isn't. */
const NEEDS = { bpf: MIN_KERNEL, tcx: MIN_TCX_KERNEL } as const;

let isGood = true;
const asked = process.argv.slice(2);
console.log("| Kernel | Processor | Engine | Result |\n| --- | --- | --- | --- |");
for (const kernel of KERNELS.filter((each) => asked.every((word) => Object.values(each).includes(word)))) {
  const [first = "", ...told] = boot(kernel, binaryOf(kernel));
  for (const line of told) report(kernel, first.replace("kernel ", ""), line);
}
if (!isGood) process.exitCode = 1;

function binaryOf({ architecture }: Kernel): string {
  const path = join(dist, "packages", `promtap-${version}-linux-${architecture}`);
  if (!existsSync(path)) throw new Error(`there is no ${path}: npm run packages makes it`);
  return path;
}

function report({ architecture }: Kernel, release: string, line: string): void {
  const [what = "", ...rest] = line.split(" ");
  const [engine = "", customers] = what.split("-");
  const result = rest.join(" ");
  const exact = customers === undefined ? EXACT : EXACT_CUSTOMERS;
  const isRight = isOld(engine, release) ? isRefused(engine, result) : result === exact;
  isGood &&= isRight;
  console.log(`| ${release} | ${architecture} | \`${what}\` | ${result}${isRight ? "" : " (WRONG)"} |`);
}

function needsOf(engine: string): (typeof NEEDS)[keyof typeof NEEDS] | undefined {
  return Object.hasOwn(NEEDS, engine) ? NEEDS[engine as keyof typeof NEEDS] : undefined;
}

function isOld(engine: string, release: string): boolean {
  const { version: [wantedMajor, wantedMinor] = [0, 0] } = needsOf(engine) ?? {};
  const [major = 0, minor = 0] = release.split(".").map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

function isRefused(engine: string, result: string): boolean {
  return result.startsWith("refused ") && result.includes(needsOf(engine)?.why ?? "");
}
