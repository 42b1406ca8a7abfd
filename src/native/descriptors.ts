import * as libc from "./libc.ts";

/**
 * Descriptors that are left to the web server, its connections, and files that are read for a moment: a scraper or two
 * with a connection each, the programs of a collector with three pipes each, and room for as many again.
 */
export const RESERVED_DESCRIPTORS = 32;

/**
 * How many descriptors this process may have. Node.js has raised the soft limit to the hard one at its start
 * (PlatformInit in src/node.cc).
 */
export function descriptorLimit(): number {
  return libc.softLimit(libc.RLIMIT_NOFILE);
}

/**
 * Whether `count` more descriptors can be had for long without touching the reserve. Asks the kernel for them for a
 * moment, which gives out the lowest numbers that are free: there may be no /proc to count in.
 */
export function hasDescriptors(count: number): boolean {
  const highest = descriptorLimit() - RESERVED_DESCRIPTORS;
  const taken: number[] = [];
  while (taken.length < count) {
    const fd = taken.length === 0 ? libc.eventfd() : libc.dup(taken[0]!);
    if (fd >= 0) taken.push(fd);
    if (fd < 0 || fd >= highest) break;
  }
  const isEnough = taken.length === count && taken.every((fd) => fd < highest);
  for (const fd of taken) libc.close(fd);
  return isEnough;
}

/** Says why there are no more, and what to do. */
export function descriptorRefusal(): string {
  const numbers = `${descriptorLimit()} may be open, ${RESERVED_DESCRIPTORS} of them are kept for the web`;
  return `too many open files: ${numbers}; raise LimitNOFILE, or ulimit -n`;
}
