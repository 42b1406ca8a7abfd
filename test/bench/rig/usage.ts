import { readdirSync, readFileSync } from "node:fs";
import type { Rig } from "./rig.ts";

/** USER_HZ, the unit of times in /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICK_NS = 10_000_000;

/** Longer than the second that tcpdump lets a partly filled block wait. */
const QUIET_MS = 1_500;
/** What a program may burn in that time and still count as quiet: timers and polling. */
const QUIET_NS = 10_000_000;
const QUIET_DEADLINE_MS = 60_000;

/** CPU time of a program and its children. */
export interface CpuTime {
  /** By the scheduler's clock, exact. */
  totalNs: number;
  /** By the timer tick, which samples: only their ratio is used, over many ticks. */
  userNs: number;
  systemNs: number;
}

/** Reads what a program has used since its start: all threads that still run, and all descendants. */
export function cpuTime(pid: number): CpuTime {
  const threads = readdirSync(`/proc/${pid}/task`);
  const totalNs = sum(
    threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0])),
  );
  // proc(5): utime and stime are the 14th and 15th field; the name in the 2nd may hold spaces, so count after it.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  const own = { totalNs, userNs: Number(fields[11]) * TICK_NS, systemNs: Number(fields[12]) * TICK_NS };
  return childrenOf(pid, threads).map(cpuTime).reduce(plus, own);
}

/** CPU time of programs that a process has run and that have ended, in nanoseconds; exact to a tick. */
export function endedChildrenNs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK_NS;
}

function childrenOf(pid: number, threads: readonly string[]): number[] {
  const lists = threads.map((id) => readFileSync(`/proc/${pid}/task/${id}/children`, "utf8"));
  return lists.flatMap((list) => list.split(" ").filter(Boolean)).map(Number);
}

export function plus(one: CpuTime, other: CpuTime): CpuTime {
  return {
    totalNs: one.totalNs + other.totalNs,
    userNs: one.userNs + other.userNs,
    systemNs: one.systemNs + other.systemNs,
  };
}

export function minus(end: CpuTime, start: CpuTime): CpuTime {
  return plus(end, { totalNs: -start.totalNs, userNs: -start.userNs, systemNs: -start.systemNs });
}

/** Waits until a program has worked off what the kernel holds for it: it burns next to no CPU any more. */
export async function quiet(rig: Rig, pid: number): Promise<void> {
  let since = performance.now();
  let burntNs = cpuTime(pid).totalNs;
  const isQuiet = (): boolean => {
    if (cpuTime(pid).totalNs - burntNs > QUIET_NS) {
      since = performance.now();
      burntNs = cpuTime(pid).totalNs;
    }
    return performance.now() - since > QUIET_MS;
  };
  await rig.until(`process ${pid} is quiet`, isQuiet, QUIET_DEADLINE_MS);
}

/** Memory of a process that no file backs, in bytes: what it adds to the machine's use. */
export function anonymousBytes(pid: number): number {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kibibytes) * 1024;
}

/** Memory of the BPF maps that a process reads: it has them in its own memory, whoever holds them open. */
export function mapBytes(pid: number): number {
  return sizeOfMappings(pid, /^(\w+)-(\w+) .* anon_inode:bpf-map$/gm);
}

/** Memory that a process shares with the kernel, for the packets of its sockets. */
export function ringBytes(pid: number): number {
  return sizeOfMappings(pid, /^(\w+)-(\w+) .* socket:\[\d+\]$/gm);
}

/** `mapping`: finds where each starts and ends. */
function sizeOfMappings(pid: number, mapping: RegExp): number {
  const found = readFileSync(`/proc/${pid}/maps`, "utf8").matchAll(mapping);
  return sum([...found].map(([, start, end]) => Number.parseInt(end!, 16) - Number.parseInt(start!, 16)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
