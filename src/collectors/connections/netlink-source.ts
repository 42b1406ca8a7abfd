import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import * as libc from "../../native/libc.ts";
import { AF_INET, AF_INET6, dumpRequest, NETLINK_SOCK_DIAG, parseSockets } from "./inet-diag.ts";
import { LISTENING, type SocketSource, type SocketVisitor, TcpSocket } from "./tcp-socket.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const ENOENT = 2;
/** The kernel fills 32 KiB at most, and less where less is asked for (netlink_dump in net/netlink/af_netlink.c). */
const BUFFER_BYTES = 64 * 1024;
/** How long the dump keeps the event loop from others, in one go. */
const TURN_MS = 10;

/** The sockets of this network namespace, from the kernel by inet_diag. Needs no capability. */
export class NetlinkSource implements SocketSource {
  readonly name = "netlink";

  /** Tells why sockets can't be had this way, or undefined when they can: it has read those that listen. */
  static async probe(deadline: number): Promise<string | undefined> {
    try {
      await new NetlinkSource().visit(LISTENING, deadline, () => {});
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async visit(states: number, deadline: number, visitor: SocketVisitor): Promise<boolean> {
    using dump = new Dump(deadline);
    for (const family of [AF_INET, AF_INET6]) {
      if (!(await dump.run(dumpRequest(family, states), visitor))) return false;
    }
    return true;
  }
}

/** A netlink socket with the buffers of a dump. */
class Dump implements Disposable {
  readonly #deadline: number;
  readonly #fd: number;
  readonly #bytes = new Uint8Array(BUFFER_BYTES);
  readonly #socket = new TcpSocket();
  #turnEnd = performance.now() + TURN_MS;

  constructor(deadline: number) {
    this.#deadline = deadline;
    this.#fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (this.#fd < 0) throw refused(this.#fd);
  }

  /** Returns whether the dump is whole. */
  async run(request: Uint8Array, visitor: SocketVisitor): Promise<boolean> {
    const sent = libc.send(this.#fd, request);
    if (sent < 0) throw refused(sent);
    for (;;) {
      const length = libc.recv(this.#fd, this.#bytes);
      // what did not fit the socket's buffer is lost
      if (length === -libc.errno.ENOBUFS) return false;
      if (length < 0 && length !== -libc.errno.EAGAIN) throw refused(length);
      if (length > 0) {
        const state = parseSockets(this.#bytes, length, this.#socket, visitor);
        if (state.error < 0) throw refused(state.error);
        if (state.isInterrupted) return false;
        if (state.isDone) return true;
      }
      const now = performance.now();
      if (now > this.#deadline) throw new Error("couldn't read the TCP sockets before the scrape's deadline");
      if (length > 0 && now < this.#turnEnd) continue;
      await nextTurn();
      this.#turnEnd = performance.now() + TURN_MS;
    }
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

function refused(result: number): Error {
  const reason = result === -ENOENT ? "the kernel has no module tcp_diag" : libc.errnoText(result);
  return new Error(`couldn't read the TCP sockets by inet_diag: ${reason}`);
}
