import * as libc from "../native/libc.ts";
import { addressDumpRequest, type HostAddress, parseAddressMessages } from "./netlink-addresses.ts";
import { dump, dumpNow, MAX_LISTINGS, type PartTaker, TORN } from "./netlink-dump.ts";
import { netlinkUnavailable, openNetlink } from "./netlink-socket.ts";

const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
/** In messages. */
const WHAT = "addresses";
/** The content of a message does not matter, only that there is one. */
const MESSAGE_BYTES = 16;
/** How many messages are read before others have their turn. */
const MESSAGES_PER_TURN = 64;
/** When addresses come and go all the time, as with containers, they are asked for this often at most. */
const SETTLE_MS = 1000;

/** The addresses of all interfaces of this namespace, up to date by the kernel's own messages. */
export class HostAddresses implements Disposable {
  readonly #news: number;
  readonly #buffer = new Uint8Array(MESSAGE_BYTES);
  #addresses: HostAddress[] = [];
  #stopWatching: (() => void) | undefined;
  #newsCount = 0;
  /** While news waits to be looked at, or is. */
  #timer: NodeJS.Timeout | undefined;
  #isOpen = true;

  private constructor(news: number) {
    this.#news = news;
  }

  /** Asks for all addresses. Throws PromtapError if there is no netlink. */
  static open(): HostAddresses {
    // Subscribed before it is asked for the first time, so that nothing is missed.
    const news = openNetlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, WHAT);
    const hostAddresses = new HostAddresses(news);
    try {
      hostAddresses.#addresses = listNow();
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
      // Everything is asked for again, once for all that change together. What is left is told of again.
      for (let count = 0; count < MESSAGES_PER_TURN && this.#isThereNews(); count++);
      this.#newsCount++;
      this.#refreshSoon(onChange);
    });
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
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
    this.#timer ??= setTimeout(() => void this.#refresh(onChange), SETTLE_MS);
  }

  async #refresh(onChange: () => void): Promise<void> {
    const before = keyOf(this.#addresses);
    const asked = this.#newsCount;
    let found: HostAddress[] | undefined;
    try {
      found = await list();
    } catch {
      // For want of descriptors, say: the addresses stay as they are until the kernel answers.
    }
    this.#timer = undefined;
    if (!this.#isOpen) return;
    if (found === undefined || this.#newsCount > asked) this.#refreshSoon(onChange);
    this.#addresses = found ?? this.#addresses;
    if (keyOf(this.#addresses) !== before) onChange();
  }
}

/** All addresses there are now; if they keep changing, what is missing comes with the news of the change. */
function listNow(): HostAddress[] {
  const fd = openNetlink(0, WHAT);
  let found: HostAddress[] = [];
  let result = TORN;
  for (let count = 0; count < MAX_LISTINGS && result === TORN; count++) {
    found = [];
    result = dumpNow(fd, addressDumpRequest(), takerInto(found));
  }
  libc.close(fd);
  if (result < 0) throw netlinkUnavailable(WHAT, result);
  return found;
}

/** All addresses there are now; undefined if they changed meanwhile. */
async function list(): Promise<HostAddress[] | undefined> {
  const fd = openNetlink(0, WHAT);
  const found: HostAddress[] = [];
  const result = await dump(fd, addressDumpRequest(), takerInto(found));
  libc.close(fd);
  if (result < 0) throw netlinkUnavailable(WHAT, result);
  return result === TORN ? undefined : found;
}

function takerInto(all: HostAddress[]): PartTaker {
  return (bytes, lengthBytes) => {
    const { found, state } = parseAddressMessages(bytes, lengthBytes);
    all.push(...found);
    return state;
  };
}

function keyOf(addresses: readonly HostAddress[]): string {
  return addresses
    .map(({ version, value, isBroadcast }) => `${version} ${value} ${isBroadcast}`)
    .sort()
    .join();
}
