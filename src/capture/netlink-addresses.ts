import { NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_HEADER_BYTES } from "./netlink.ts";

/*
 * The little of rtnetlink that tells the addresses of the host (man 7 rtnetlink). Pure: bytes in, records out.
 *
 *   nlmsghdr:  0 length u32 | 4 type u16 | 6 flags u16 | 8 sequence | 12 port
 *   ifaddrmsg: 16 family u8 | 17 prefix length u8 | 18 flags u8 | 19 scope u8 | 20 index u32
 *   rtattr:    0 length u16 | 2 type u16 | 4 value, padded to 4 bytes
 */
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const IFADDRMSG_BYTES = 8;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Of a point-to-point interface, the address of the other end. */
const IFA_ADDRESS = 1;
/** The host's own, where it is not IFA_ADDRESS. */
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const AF_INET = 2;
const AF_INET6 = 10;
/** RFC 3021: from this prefix length on a network has no address for all. */
const NO_BROADCAST_BITS = 31;

/** An address that packets to this host carry. */
export interface HostAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
  /** Whether other hosts are meant as well. */
  readonly isBroadcast: boolean;
}

/** The request for the addresses of all interfaces. */
export function addressDumpRequest(): Uint8Array {
  const view = new DataView(new ArrayBuffer(NLMSG_HEADER_BYTES + IFADDRMSG_BYTES));
  view.setUint32(0, view.byteLength, true);
  view.setUint16(4, RTM_GETADDR, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  return new Uint8Array(view.buffer);
}

/** Reads a datagram of a dump, of `length` bytes; what is cut short or of no interest is passed over. */
export function parseAddressMessages(bytes: Uint8Array, length: number): { found: HostAddress[]; isDone: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const found: HostAddress[] = [];
  let isDone = false;
  for (let at = 0; at + NLMSG_HEADER_BYTES <= length;) {
    const messageBytes = view.getUint32(at, true);
    const end = at + messageBytes;
    if (messageBytes < NLMSG_HEADER_BYTES || end > length) break;
    const type = view.getUint16(at + 4, true);
    isDone ||= type === NLMSG_DONE;
    const isWhole = messageBytes >= NLMSG_HEADER_BYTES + IFADDRMSG_BYTES;
    if (type === RTM_NEWADDR && isWhole) found.push(...parseMessage(view, at, end));
    at = (end + 3) & ~3;
  }
  return { found, isDone };
}

function parseMessage(view: DataView, at: number, end: number): HostAddress[] {
  const family = view.getUint8(at + NLMSG_HEADER_BYTES);
  if (family !== AF_INET && family !== AF_INET6) return [];
  const version = family === AF_INET ? 4 : 6;
  const bits = view.getUint8(at + NLMSG_HEADER_BYTES + 1);
  const values = new Map<number, bigint>();
  for (let next = at + NLMSG_HEADER_BYTES + IFADDRMSG_BYTES; next + ATTRIBUTE_HEADER_BYTES <= end;) {
    const attributeBytes = view.getUint16(next, true);
    if (attributeBytes < ATTRIBUTE_HEADER_BYTES || next + attributeBytes > end) break;
    const start = next + ATTRIBUTE_HEADER_BYTES;
    const isAddress = attributeBytes - ATTRIBUTE_HEADER_BYTES === (version === 4 ? 4 : 16);
    if (isAddress) values.set(view.getUint16(next + 2, true), valueAt(view, start, version));
    next += (attributeBytes + 3) & ~3;
  }
  const own = values.get(IFA_LOCAL) ?? values.get(IFA_ADDRESS);
  const broadcast = new Set([
    values.get(IFA_BROADCAST),
    version === 4 ? lastOf(values.get(IFA_ADDRESS), bits) : undefined,
  ]);
  return [
    ...(own === undefined ? [] : [{ version, value: own, isBroadcast: false } as const]),
    ...[...broadcast].flatMap((value) =>
      value === undefined || value === own ? [] : [{ version, value, isBroadcast: true } as const],
    ),
  ];
}

/**
 * The last address of a network of IPv4, which Linux takes for broadcast though none is assigned (fib_add_ifaddr in
 * net/ipv4/fib_frontend.c); undefined where there are only two addresses or one.
 */
function lastOf(address: bigint | undefined, bits: number): bigint | undefined {
  if (address === undefined || bits >= NO_BROADCAST_BITS) return undefined;
  return address | ((1n << BigInt(32 - bits)) - 1n);
}

function valueAt(view: DataView, at: number, version: 4 | 6): bigint {
  if (version === 4) return BigInt(view.getUint32(at));
  return (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
}
