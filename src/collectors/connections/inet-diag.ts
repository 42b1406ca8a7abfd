import { u16, u32 } from "../../packet/bytes.ts";
import { setIpv4, type SocketVisitor, TCP_LISTEN, type TcpSocket } from "./tcp-socket.ts";

/*
 * The little of sock_diag that tells which TCP sockets there are (man 7 sock_diag). Pure: bytes in, sockets out.
 *
 *   nlmsghdr:         0 length u32 | 4 type u16 | 6 flags u16 | 8 sequence | 12 port
 *   inet_diag_req_v2: 16 family u8 | 17 protocol u8 | 18 extensions u8 | 20 states u32 | 24 sockid
 *   inet_diag_msg:    16 family u8 | 17 state u8 | 18 timer | 19 retransmissions | 20 sockid | 68 expires | 72 queues |
 *                     80 uid | 84 inode
 *   inet_diag_sockid: 0 local port be16 | 2 remote port be16 | 4 local address | 20 remote address | 36 interface |
 *                     40 cookie
 *   rtattr:           0 length u16 | 2 type u16 | 4 value, padded to 4 bytes
 */
export const NETLINK_SOCK_DIAG = 4;
export const AF_INET = 2;
export const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 0x001;
const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const HEADER_BYTES = 16;
const REQUEST_BYTES = 72;
const MESSAGE_BYTES = 88;
const ATTRIBUTE_HEADER_BYTES = 4;
const INET_DIAG_SKV6ONLY = 11;

/** What a datagram of the kernel leaves to say besides its sockets. */
export interface DumpState {
  isDone: boolean;
  /** Negated errno; 0 where all is well. */
  error: number;
  /** Whether sockets came or went in a way that left some out or told some twice. */
  isInterrupted: boolean;
}

/** The request for all TCP sockets of a family that are in one of the states, a bit each. */
export function dumpRequest(family: number, states: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(REQUEST_BYTES));
  view.setUint32(0, REQUEST_BYTES, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  view.setUint8(16, family);
  view.setUint8(17, IPPROTO_TCP);
  view.setUint32(20, states, true);
  return new Uint8Array(view.buffer);
}

/** Visits the sockets of a datagram of `length` bytes; what is cut short is passed over. */
export function parseSockets(bytes: Uint8Array, length: number, socket: TcpSocket, visitor: SocketVisitor): DumpState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const result: DumpState = { isDone: false, error: 0, isInterrupted: false };
  for (let at = 0; at + HEADER_BYTES <= length;) {
    const messageBytes = view.getUint32(at, true);
    const end = at + messageBytes;
    if (messageBytes < HEADER_BYTES || end > length) break;
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE) result.isDone = true;
    // both begin their payload with an error, which a dump that went well leaves 0
    const hasError = (type === NLMSG_DONE || type === NLMSG_ERROR) && messageBytes >= HEADER_BYTES + 4;
    if (hasError) result.error = Math.min(view.getInt32(at + HEADER_BYTES, true), 0);
    if ((view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0) result.isInterrupted = true;
    if (type === SOCK_DIAG_BY_FAMILY && messageBytes >= MESSAGE_BYTES) {
      fill(socket, bytes, at, end);
      visitor(socket);
    }
    at = (end + 3) & ~3;
  }
  return result;
}

/** Hot; does not allocate. */
function fill(socket: TcpSocket, bytes: Uint8Array, at: number, end: number): void {
  socket.state = bytes[at + 17]!;
  socket.localPort = u16(bytes, at + 20);
  if (bytes[at + 16] === AF_INET) {
    setIpv4(socket.local, u32(bytes, at + 24));
    setIpv4(socket.remote, u32(bytes, at + 40));
    socket.isIpv6Only = false;
    return;
  }
  for (let word = 0; word < 4; word++) {
    socket.local[word] = u32(bytes, at + 24 + word * 4);
    socket.remote[word] = u32(bytes, at + 40 + word * 4);
  }
  socket.isIpv6Only = socket.state === TCP_LISTEN && hasTrueAttribute(bytes, at + MESSAGE_BYTES, end);
}

/** Whether INET_DIAG_SKV6ONLY is there, which listeners have, and is 1. */
function hasTrueAttribute(bytes: Uint8Array, start: number, end: number): boolean {
  const u16LittleEndian = (at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
  for (let at = start; at + ATTRIBUTE_HEADER_BYTES < end;) {
    const attributeBytes = u16LittleEndian(at);
    const type = u16LittleEndian(at + 2);
    if (type === INET_DIAG_SKV6ONLY) return bytes[at + ATTRIBUTE_HEADER_BYTES] === 1;
    if (attributeBytes <= ATTRIBUTE_HEADER_BYTES) return false;
    at += (attributeBytes + 3) & ~3;
  }
  return false;
}
