import * as libc from "../native/libc.ts";
import { type Link, linkDumpRequest, parseLinkMessages } from "./netlink.ts";
import { netlinkUnavailable, openNetlink } from "./netlink-socket.ts";

export type { Link } from "./netlink.ts";

const RTMGRP_LINK = 1;
/** In messages. */
const WHAT = "interfaces";
/** Larger than any message of the kernel about a link. */
const MESSAGE_BYTES = 64 * 1024;

/** A link came, went, or changed; `link` is its new state, undefined when it went. */
export type LinkListener = (name: string, link: Link | undefined) => void;

/**
 * The network interfaces of this namespace, kept up to date by the kernel's own messages: no polling, and nothing read
 * from /sys, which may be of another namespace or not there.
 */
export class Links implements Disposable {
  readonly #fd: number;
  readonly #byIndex = new Map<number, Link>();
  readonly #buffer = new Uint8Array(MESSAGE_BYTES);
  #stopWatching: (() => void) | undefined;
  #onChange: LinkListener = () => {};

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Asks for all interfaces. Throws PromtapError where there is no netlink. */
  static open(): Links {
    const fd = openNetlink(RTMGRP_LINK, WHAT);
    const links = new Links(fd);
    try {
      if (!links.#dump()) links.#read(false);
    } catch (error) {
      libc.close(fd);
      throw error;
    }
    return links;
  }

  /** All interfaces there are now. */
  all(): Link[] {
    return [...this.#byIndex.values()];
  }

  find(name: string): Link | undefined {
    return this.all().find((link) => link.name === name);
  }

  /** Calls `onChange` for every change from now on. */
  watch(onChange: LinkListener): void {
    this.#onChange = onChange;
    this.#stopWatching = libc.watchReadable(this.#fd, () => this.#read(true));
  }

  [Symbol.dispose](): void {
    this.#stopWatching?.();
    libc.close(this.#fd);
  }

  /** The kernel answers a dump at once, part by part, as it is read; false where it lost news meanwhile. */
  #dump(): boolean {
    const sent = libc.send(this.#fd, linkDumpRequest());
    if (sent < 0) throw netlinkUnavailable(WHAT, sent);
    let isComplete = true;
    for (let isDone = false; !isDone;) {
      const length = libc.recv(this.#fd, this.#buffer);
      if (length === -libc.errno.ENOBUFS) isComplete = false;
      else if (length < 0) throw netlinkUnavailable(WHAT, length);
      else isDone = this.#apply(length);
    }
    return isComplete;
  }

  /**
   * Reads all that waits, and asks for everything again where the kernel had more to say than the socket could hold. It
   * says so once, and drops what is new until the socket is empty (netlink_overrun in net/netlink/af_netlink.c).
   */
  #read(isComplete: boolean): void {
    for (;;) {
      const length = libc.recv(this.#fd, this.#buffer);
      if (length === -libc.errno.ENOBUFS) isComplete = false;
      else if (length <= 0) break;
      else this.#apply(length);
    }
    if (!isComplete) this.#resynchronize();
  }

  #resynchronize(): void {
    const before = this.all();
    this.#byIndex.clear();
    const isComplete = this.#dump();
    // By name: a link may have been made again, or renamed.
    for (const { name } of before) if (this.find(name) === undefined) this.#onChange(name, undefined);
    if (!isComplete) this.#read(false);
  }

  #apply(length: number): boolean {
    const { changed, removed, isDone } = parseLinkMessages(this.#buffer, length);
    for (const link of changed) {
      const before = this.#byIndex.get(link.index);
      this.#byIndex.set(link.index, link);
      if (before !== undefined && before.name !== link.name) this.#onChange(before.name, undefined);
      this.#onChange(link.name, link);
    }
    for (const index of removed) {
      const link = this.#byIndex.get(index);
      this.#byIndex.delete(index);
      if (link !== undefined) this.#onChange(link.name, undefined);
    }
    return isDone;
  }
}
