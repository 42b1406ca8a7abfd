import { ErrorCode, PromtapError } from "../errors.ts";
import * as libc from "../native/libc.ts";
import { type Link, linkDumpRequest, parseLinkMessages } from "./netlink.ts";

export type { Link } from "./netlink.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
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
    const fd = libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) throw unavailable(fd);
    const links = new Links(fd);
    try {
      const bound = libc.bind(fd, netlinkAddress(RTMGRP_LINK));
      if (bound < 0) throw unavailable(bound);
      links.#dump();
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
    this.#stopWatching = libc.watchReadable(this.#fd, () => this.#read());
  }

  [Symbol.dispose](): void {
    this.#stopWatching?.();
    libc.close(this.#fd);
  }

  /** The kernel answers a dump at once, part by part, as it is read. */
  #dump(): void {
    const sent = libc.send(this.#fd, linkDumpRequest());
    if (sent < 0) throw unavailable(sent);
    while (!this.#readOne()) {
      // Goes on to the end of the dump.
    }
  }

  #read(): void {
    for (;;) {
      const length = libc.recv(this.#fd, this.#buffer);
      if (length === -libc.errno.ENOBUFS) return this.#resynchronize();
      if (length <= 0) return;
      this.#apply(length);
    }
  }

  /** Reads one message of a dump; true at its end. */
  #readOne(): boolean {
    const length = libc.recv(this.#fd, this.#buffer);
    if (length < 0) throw unavailable(length);
    return this.#apply(length);
  }

  /** The kernel had more to say than the socket could hold: asks for everything again. */
  #resynchronize(): void {
    const before = this.all();
    this.#byIndex.clear();
    this.#dump();
    for (const link of before) if (!this.#byIndex.has(link.index)) this.#onChange(link.name, undefined);
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

function unavailable(result: number): PromtapError {
  return new PromtapError(
    ErrorCode.HOST,
    `couldn't list the interfaces: netlink says ${libc.errnoText(result)}; allow address family AF_NETLINK`,
  );
}

/** struct sockaddr_nl: family, padding, port (0: the kernel chooses), groups. */
function netlinkAddress(groups: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  return new Uint8Array(view.buffer);
}
