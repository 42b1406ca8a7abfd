import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { cache, root, run } from "../project.ts";
import type { Architecture } from "../target.ts";
import { Archive, type DebianArchitecture } from "./archive.ts";
import { cpio, type CpioFile } from "./cpio.ts";

/** A kernel of Debian's, and a processor. */
export interface Kernel {
  readonly release: string;
  readonly architecture: Architecture;
}

interface Board {
  readonly debian: DebianArchitecture;
  readonly qemu: readonly string[];
  readonly console: string;
  /** Where the libraries of the processor are, and what ld.so is called. */
  readonly libraries: string;
  readonly loader: string;
}

const BOARDS: Readonly<Record<Architecture, Board>> = {
  x64: {
    debian: "amd64",
    qemu: ["qemu-system-x86_64", "-cpu", "max"],
    console: "ttyS0",
    libraries: "/lib/x86_64-linux-gnu",
    loader: "lib64/ld-linux-x86-64.so.2",
  },
  arm64: {
    debian: "arm64",
    qemu: ["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"],
    console: "ttyAMA0",
    libraries: "/usr/aarch64-linux-gnu/lib",
    loader: "lib/ld-linux-aarch64.so.1",
  },
};

/** Those that Node and the addons are linked with: bullseye's and newer are all new enough for them. */
const LIBRARIES = ["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "libstdc++.so.6", "libgcc_s.so.1"];
const FOLDERS = ["bin", "dev", "lib", "lib64", "proc", "sys", "tmp", "run"];
const MEMORY_MB = 1024;
/** Many times what an idle machine takes, for one that is busy. */
const TIMEOUT_MS = 2_700_000;

/** Boots a machine with a kernel and the binary as all there is; returns the lines that its one program tells. */
export function boot({ release, architecture }: Kernel, binary: string): string[] {
  const board = BOARDS[architecture];
  const folder = join(cache, "kernels", `${release}-${architecture}`);
  mkdirSync(folder, { recursive: true });
  const archive = new Archive(folder, release, board.debian);
  const image = archive.unpack(`linux-image-cloud-${board.debian}`, /linux-image-\d\S*/);
  const busybox = archive.unpack("busybox-static");
  const initramfs = join(folder, "initramfs");
  writeFileSync(initramfs, cpio([...filesOf(board), ...programs(busybox, binary), dummyModule(image)]));
  const [kernel = ""] = globSync(join(image, "boot/vmlinuz-*"));
  const [qemu = "", ...processor] = board.qemu;
  const append = `console=${board.console} panic=-1 quiet`;
  const machine = ["-m", String(MEMORY_MB), "-nographic", "-no-reboot", "-nic", "none"];
  const args = [...processor, ...machine, "-kernel", kernel, "-initrd", initramfs, "-append", append];
  const { stdout, stderr, error } = spawnSync(qemu, args, {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 26,
  });
  // firmware may have left the cursor in the first line
  const told = [...(stdout ?? "").matchAll(/RESULT (.*?)\r?$/gm)].map(([, line = ""]) => line);
  if (error !== undefined || told[0]?.startsWith("kernel ") !== true) {
    throw new Error(`the machine told nothing: ${error?.message ?? stderr}\n${stdout}`);
  }
  return told;
}

function filesOf({ libraries, loader }: Board): CpioFile[] {
  const files = LIBRARIES.map((name) => ({ path: `lib/${name}`, content: readFileSync(library(libraries, name)) }));
  const folders = FOLDERS.map((path) => ({ path }));
  return [...folders, ...files, { path: loader, content: readFileSync(library(libraries, basename(loader))) }];
}

function library(folder: string, name: string): string {
  const found = [folder, folder.replace(/^\/lib/, "/usr/lib")].map((each) => join(each, name)).find(existsSync);
  if (found === undefined) throw new Error(`${folder} has no ${name}`);
  return found;
}

function programs(busybox: string, binary: string): CpioFile[] {
  const [path = ""] = globSync(join(busybox, "{usr/,}bin/busybox"));
  return [
    { path: "init", content: readFileSync(join(root, "scripts/kernels/init.sh")) },
    { path: "bin/busybox", content: readFileSync(path) },
    { path: "bin/promtap", content: readFileSync(binary) },
  ];
}

/** The driver of an interface that loses nothing and answers nobody. */
function dummyModule(image: string): CpioFile {
  const [path = ""] = globSync(join(image, "{usr/,}lib/modules/*/kernel/drivers/net/dummy.ko{,.xz}"));
  if (!path.endsWith(".xz")) return { path: "dummy.ko", content: readFileSync(path) };
  const plain = join(image, "dummy.ko");
  if (!existsSync(plain)) run("sh", ["-c", 'xz -dc "$0" >"$1"', path, plain]);
  return { path: "dummy.ko", content: readFileSync(plain) };
}
