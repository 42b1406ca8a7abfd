import * as libc from "../native/libc.ts";

/** Larger than any part of a list. */
const PART_BYTES = 64 * 1024;

/** Takes a part of a list, which is good until it returns; true if it was the last. */
export type PartTaker = (bytes: Uint8Array, lengthBytes: number) => boolean;

/** Has the kernel list something; it answers part by part, as it is read. Returns 0, or the negated errno. */
export function dumpNow(fd: number, request: Uint8Array, take: PartTaker): number {
  const buffer = new Uint8Array(PART_BYTES);
  let result = libc.send(fd, request);
  while (result >= 0) {
    result = libc.recv(fd, buffer);
    if (result > 0 && take(buffer, result)) return 0;
  }
  return result;
}

/**
 * The same in a helper thread. Asking and reading both wait for whoever is at the interfaces (rtnl_lock in
 * net/core/rtnetlink.c), which takes seconds where hundreds are deleted at once.
 */
export async function dump(fd: number, request: Uint8Array, take: PartTaker): Promise<number> {
  const buffer = new Uint8Array(PART_BYTES);
  let result = await libc.sendInBackground(fd, request);
  while (result >= 0) {
    result = await libc.recvInBackground(fd, buffer);
    if (result > 0 && take(buffer, result)) return 0;
  }
  return result;
}
