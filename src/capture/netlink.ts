import { interfaceNameOf } from "./interface-name.ts";

/*
 * The little of rtnetlink that tells which interfaces there are (man 7 rtnetlink). Pure: bytes in, records out.
 *
 *   nlmsghdr:  0 length u32 | 4 type u16 | 6 flags u16 | 8 sequence | 12 port
 *   ifinfomsg: 16 family u8 | 18 hardware type u16 | 20 index i32 | 24 flags u32 | 28 change mask
 *   rtattr:    0 length u16 | 2 type u16 | 4 value, padded to 4 bytes
 */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
export const NLM_F_REQUEST = 0x001;
export const NLM_F_DUMP = 0x300;
export const NLMSG_DONE = 3;
export const NLMSG_HEADER_BYTES = 16;
const IFINFOMSG_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Above it are flags, such as NLA_F_NESTED. */
const NLA_TYPE_MASK = 0x3fff;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_LINK_NETNSID = 37;
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
  /** Changes when an interface of the same name is made anew. */
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
  /** Whether it ends a dump. */
  isDone: boolean;
}

/** The request for all interfaces. */
export function linkDumpRequest(): Uint8Array {
  const view = new DataView(new ArrayBuffer(NLMSG_HEADER_BYTES + IFINFOMSG_BYTES));
  view.setUint32(0, view.byteLength, true);
  view.setUint16(4, RTM_GETLINK, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  return new Uint8Array(view.buffer);
}

/** Reads a datagram of `length` bytes; what is cut short or of no interest is passed over. */
export function parseLinkMessages(bytes: Uint8Array, length: number): LinkMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const result: LinkMessage = { changed: [], removed: [], isDone: false };
  for (let at = 0; at + NLMSG_HEADER_BYTES <= length;) {
    const messageBytes = view.getUint32(at, true);
    const end = at + messageBytes;
    if (messageBytes < NLMSG_HEADER_BYTES || end > length) break;
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE) result.isDone = true;
    const isWhole = messageBytes >= NLMSG_HEADER_BYTES + IFINFOMSG_BYTES;
    if (isWhole && view.getUint8(at + NLMSG_HEADER_BYTES) === AF_UNSPEC) {
      if (type === RTM_NEWLINK) result.changed.push(parseLink(view, at, end));
      if (type === RTM_DELLINK) result.removed.push(view.getInt32(at + 20, true));
    }
    at = (end + 3) & ~3;
  }
  return result;
}

function parseLink(view: DataView, at: number, end: number): Link {
  const hardwareType = view.getUint16(at + 18, true);
  const flags = view.getUint32(at + 24, true);
  const attributes = parseAttributes(view, at + NLMSG_HEADER_BYTES + IFINFOMSG_BYTES, end);
  const info = attributes.get(IFLA_LINKINFO);
  const infoKind = info === undefined ? undefined : parseAttributes(info, 0, info.byteLength).get(IFLA_INFO_KIND);
  const kind = new TextDecoder().decode(stringOf(infoKind));
  const isStacked = kind !== "veth" && !attributes.has(IFLA_LINK_NETNSID);
  return {
    name: interfaceNameOf(stringOf(attributes.get(IFLA_IFNAME))),
    index: view.getInt32(at + 20, true),
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    hardwareType,
    isEthernet: hardwareType === ARPHRD_ETHER || hardwareType === ARPHRD_LOOPBACK,
    kind,
    masterIndex: indexOf(attributes.get(IFLA_MASTER)),
    lowerIndex: isStacked ? indexOf(attributes.get(IFLA_LINK)) : 0,
  };
}

/** The values of the attributes in view[at, end), by type; what is cut short ends them. */
function parseAttributes(view: DataView, at: number, end: number): Map<number, DataView> {
  const attributes = new Map<number, DataView>();
  while (at + ATTRIBUTE_HEADER_BYTES <= end) {
    const attributeBytes = view.getUint16(at, true);
    if (attributeBytes < ATTRIBUTE_HEADER_BYTES || at + attributeBytes > end) break;
    const valueBytes = attributeBytes - ATTRIBUTE_HEADER_BYTES;
    const value = new DataView(view.buffer, view.byteOffset + at + ATTRIBUTE_HEADER_BYTES, valueBytes);
    attributes.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, value);
    at += (attributeBytes + 3) & ~3;
  }
  return attributes;
}

function indexOf(value: DataView | undefined): number {
  return value === undefined || value.byteLength < 4 ? 0 : value.getInt32(0, true);
}

/** A string without the NUL that ends it; empty if there is none. */
function stringOf(value: DataView | undefined): Uint8Array {
  if (value === undefined || value.byteLength === 0) return new Uint8Array();
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength - 1);
}
