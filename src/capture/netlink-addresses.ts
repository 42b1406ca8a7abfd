import { AF_INET, AF_INET6 } from "../packet/headers.ts";
import { type DumpState, netlinkRequest, NLM_F_DUMP, walkAttributes, walkMessages } from "../native/netlink.ts";

/*
 * The little of rtnetlink that tells the addresses of the host (man 7 rtnetlink). Pure: bytes in, records out.
 *
 *   ifaddrmsg: 0 family u8 | 1 prefix length u8 | 2 flags u8 | 3 scope u8 | 4 index u32
 */
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const IFADDRMSG_BYTES = 8;
/** Of a point-to-point interface, the address of the other end. */
const IFA_ADDRESS = 1;
/** The host's own, if it is not IFA_ADDRESS. */
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
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
  return netlinkRequest(RTM_GETADDR, NLM_F_DUMP, new Uint8Array(IFADDRMSG_BYTES));
}

/** Reads a datagram of a dump, of `length` bytes; what is cut short or of no interest is passed over. */
export function parseAddressMessages(bytes: Uint8Array, length: number): { found: HostAddress[]; state: DumpState } {
  const found: HostAddress[] = [];
  const state = walkMessages(bytes, length, (type, _, from, to) => {
    if (type === RTM_NEWADDR && to - from >= IFADDRMSG_BYTES) found.push(...parseMessage(bytes, from, to));
  });
  return { found, state };
}

function parseMessage(bytes: Uint8Array, from: number, to: number): HostAddress[] {
  const family = bytes[from];
  if (family !== AF_INET && family !== AF_INET6) return [];
  const version = family === AF_INET ? 4 : 6;
  const bits = bytes[from + 1]!;
  const values = new Map<number, bigint>();
  walkAttributes(bytes, from + IFADDRMSG_BYTES, to, (type, start, end) => {
    if (end - start === (version === 4 ? 4 : 16)) values.set(type, valueAt(bytes, start, version));
  });
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
 * net/ipv4/fib_frontend.c); undefined if there are only two addresses or one.
 */
function lastOf(address: bigint | undefined, bits: number): bigint | undefined {
  if (address === undefined || bits >= NO_BROADCAST_BITS) return undefined;
  return address | ((1n << BigInt(32 - bits)) - 1n);
}

function valueAt(bytes: Uint8Array, at: number, version: 4 | 6): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (version === 4) return BigInt(view.getUint32(0));
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}
