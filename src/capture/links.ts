import { isDeepStrictEqual } from "node:util";
import * as libc from "../native/libc.ts";
import { type Link, linkDumpRequest, parseLinkMessages } from "./netlink.ts";
import { netlinkUnavailable, openNetlink } from "./netlink-socket.ts";

export type { Link } from "./netlink.ts";

const RTMGRP_LINK = 1;
/** In messages. */
const WHAT = "interfaces";
/** Larger than any message of the kernel about a link. */
const MESSAGE_BYTES = 64 * 1024;
/** How many messages are read before others have their turn. */
const MESSAGES_A_TURN = 16;
/** When it is asked again for everything, where the kernel did not take the question. */
const ASK_AGAIN_MS = 1000;

/** What can't be seen in the links that there are: indexes of links. */
export interface LinkNews {
  /** They went, though others may have their index by now. */
  readonly gone: Set<number>;
  /** They went down, though they may be up by now. */
  readonly down: Set<number>;
}

/** Told that links came, went, or changed in what is known of them. */
export type LinkListener = (news: LinkNews) => void;

/**
 * The network interfaces of this namespace, kept up to date by the kernel's own messages: no polling, and nothing read
 * from /sys, which may be of another namespace or not there.
 */
export class Links implements Disposable {
  readonly #fd: number;
  readonly #byIndex = new Map<number, Link>();
  readonly #buffer = new Uint8Array(MESSAGE_BYTES);
  /** While the kernel lists all links: those that were not listed yet. */
  #unlisted: Set<number> | undefined;
  /** Whether news was lost, so that the kernel is to list all links again. */
  #isIncomplete = false;
  #news: LinkNews = { gone: new Set(), down: new Set() };
  #hasNews = false;
  #askTimer: NodeJS.Timeout | undefined;
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
      links.#list();
      return links;
    } catch (error) {
      libc.close(fd);
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
    if (this.#isIncomplete) this.#readSome();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#askTimer);
    this.#stopWatching?.();
    libc.close(this.#fd);
  }

  /** The kernel answers at once, part by part, as it is read. */
  #list(): void {
    const sent = this.#ask();
    if (sent < 0) throw netlinkUnavailable(WHAT, sent);
    while (this.#unlisted !== undefined) {
      const length = this.#readOne();
      if (length < 0 && length !== -libc.errno.ENOBUFS) throw netlinkUnavailable(WHAT, length);
    }
    this.#hasNews = false;
  }

  #ask(): number {
    const sent = libc.send(this.#fd, linkDumpRequest());
    if (sent < 0) return sent;
    this.#isIncomplete = false;
    this.#unlisted = new Set(this.#byIndex.keys());
    // Who knows what became of them meanwhile.
    for (const index of this.#unlisted) this.#news.down.add(index);
    this.#hasNews = true;
    return sent;
  }

  /** Reads some of what waits. The rest is told of again, and so has its turn. */
  #readSome(): void {
    let isEmpty = false;
    for (let count = 0; count < MESSAGES_A_TURN && !isEmpty; count++) {
      isEmpty = this.#readOne() === -libc.errno.EAGAIN;
    }
    if (isEmpty && this.#isIncomplete && this.#unlisted === undefined) this.#askInTime();
    // Names of a list that is half read may be of different times.
    if (!this.#hasNews || this.#unlisted !== undefined) return;
    const news = this.#news;
    this.#news = { gone: new Set(), down: new Set() };
    this.#hasNews = false;
    this.#onChange(news);
  }

  #askInTime(): void {
    clearTimeout(this.#askTimer);
    if (this.#ask() < 0) this.#askTimer = setTimeout(() => this.#askInTime(), ASK_AGAIN_MS);
  }

  /**
   * Returns the length of the message, or the negated errno. Where the kernel had more to say than the socket could hold
   * it says so once, and drops what is new until the socket is empty (netlink_overrun in net/netlink/af_netlink.c): to
   * ask before would be of no use.
   */
  #readOne(): number {
    const length = libc.recv(this.#fd, this.#buffer);
    if (length === -libc.errno.ENOBUFS) this.#isIncomplete = true;
    else if (length > 0) this.#apply(length);
    return length;
  }

  #apply(length: number): void {
    const { changed, removed, isDone } = parseLinkMessages(this.#buffer, length);
    for (const link of changed) {
      this.#unlisted?.delete(link.index);
      // Such as one that turned promiscuous: nothing that is of interest here.
      if (isDeepStrictEqual(this.#byIndex.get(link.index), link)) continue;
      this.#byIndex.set(link.index, link);
      if (!link.isUp) this.#news.down.add(link.index);
      this.#hasNews = true;
    }
    for (const index of removed) this.#remove(index);
    if (!isDone) return;
    for (const index of this.#unlisted ?? []) this.#remove(index);
    this.#unlisted = undefined;
  }

  #remove(index: number): void {
    if (!this.#byIndex.delete(index)) return;
    this.#news.gone.add(index);
    this.#hasNews = true;
  }
}
