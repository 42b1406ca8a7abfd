import { fstatSync, readFileSync, realpathSync, type Stats, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";

/*
 * What decides whether an addon is trusted. It runs with promtap's capabilities, which the user that starts it need not
 * have: a file capability gives them to the program alone. So neither the environment nor the user's own files are to
 * be trusted.
 */

/** statfs(2): FUSE_SUPER_MAGIC. */
const FUSE = 0x65735546;
const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/** Whether nobody but root can change an open file, nor this user if that gains nothing. */
export function isOurFile(descriptor: number): boolean {
  const stats = fstatSync(descriptor);
  return stats.isFile() && isOfOurs(stats) && (stats.mode & GROUP_OR_OTHERS_WRITE) === 0;
}

/** Whether nobody else can rename what is made in a folder, or in one above it. */
export function isOurFolder(folder: string): boolean {
  let path = realpathSync(folder);
  while (isGuarded(statSync(path))) {
    if (path === "/") return true;
    path = dirname(path);
  }
  return false;
}

function isGuarded(stats: Stats): boolean {
  const isClosed = (stats.mode & GROUP_OR_OTHERS_WRITE) === 0;
  return isOfOurs(stats) && (isClosed || (stats.mode & STICKY) !== 0);
}

function isOfOurs({ uid }: Stats): boolean {
  return uid === 0 || (uid === process.geteuid!() && !isSharedUser());
}

/** Whether another program of this user can do less than this one, and so must not decide what it loads. */
export function isSharedUser(): boolean {
  if (process.geteuid!() === 0) return false;
  try {
    const [, permitted] = /^CapPrm:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
    return permitted === undefined || BigInt(`0x${permitted}`) !== 0n;
  } catch {
    // without /proc nothing tells
    return true;
  }
}

/** Whether the file system is a program's: it may give others bytes than those that were written. */
export function isServedByProcess(folder: string): boolean {
  return statfsSync(folder).type === FUSE;
}
