import { release } from "node:os";
import { type CapabilityName, effectiveCapabilities } from "../../native/capabilities.ts";
import * as libc from "../../native/libc.ts";

/** Atomic operations that return the old value, in which rows and slots are given out. */
export const MIN_KERNEL = { version: [5, 12], why: "atomic operations in BPF came with 5.12" } as const;
export const MIN_TCX_KERNEL = { version: [6, 6], why: "tcx came with 6.6" } as const;

/** What has the descriptor of a map may change it from here on, without CAP_BPF (__sys_bpf in kernel/bpf/syscall.c). */
const MIN_KERNEL_FOR_OPEN_MAPS = [5, 19] as const;

/**
 * Puts barriers into a program that might speculate where it should not; those before refuse it, or give up, unless
 * CAP_PERFMON makes them look away (bpf_bypass_spec_v1 in linux/bpf.h).
 */
const MIN_KERNEL_FOR_BARRIERS = [6, 17] as const;

/** Says that the running kernel is older than what is asked for, or undefined. */
export function kernelRefusal({
  version,
  why,
}: {
  version: readonly [number, number];
  why: string;
}): string | undefined {
  return isOlderThan(version) ? `kernel ${release()} is too old: ${why}` : undefined;
}

/** What it takes to change a map that is not mapped. */
export function capabilitiesForMaps(): readonly CapabilityName[] {
  return isOlderThan(MIN_KERNEL_FOR_OPEN_MAPS) ? ["CAP_BPF"] : [];
}

/** What it takes to load our program. */
export function capabilitiesToLoad(kernel = release()): readonly CapabilityName[] {
  return isOlderThan(MIN_KERNEL_FOR_BARRIERS, kernel) ? ["CAP_BPF", "CAP_PERFMON"] : ["CAP_BPF"];
}

function isOlderThan(version: readonly [number, number], kernel = release()): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  return Number(major) < version[0] || (Number(major) === version[0] && Number(minor) < version[1]);
}

/** What of `needs` we lack. CAP_SYS_ADMIN stands for each of them. */
export function missingCapability(needs: readonly CapabilityName[]): CapabilityName | undefined {
  const ours = effectiveCapabilities();
  return ours.includes("CAP_SYS_ADMIN") ? undefined : needs.find((name) => !ours.includes(name));
}

/**
 * Words for what bpf(2) refused, which asks for `needs`: the same errno has several reasons, which our own capabilities
 * tell apart.
 */
export function bpfRefusal(result: number, ...needs: readonly CapabilityName[]): string {
  switch (-result) {
    case libc.errno.EPERM:
    case libc.errno.EACCES: {
      const missing = missingCapability(needs);
      return missing === undefined ? "bpf() is blocked by seccomp or a security module" : `${missing} is missing`;
    }
    case libc.errno.ENOSYS:
      return "this kernel has no bpf(), or seccomp hides it";
    default:
      return libc.errnoText(result);
  }
}
