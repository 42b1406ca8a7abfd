import { setImmediate as nextTurn } from "node:timers/promises";
import * as libc from "./libc.ts";
import { AF_NETLINK, type MessageVisitor, walkMessages } from "./netlink.ts";

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const ETIME = 62;
/** The kernel fills 32 KiB at most, and less if less is asked for (netlink_dump in net/netlink/af_netlink.c). */
const BUFFER_BYTES = 64 * 1024;
/** How long dumps hold the event loop, in one go. */
const TURN_MS = 10;

/** When to give up. */
export interface DumpLimits {
  /** A time of performance.now(). */
  readonly deadline: number;
  readonly signal?: AbortSignal;
}

/**
 * How a dump ended: whole, or torn, if things came or went in a way that left some out or told some twice. A negated
 * errno stands for what the kernel said, -ETIME for limits that were reached before; the socket is of no more use then.
 */
export const DumpEnd = { WHOLE: 1, TORN: 0, LATE: -ETIME } as const;

/** A netlink socket of one protocol, for one dump after the other. Needs no capability of its own. */
export class NetlinkDump implements Disposable {
  readonly #fd: number;
  readonly #isInBackground: boolean;
  readonly #bytes = new Uint8Array(BUFFER_BYTES);
  #turnEnd = performance.now() + TURN_MS;

  private constructor(fd: number, isInBackground: boolean) {
    this.#fd = fd;
    this.#isInBackground = isInBackground;
  }

  /**
   * Returns the socket, or the negated errno. In the background the kernel makes the answers in another thread: they
   * come slower, but hold nothing up however long one takes.
   */
  static open(protocol: number, isInBackground = false): NetlinkDump | number {
    const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    return fd < 0 ? fd : new NetlinkDump(fd, isInBackground);
  }

  /** Asks for one thing, and visits the answer; returns the negated errno if there is none. */
  ask(request: Uint8Array, visitor: MessageVisitor): number {
    const sent = libc.send(this.#fd, request);
    const length = sent < 0 ? sent : libc.recv(this.#fd, this.#bytes);
    return length < 0 ? length : walkMessages(this.#bytes, length, visitor).error;
  }

  /** Asks for many, and visits the answers; returns how that ended. */
  async run(request: Uint8Array, { deadline, signal }: DumpLimits, visitor: MessageVisitor): Promise<number> {
    const sent = libc.send(this.#fd, request);
    if (sent < 0) return sent;
    for (let isTorn = false; ;) {
      const length = this.#isInBackground
        ? await libc.recvInBackground(this.#fd, this.#bytes)
        : libc.recv(this.#fd, this.#bytes);
      if (length < 0 && length !== -libc.errno.EAGAIN) return length;
      if (length > 0) {
        const state = walkMessages(this.#bytes, length, visitor);
        if (state.error < 0) return state.error;
        isTorn ||= state.isInterrupted;
        if (state.isDone) return isTorn ? DumpEnd.TORN : DumpEnd.WHOLE;
      }
      const now = performance.now();
      if (now > deadline || signal?.aborted === true) return DumpEnd.LATE;
      if (length > 0 && now < this.#turnEnd) continue;
      await nextTurn();
      this.#turnEnd = performance.now() + TURN_MS;
    }
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}
