import { type DumpState, netlinkRequest, NLM_F_DUMP, walkAttributes, walkMessages } from "../native/netlink.ts";
import { interfaceNameOf } from "./interface-name.ts";

/*
 * The little of rtnetlink that tells which interfaces there are (man 7 rtnetlink). Pure: bytes in, records out.
 *
 *   ifinfomsg: 0 family u8 | 2 hardware type u16 | 4 index i32 | 8 flags u32 | 12 change mask
 */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const IFINFOMSG_BYTES = 16;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_LINK_NETNSID = 37;
const IFLA_PROP_LIST = 52;
const IFLA_ALT_IFNAME = 53;
const IFLA_INFO_KIND = 1;

/** Messages of other families tell of a bridge's ports, not of interfaces: a port that leaves is no link that went. */
const AF_UNSPEC = 0;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
export const ARPHRD_ETHER = 1;
export const ARPHRD_LOOPBACK = 772;

/** A network interface as the kernel describes it. */
export interface Link {
  readonly name: string;
  /** Other names that it answers to (ip link property). */
  readonly altNames: readonly string[];
  /** Changes when an interface of the same name is made again. */
  readonly index: number;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  /** ARPHRD_ number (linux/if_arp.h): what its frames begin with. */
  readonly hardwareType: number;
  /** Whether that is an Ethernet header. */
  readonly isEthernet: boolean;
  /** What made it, in the kernel's word: `veth`, `bridge`, `vlan`, `tun`, ...; "" for hardware. */
  readonly kind: string;
  /** Index of the interface that it is a port or slave of, 0 if of none. */
  readonly masterIndex: number;
  /** Index of the interface of this namespace that it is stacked on, 0 if on none. The peer of a veth is none. */
  readonly lowerIndex: number;
}

/** What one datagram of the kernel says. */
export interface LinkMessage {
  changed: Link[];
  /** Indexes of interfaces that went away. */
  removed: number[];
  /** What else it says, if it is of a dump. */
  state: DumpState;
}

/** The request for all interfaces. */
export function linkDumpRequest(): Uint8Array {
  return netlinkRequest(RTM_GETLINK, NLM_F_DUMP, new Uint8Array(IFINFOMSG_BYTES));
}

/** Reads a datagram of `length` bytes; what is cut short or of no interest is passed over. */
export function parseLinkMessages(bytes: Uint8Array, length: number): LinkMessage {
  const changed: Link[] = [];
  const removed: number[] = [];
  const state = walkMessages(bytes, length, (type, _, from, to) => {
    if (to - from < IFINFOMSG_BYTES || bytes[from] !== AF_UNSPEC) return;
    if (type === RTM_NEWLINK) changed.push(parseLink(bytes, from, to));
    if (type === RTM_DELLINK) removed.push(viewOf(bytes, from).getInt32(4, true));
  });
  return { changed, removed, state };
}

function parseLink(bytes: Uint8Array, from: number, to: number): Link {
  const header = viewOf(bytes, from);
  const hardwareType = header.getUint16(2, true);
  const flags = header.getUint32(8, true);
  let name = "";
  let kind = "";
  const altNames: string[] = [];
  let masterIndex = 0;
  let lowerIndex = 0;
  let isInOtherNamespace = false;
  walkAttributes(bytes, from + IFINFOMSG_BYTES, to, (type, start, end) => {
    if (type === IFLA_IFNAME) name = interfaceNameOf(stringOf(bytes, start, end));
    if (type === IFLA_MASTER) masterIndex = indexOf(bytes, start, end);
    if (type === IFLA_LINK) lowerIndex = indexOf(bytes, start, end);
    if (type === IFLA_LINK_NETNSID) isInOtherNamespace = true;
    if (type === IFLA_LINKINFO) [kind = ""] = texts(bytes, start, end, IFLA_INFO_KIND);
    if (type === IFLA_PROP_LIST) altNames.push(...texts(bytes, start, end, IFLA_ALT_IFNAME));
  });
  return {
    name,
    altNames,
    index: header.getInt32(4, true),
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    hardwareType,
    isEthernet: hardwareType === ARPHRD_ETHER || hardwareType === ARPHRD_LOOPBACK,
    kind,
    masterIndex,
    lowerIndex: kind === "veth" || isInOtherNamespace ? 0 : lowerIndex,
  };
}

/** The texts of one type that are nested in bytes[from, to). */
function texts(bytes: Uint8Array, from: number, to: number, wanted: number): string[] {
  const found: string[] = [];
  walkAttributes(bytes, from, to, (type, start, end) => {
    if (type === wanted) found.push(interfaceNameOf(stringOf(bytes, start, end)));
  });
  return found;
}

function indexOf(bytes: Uint8Array, start: number, end: number): number {
  return end - start < 4 ? 0 : viewOf(bytes, start).getInt32(0, true);
}

/** A string without the NUL that ends it; empty if there is none. */
function stringOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return bytes.subarray(start, Math.max(start, end - 1));
}

function viewOf(bytes: Uint8Array, at: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + at);
}
