import { messageOf } from "../../errors.ts";
import * as libc from "../../native/libc.ts";
import { DumpEnd, NetlinkDump } from "../../native/netlink-dump.ts";
import { AF_INET, AF_INET6 } from "../../packet/headers.ts";
import { dumpRequest, NETLINK_SOCK_DIAG, socketMessages } from "./inet-diag.ts";
import { LISTENING, type SocketSource, type SocketVisitor, TcpSocket } from "./tcp-socket.ts";

const ENOENT = 2;

/** The sockets of this network namespace, from the kernel by inet_diag. Needs no capability. */
export class NetlinkSource implements SocketSource {
  readonly name = "netlink";

  /** Tells why sockets can't be had from it, or undefined if they can: then it has read the listeners. */
  static async probe(deadline: number): Promise<string | undefined> {
    try {
      await new NetlinkSource().visit(LISTENING, deadline, () => {});
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async visit(states: number, deadline: number, visitor: SocketVisitor): Promise<boolean> {
    const opened = NetlinkDump.open(NETLINK_SOCK_DIAG);
    if (typeof opened === "number") throw refused(opened);
    using dump = opened;
    const onMessage = socketMessages(new TcpSocket(), visitor);
    for (const family of [AF_INET, AF_INET6]) {
      const end = await dump.run(dumpRequest(family, states), { deadline }, onMessage);
      // What did not fit into the socket's buffer is lost.
      if (end === DumpEnd.TORN || end === -libc.errno.ENOBUFS) return false;
      if (end === DumpEnd.LATE) throw new Error("couldn't read the TCP sockets before the scrape's deadline");
      if (end < 0) throw refused(end);
    }
    return true;
  }
}

function refused(result: number): Error {
  const reason = result === -ENOENT ? "the kernel has no module tcp_diag" : libc.errnoText(result);
  return new Error(`couldn't read the TCP sockets by inet_diag: ${reason}`);
}
