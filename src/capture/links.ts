import { isDeepStrictEqual } from "node:util";
import * as libc from "../native/libc.ts";
import type { DumpState } from "../native/netlink.ts";
import { dump, dumpNow, MAX_LISTINGS, TORN } from "./netlink-dump.ts";
import { type Link, linkDumpRequest, parseLinkMessages } from "./netlink.ts";
import { netlinkUnavailable, openNetlink } from "./netlink-socket.ts";

export type { Link } from "./netlink.ts";

const RTMGRP_LINK = 1;
/** In messages. */
const WHAT = "interfaces";
/** Larger than any message of the kernel about a link. */
const MESSAGE_BYTES = 64 * 1024;
/** How many messages are read before others have their turn. */
const MESSAGES_PER_TURN = 16;
/** When the links are listed again, if the kernel could not do so, or some came or went meanwhile. */
const LIST_AGAIN_MS = 1000;

/**
 * Told that links came, went, or changed in what is known of them. `gone`: the indexes of those that went, even if
 * others have the same by now.
 */
export type LinkListener = (gone: ReadonlySet<number>) => void;

/**
 * The network interfaces of this namespace, kept up to date by the kernel's own messages: no polling, and nothing read
 * from /sys, which may be of another namespace or not there.
 */
export class Links implements Disposable {
  /** Tells the news. */
  readonly #fd: number;
  /** Lists all links. */
  readonly #listFd: number;
  readonly #byIndex = new Map<number, Link>();
  readonly #buffer = new Uint8Array(MESSAGE_BYTES);
  /** Links that there was news of while all are listed: of them the list may be older. */
  readonly #newer = new Set<number>();
  /** Whether news was lost, so that all links are to be listed again. */
  #isIncomplete = false;
  #listing: Promise<void> | undefined;
  #gone = new Set<number>();
  #hasNews = false;
  #listTimer: NodeJS.Timeout | undefined;
  #stopWatching: (() => void) | undefined;
  #onChange: LinkListener = () => {};
  #isOpen = true;

  private constructor(fd: number, listFd: number) {
    this.#fd = fd;
    this.#listFd = listFd;
  }

  /** Asks for all interfaces. Throws PromtapError if there is no netlink. */
  static open(): Links {
    const fd = openNetlink(RTMGRP_LINK, WHAT);
    let listFd = -1;
    try {
      listFd = openNetlink(0, WHAT);
      const links = new Links(fd, listFd);
      links.#listNow();
      return links;
    } catch (error) {
      libc.close(fd);
      if (listFd >= 0) libc.close(listFd);
      throw error;
    }
  }

  /** All interfaces there are now; one that has not changed is the same object as before. */
  all(): Link[] {
    return [...this.#byIndex.values()];
  }

  find(name: string): Link | undefined {
    return this.all().find((link) => link.name === name);
  }

  /** Calls `onChange` for all changes from now on, for those that are read together once. */
  watch(onChange: LinkListener): void {
    this.#onChange = onChange;
    this.#stopWatching = libc.watchReadable(this.#fd, () => this.#readSome());
    this.#readSome();
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    clearTimeout(this.#listTimer);
    this.#stopWatching?.();
    libc.close(this.#fd);
    if (this.#listing === undefined) libc.close(this.#listFd);
    else void this.#listing.finally(() => libc.close(this.#listFd));
  }

  /** Reads some of what waits. The rest is told of again, and so has its turn. */
  #readSome(): void {
    let isEmpty = false;
    for (let count = 0; count < MESSAGES_PER_TURN && !isEmpty; count++) {
      isEmpty = this.#readOne() === -libc.errno.EAGAIN;
    }
    if (isEmpty && this.#isIncomplete && this.#listTimer === undefined) this.#list();
    this.#tell();
  }

  /**
   * Returns the length of the message, or the negated errno. If the kernel had more to say than the socket could hold
   * it says so once, and drops what is new until the socket is empty (netlink_overrun in net/netlink/af_netlink.c): to
   * list the links before would be of no use.
   */
  #readOne(): number {
    const length = libc.recv(this.#fd, this.#buffer);
    if (length === -libc.errno.ENOBUFS) this.#isIncomplete = true;
    if (length <= 0) return length;
    const { changed, removed } = parseLinkMessages(this.#buffer, length);
    for (const link of changed) this.#learn(link);
    for (const index of removed) this.#forget(index);
    return length;
  }

  #listNow(): void {
    let result = TORN;
    for (let count = 0; count < MAX_LISTINGS && result === TORN; count++) {
      result = dumpNow(this.#listFd, linkDumpRequest(), (bytes, length) => this.#takePart(bytes, length, new Set()));
    }
    if (result < 0) throw netlinkUnavailable(WHAT, result);
    this.#isIncomplete = result === TORN;
    this.#hasNews = false;
  }

  /** Lists all links again, once at a time; news that is lost meanwhile makes that list old. */
  #list(): void {
    this.#listing ??= this.#listAll().finally(() => {
      this.#listing = undefined;
      if (this.#isOpen) this.#readSome();
    });
  }

  async #listAll(): Promise<void> {
    this.#isIncomplete = false;
    this.#newer.clear();
    const unlisted = new Set(this.#byIndex.keys());
    const result = await dump(this.#listFd, linkDumpRequest(), (bytes, length) => {
      return this.#takePart(bytes, length, unlisted);
    });
    if (!this.#isOpen) return;
    if (result !== 0) this.#listLater();
    // A torn list may leave out what is there.
    else for (const index of unlisted) if (!this.#newer.has(index)) this.#forget(index);
  }

  #listLater(): void {
    this.#isIncomplete = true;
    this.#listTimer = setTimeout(() => {
      this.#listTimer = undefined;
      this.#list();
    }, LIST_AGAIN_MS);
  }

  #takePart(bytes: Uint8Array, lengthBytes: number, unlisted: Set<number>): DumpState {
    const { changed, state } = parseLinkMessages(bytes, lengthBytes);
    for (const link of changed) {
      unlisted.delete(link.index);
      if (!this.#newer.has(link.index)) this.#learn(link);
    }
    return state;
  }

  #learn(link: Link): void {
    this.#newer.add(link.index);
    // Such as one that turned promiscuous: nothing that is of interest here.
    if (isDeepStrictEqual(this.#byIndex.get(link.index), link)) return;
    this.#byIndex.set(link.index, link);
    this.#hasNews = true;
  }

  #forget(index: number): void {
    this.#newer.add(index);
    if (!this.#byIndex.delete(index)) return;
    this.#gone.add(index);
    this.#hasNews = true;
  }

  /** Not while links are listed: names that are half of the list may be of different times. */
  #tell(): void {
    if (!this.#isOpen || !this.#hasNews || this.#listing !== undefined) return;
    const gone = this.#gone;
    this.#gone = new Set();
    this.#hasNews = false;
    this.#onChange(gone);
  }
}
