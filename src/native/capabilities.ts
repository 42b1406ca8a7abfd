import * as libc from "./libc.ts";

/** The capabilities of linux/capability.h, by their numbers. */
const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;
export type CapabilityName = (typeof CAPABILITIES)[number];

/** The capabilities that the main thread can use now. */
export function effectiveCapabilities(): CapabilityName[] {
  const { effective } = libc.capget();
  return CAPABILITIES.filter((name) => has(effective, name));
}

/**
 * Gives up for good all capabilities but those named, and returns what is left. Children cannot have them either: they
 * leave the bounding set if that is allowed (CAP_SETPCAP), and the ambient set goes along with the permitted one
 * (cap_capset in security/commoncap.c). Does not ask the kernel for anything if there is nothing to give up: a
 * sandbox may refuse the call.
 *
 * Linux keeps capabilities by thread. This is for the main thread and those it starts from now on; the helper threads
 * that Node.js has started before keep theirs, and run none of our code but what reads and writes files.
 *
 * Returns a negated errno if the kernel refuses.
 */
export function keepCapabilities(names: readonly CapabilityName[]): CapabilityName[] | number {
  const kept = names.reduce((set, name) => set | bitOf(name), 0n);
  if (has(libc.capget().effective, "CAP_SETPCAP")) {
    for (const [number, name] of CAPABILITIES.entries()) {
      if (has(kept, name) || !libc.isInBoundingSet(number)) continue;
      const result = libc.dropFromBoundingSet(number);
      if (result < 0) return result;
    }
  }
  const { effective, permitted, inheritable } = libc.capget();
  if (((effective | permitted | inheritable) & ~kept) !== 0n) {
    const result = libc.capset({
      effective: effective & kept,
      permitted: permitted & kept,
      inheritable: inheritable & kept,
    });
    if (result < 0) return result;
  }
  return effectiveCapabilities();
}

/**
 * Lets programs started from now on have these capabilities, as far as this process has them. Those that root starts
 * have them anyway. Returns 0, or a negated errno if the kernel refuses.
 */
export function passOnCapabilities(names: readonly CapabilityName[]): number {
  if (process.geteuid?.() === 0) return 0;
  const sets = libc.capget();
  const passed = names.filter((name) => has(sets.permitted, name));
  const inheritable = passed.reduce((set, name) => set | bitOf(name), sets.inheritable);
  const results = [
    libc.capset({ ...sets, inheritable }),
    ...passed.map((name) => libc.raiseAmbient(CAPABILITIES.indexOf(name))),
  ];
  return results.find((result) => result < 0) ?? 0;
}

function has(set: bigint, name: CapabilityName): boolean {
  return (set & bitOf(name)) !== 0n;
}

function bitOf(name: CapabilityName): bigint {
  return 1n << BigInt(CAPABILITIES.indexOf(name));
}

/** Capabilities as one line of text. */
export function listCapabilities(names: readonly CapabilityName[]): string {
  return names.join(" ") || "none";
}
