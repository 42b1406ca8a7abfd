import { ATTRIBUTE_HEADER_BYTES, netlinkRequest } from "../../../native/netlink.ts";
import { u32 } from "../../../packet/bytes.ts";

/*
 * What messages of nf_tables have in common (linux/netfilter/nf_tables.h). Pure. A message begins with nfgenmsg, and
 * goes on with attributes, whose numbers are big-endian:
 *
 *   nfgenmsg: 0 family u8 | 1 version u8 | 2 resource be16
 */
export const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_NFTABLES = 10;
export const NFGENMSG_BYTES = 4;

/** Families by the kernel's numbers, as the page names them. */
const FAMILIES: ReadonlyMap<number, string> = new Map([
  [1, "inet"],
  [2, "ipv4"],
  [3, "arp"],
  [5, "netdev"],
  [7, "bridge"],
  [10, "ipv6"],
]);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The type of a message, by its number among those of nf_tables. */
export function messageType(number: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | number;
}

/** A request of this type, in the family of this number, 0 for all, with texts as attributes. */
export function nfTablesRequest(
  type: number,
  flags: number,
  family = 0,
  texts: readonly (readonly [type: number, text: string])[] = [],
): Uint8Array {
  const attributes = texts.map(([attribute, text]) => textAttribute(attribute, text));
  return netlinkRequest(type, flags, Buffer.concat([Uint8Array.of(family, 0, 0, 0), ...attributes]));
}

export function familyName(number: number): string {
  return FAMILIES.get(number) ?? String(number);
}

/** A number of 32 or 64 bits; 0 if it has another length. */
export function numberIn(bytes: Uint8Array, from: number, to: number): number {
  if (to - from === 4) return u32(bytes, from);
  return to - from === 8 ? u32(bytes, from) * 2 ** 32 + u32(bytes, from + 4) : 0;
}

/** A text, without the NUL that ends it. */
export function textIn(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, bytes[to - 1] === 0 ? to - 1 : to));
}

function textAttribute(type: number, text: string): Uint8Array {
  const value = encoder.encode(text);
  const length = ATTRIBUTE_HEADER_BYTES + value.length + 1;
  const bytes = new Uint8Array((length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length, true);
  view.setUint16(2, type, true);
  bytes.set(value, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}
