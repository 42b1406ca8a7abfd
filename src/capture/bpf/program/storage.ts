import * as headers from "../../../packet/headers.ts";

/*
 * Registers, by what the program is doing. r0 has what a call returned, r1 to r5 its arguments: all of them are used up by
 * a call, and are scratch between two.
 *
 *        link and network         all frames, size     ranges and rows           zones
 *   r0   of skb_load_bytes: 0     counters             counters, row, cell       value looked up
 *   r1   scratch                  size                 address, upper half       scratch
 *   r2   offset to read at        scratch              lower half, range, place, scratch
 *                                                      then row, then slot
 *   r3   scratch                  packets before       range                     nearness of the source
 *                                 the last one
 *   r4   scratch                  scratch              scratch                   nearness of the destination
 *   r6   context                  protocol's column    column, or first slot     lowest span, zone, slot
 *   r7   packet's length, then    bytes                bytes                     bytes
 *        its size in layer 3
 *   r8   offset of what is next   bucket               bucket                    spans that follow r6
 *   r9   EtherType, protocol      lane                 lane                      address, then direction
 *   r10  stack                    stack                stack                     stack
 *
 * The stack, by offset from r10, of 512 bytes. What every packet needs is in the first 50.
 *
 *     -4  KEY               of the last look-up
 *     -8  LANE              first element of this CPU's lane, if it has several
 *    -16  SEGMENT_BYTES     size of the segments that the packet stands for, or 0 *
 *    -36  IPV4              header
 *    -50  FRAME             Ethernet header, right before it
 *   -104  IPV6              header
 *   -112  SCRATCH           8 bytes that are read one after another: tags, extension headers
 *   -120  EXTENSION_BYTES   of IPv6, that were stepped over
 *   -128  CELL_POINTER      where the number of the slot belongs
 *   -136  ROW_POINTER       row of the address, while the one for the refused is looked up
 *   -152  ADDRESS           of IPv6, in network order
 *   -176  ROW_KEY           range and address, or range and place: what a new row is for
 *   -184  NEW_ROW           row that was given out
 *   -192  OTHER_ROW         row that takes what the range refuses
 *   -200  FASTER_ROW        row that another CPU has given out meanwhile, and 1
 *   -208  SLOT_OFFSET       of a slot in its element, if lanes have several
 *   -216  KIND              of packet, unless it is IPv4
 *   -224  CONTEXT           *
 *   -232  NETWORK_OFFSET    *
 *   -240  TRANSPORT_OFFSET  0 if the transport header is in another packet *
 *   -248  PROTOCOL          *
 *   -256  UNFOLDED_COLUMN   the protocol's column, while r6 has the context *
 *   -264  FULL_PACKETS      that the wire carried before the last one *
 *   -272  FULL_BUCKET       of these *
 *   -280  LAST_BYTES        size of the last one *
 *   -288  ZONE_FROM         zone of the source
 *   -296  ZONE_TO           zone of the destination
 *   -304  OUTER_VERSION     of a packet that may carry another **
 *   -344  INNER             header of the packet that it carries, or of the tunnel **
 *   -352  FRAGMENTED        not 0 if it is a part of another **
 *   -360  TUNNEL_LIMIT      where the header of the tunnel has to end **
 *   -368  ACCOUNT_COLUMN    the protocol's column ***
 *   -376  ACCOUNT_REMOTE    what the other end is ***
 *   -380  VLAN              as in the record of a packet ****
 *   -388  VLAN_NUMBER       what stands for it ****
 *   -396  OUTER_VLAN        of a packet that may carry another ** ****
 *   -416  ACCOUNT_KEY       account and number of its VLAN: what a new slot is for *** ****
 *   -420  NEW_ACCOUNT       slot that was given out *** ****
 *
 *   *  only if packets are unfolded; NETWORK_OFFSET and PROTOCOL if tunnels are opened, too
 *   ** only if tunnels are opened
 *   *** only if accounts are counted
 *   **** only if VLANs are told apart; not at multiples of 8, so that the verifier learns nothing of them
 */
export const KEY = -4;
export const LANE = -8;
export const SEGMENT_BYTES = -16;
export const FRAME = -50;
export const IPV4 = FRAME + headers.ETHERNET_HEADER_BYTES;
export const IPV4_SOURCE = IPV4 + headers.IPV4_SOURCE;
export const IPV4_DESTINATION = IPV4 + headers.IPV4_DESTINATION;
export const IPV6 = -104;
export const IPV6_SOURCE = IPV6 + headers.IPV6_SOURCE;
export const IPV6_DESTINATION = IPV6 + headers.IPV6_DESTINATION;
export const SCRATCH = -112;
/** Not their offset: that differs by the path to them, and is verified again for each path. */
export const EXTENSION_BYTES = -120;

export const CELL_POINTER = -128;
export const ROW_POINTER = -136;
export const ADDRESS = -152;
export const ROW_KEY = -176;
export const NEW_ROW = -184;
export const OTHER_ROW = -192;
export const FASTER_ROW = -200;
export const SLOT_OFFSET = -208;
export const KIND = -216;

export const CONTEXT = -224;
export const NETWORK_OFFSET = -232;
export const TRANSPORT_OFFSET = -240;
export const PROTOCOL = -248;
export const UNFOLDED_COLUMN = -256;
export const FULL_PACKETS = -264;
export const FULL_BUCKET = -272;
export const LAST_BYTES = -280;

export const ZONE_FROM = -288;
export const ZONE_TO = -296;

export const OUTER_VERSION = -304;
export const INNER = -344;
export const FRAGMENTED = -352;
export const TUNNEL_LIMIT = -360;

export const ACCOUNT_COLUMN = -368;
export const ACCOUNT_REMOTE = -376;

export const VLAN = -380;
export const VLAN_NUMBER = -388;
export const OUTER_VLAN = -396;

export const ACCOUNT_KEY = -416;
export const NEW_ACCOUNT = -420;
