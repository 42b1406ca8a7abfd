import * as libc from "../native/libc.ts";
import type { DumpState } from "../native/netlink.ts";

/** Larger than any part of a list. */
const PART_BYTES = 64 * 1024;

/** What a list comes to of which something came or went meanwhile: it may leave out others, or tell them twice. */
export const TORN = 1;
/** How often one is asked for that is needed at once, while each is torn. */
export const MAX_LISTINGS = 10;

/** Takes a part of a list, which is good until it returns. */
export type PartTaker = (bytes: Uint8Array, lengthBytes: number) => DumpState;

/** Asks the kernel for a list, which it makes part by part as it is read. Returns 0, TORN, or the negated errno. */
export function dumpNow(fd: number, request: Uint8Array, take: PartTaker): number {
  const buffer = new Uint8Array(PART_BYTES);
  const parts = new Parts();
  let result = libc.send(fd, request);
  while (result >= 0 && !parts.areAll) {
    result = libc.recv(fd, buffer);
    if (result > 0) parts.add(take(buffer, result));
  }
  return result < 0 ? result : parts.result;
}

/**
 * The same in a helper thread. Asking and reading both wait for whatever holds the interfaces (rtnl_lock in
 * net/core/rtnetlink.c), which takes seconds when hundreds are deleted at once.
 */
export async function dump(fd: number, request: Uint8Array, take: PartTaker): Promise<number> {
  const buffer = new Uint8Array(PART_BYTES);
  const parts = new Parts();
  let result = await libc.sendInBackground(fd, request);
  while (result >= 0 && !parts.areAll) {
    result = await libc.recvInBackground(fd, buffer);
    if (result > 0) parts.add(take(buffer, result));
  }
  return result < 0 ? result : parts.result;
}

/** What the parts of a list come to. */
class Parts {
  /** Whether none is left to be read. */
  areAll = false;
  result = 0;

  add({ isDone, error, isInterrupted }: DumpState): void {
    this.areAll = isDone || error < 0;
    if (isInterrupted) this.result = TORN;
    if (error < 0) this.result = error;
  }
}
