import { setIpv4 } from "../../packet/address.ts";
import { AF_INET, IPPROTO_TCP } from "../../packet/headers.ts";
import { type MessageVisitor, netlinkRequest, NLM_F_DUMP, walkAttributes } from "../../native/netlink.ts";
import { u16, u32 } from "../../packet/bytes.ts";
import { type SocketVisitor, TCP_LISTEN, type TcpSocket } from "./tcp-socket.ts";

/*
 * The little of sock_diag that tells which TCP sockets there are (man 7 sock_diag). Pure: bytes in, sockets out.
 *
 *   inet_diag_req_v2: 0 family u8 | 1 protocol u8 | 2 extensions u8 | 4 states u32 | 8 sockid
 *   inet_diag_msg:    0 family u8 | 1 state u8 | 2 timer | 3 retransmissions | 4 sockid | 52 expires | 56 queues |
 *                     64 uid | 68 inode
 *   inet_diag_sockid: 0 local port be16 | 2 remote port be16 | 4 local address | 20 remote address | 36 interface |
 *                     40 cookie
 */
export const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
const INET_DIAG_SKV6ONLY = 11;

/** The request for all TCP sockets of a family that are in one of the states, a bit each. */
export function dumpRequest(family: number, states: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(REQUEST_BYTES));
  view.setUint8(0, family);
  view.setUint8(1, IPPROTO_TCP);
  view.setUint32(4, states, true);
  return netlinkRequest(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, new Uint8Array(view.buffer));
}

/** Visits the sockets of messages; `socket` is filled again and again. */
export function socketMessages(socket: TcpSocket, visitor: SocketVisitor): MessageVisitor {
  return (type, bytes, from, to) => {
    if (type !== SOCK_DIAG_BY_FAMILY || to - from < MESSAGE_BYTES) return;
    fill(socket, bytes, from, to);
    visitor(socket);
  };
}

/** Hot; does not allocate. */
function fill(socket: TcpSocket, bytes: Uint8Array, at: number, end: number): void {
  socket.state = bytes[at + 1]!;
  socket.localPort = u16(bytes, at + 4);
  if (bytes[at] === AF_INET) {
    setIpv4(socket.local, u32(bytes, at + 8));
    setIpv4(socket.remote, u32(bytes, at + 24));
    socket.isIpv6Only = false;
    return;
  }
  for (let word = 0; word < 4; word++) {
    socket.local[word] = u32(bytes, at + 8 + word * 4);
    socket.remote[word] = u32(bytes, at + 24 + word * 4);
  }
  socket.isIpv6Only = socket.state === TCP_LISTEN && hasTrueAttribute(bytes, at + MESSAGE_BYTES, end);
}

/** Whether INET_DIAG_SKV6ONLY is there, which listeners have, and is 1. */
function hasTrueAttribute(bytes: Uint8Array, start: number, end: number): boolean {
  let isTrue = false;
  walkAttributes(bytes, start, end, (type, from, to) => {
    if (type === INET_DIAG_SKV6ONLY) isTrue = from < to && bytes[from] === 1;
  });
  return isTrue;
}
