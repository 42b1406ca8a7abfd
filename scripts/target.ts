import { join } from "node:path";

import { cache, root, run } from "./project.ts";

export type Architecture = "x64" | "arm64";

/** Of a machine that is built for: this one, or another that Debian has compilers for. */
export interface Target {
  readonly architecture: Architecture;
  /** The package of the Node that the binary is made of, with its headers. */
  readonly nodePackage: string;
  readonly nodeBinary: string;
  readonly koffi: string;
  /** What builds leave for the next one of this target. */
  readonly cache: string;
  /** The name that GNU tools have for the machine, if it is not this one. */
  readonly triplet: string | undefined;
}

const TRIPLETS: Readonly<Record<Architecture, string>> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };
/** What runs the programs of another architecture here. */
const EMULATORS: Readonly<Record<Architecture, string>> = { x64: "qemu-x86_64-static", arm64: "qemu-aarch64-static" };

export const native: Target = targetOf(process.arch as Architecture);

export function targetOf(architecture: Architecture): Target {
  const isNative = architecture === process.arch;
  // npm installs what is for this machine alone; foreign-modules.ts has it install the rest
  const modules = isNative ? join(root, "node_modules") : join(cache, architecture, "node_modules");
  const nodePackage = join(modules, `node-linux-${architecture}`);
  return {
    architecture,
    nodePackage,
    nodeBinary: join(nodePackage, "bin", "node"),
    koffi: join(modules, `@koromix/koffi-linux-${architecture}/linux_${architecture}/koffi.node`),
    // where src/native/addon.ts looks for what is native when it runs from the sources
    cache: isNative ? cache : join(cache, architecture),
    triplet: isNative ? undefined : TRIPLETS[architecture],
  };
}

/** The name of a compiler or of one of the binutils that make what is for the target. */
export function toolOf({ triplet }: Target, name: string): string {
  return triplet === undefined ? name : `${triplet}-${name}`;
}

/** Runs a program of the target's, if need be under qemu's emulation of its processor; returns its standard output. */
export function runOn(
  { architecture, triplet }: Target,
  program: string,
  args: readonly string[],
  cwd?: string,
): string {
  if (triplet === undefined) return run(program, args, cwd);
  return run(EMULATORS[architecture], ["-L", `/usr/${triplet}`, program, ...args], cwd);
}
