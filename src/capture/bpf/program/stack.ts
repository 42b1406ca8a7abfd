import * as headers from "../../../packet/headers.ts";

/*
 * The stack of the program, by offset from r10. A program has 512 bytes; what every packet needs is in the first 64.
 *
 *     -4  key of a look-up             -8  first element of this CPU's lane, where it has several
 *    -16  size of the segments that the packet stands for, or 0: only where packets are unfolded
 *    -50  Ethernet header, and right behind it, at -36, the IPv4 header, up to -16
 *    -56  offset of the protocol's column in a row, where the program counts by its number instead
 *    -64  place of the address that is being counted
 *   -104  IPv6 header
 *   -112  8 bytes that are read one after another: tags, extension headers
 *   -120  bytes of extension headers
 *   -128  ...                          what gives out rows and slots needs
 */
export const KEY = -4;
export const LANE = -8;
export const SEGMENT_BYTES = -16;
export const FRAME = -50;
export const IPV4 = FRAME + headers.ETHERNET_HEADER_BYTES;
export const IPV4_SOURCE = IPV4 + headers.IPV4_SOURCE;
export const IPV4_DESTINATION = IPV4 + headers.IPV4_DESTINATION;
export const COLUMN = -56;
export const PLACE = -64;
export const IPV6 = -104;
export const IPV6_SOURCE = IPV6 + headers.IPV6_SOURCE;
export const IPV6_DESTINATION = IPV6 + headers.IPV6_DESTINATION;
export const SCRATCH = -112;
/** Not their offset: that differs by the way to them, and is verified anew for each way. */
export const EXTENSION_BYTES = -120;

export const CELL_POINTER = -128;
export const ROW_POINTER = -136;
/** An address in network order, 16 bytes. */
export const ADDRESS = -152;
/** Key of a row: range, address; 24 bytes. */
export const ROW_KEY = -176;
export const NEW_ROW = -184;
export const OTHER_ROW = -192;

/** What kind of packet it is, where it is not IPv4. */
export const KIND = -248;
/** Where a slot is in its element. */
export const SLOT_OFFSET = -256;

/* Only where packets are unfolded: the context, where headers start, the protocol, and what comes out. */
export const CONTEXT = -200;
export const NETWORK_OFFSET = -208;
/** 0 where the transport header is in another packet. */
export const TRANSPORT_OFFSET = -216;
export const PROTOCOL = -224;
/** Packets that the wire carried before the last one, and their bucket. */
export const FULL_PACKETS = -232;
export const FULL_BUCKET = -240;
