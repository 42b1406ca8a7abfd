import * as libc from "../native/libc.ts";
import { addressDumpRequest, type HostAddress, parseAddressMessages } from "./netlink-addresses.ts";
import { netlinkUnavailable, openNetlink } from "./netlink-socket.ts";

const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
/** Larger than any message of the kernel about an address. */
const MESSAGE_BYTES = 64 * 1024;
/** Where addresses come and go all the time, as with containers, they are asked for this often at most. */
const SETTLE_MS = 1000;

/** The addresses of all interfaces of this namespace, up to date by the kernel's own messages. */
export class HostAddresses implements Disposable {
  readonly #news: number;
  readonly #buffer = new Uint8Array(MESSAGE_BYTES);
  #addresses: HostAddress[] = [];
  #stopWatching: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(news: number) {
    this.#news = news;
  }

  /** Asks for all addresses. Throws PromtapError where there is no netlink. */
  static open(): HostAddresses {
    // Subscribed before it is asked for the first time, so that nothing is missed.
    const news = openNetlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, "addresses");
    const hostAddresses = new HostAddresses(news);
    try {
      hostAddresses.#addresses = dump(hostAddresses.#buffer);
      return hostAddresses;
    } catch (error) {
      libc.close(news);
      throw error;
    }
  }

  all(): readonly HostAddress[] {
    return this.#addresses;
  }

  /** Calls `onChange` when there are other addresses than before, soon after. */
  watch(onChange: () => void): void {
    this.#stopWatching = libc.watchReadable(this.#news, () => {
      // What a message says is not looked at: everything is asked for anew, once for all that change together.
      while (this.#isThereNews());
      this.#refreshSoon(onChange);
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#stopWatching?.();
    libc.close(this.#news);
  }

  /** Reads a message; one that was lost is news as well. */
  #isThereNews(): boolean {
    const length = libc.recv(this.#news, this.#buffer);
    return length > 0 || length === -libc.errno.ENOBUFS;
  }

  #refreshSoon(onChange: () => void): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const before = keyOf(this.#addresses);
      try {
        this.#addresses = dump(this.#buffer);
      } catch {
        // Such as for want of descriptors: the addresses stay as they are until the kernel answers.
        this.#refreshSoon(onChange);
        return;
      }
      if (keyOf(this.#addresses) !== before) onChange();
    }, SETTLE_MS);
  }
}

/** All addresses there are now. The kernel answers at once, part by part, as it is read. */
function dump(buffer: Uint8Array): HostAddress[] {
  const fd = openNetlink(0, "addresses");
  const all: HostAddress[] = [];
  try {
    const sent = libc.send(fd, addressDumpRequest());
    if (sent < 0) throw netlinkUnavailable("addresses", sent);
    for (let isDone = false; !isDone;) {
      const length = libc.recv(fd, buffer);
      if (length < 0) throw netlinkUnavailable("addresses", length);
      const part = parseAddressMessages(buffer, length);
      all.push(...part.found);
      ({ isDone } = part);
    }
  } finally {
    libc.close(fd);
  }
  return all;
}

function keyOf(addresses: readonly HostAddress[]): string {
  return addresses
    .map(({ version, value, isBroadcast }) => `${version} ${value} ${isBroadcast}`)
    .sort()
    .join();
}
