/*
 * The headers that more than one reader knows: the parser, the filters of rings, the program in the kernel, the reader
 * of streams. Offsets are in bytes, from the start of their header. What one reader alone knows (802.11, frame relay,
 * radiotap ...) stands with it in link/.
 */

/*
 * Ethernet: IEEE 802.3, clause 3
 *
 *     0 | destination (6 bytes) | source (6 bytes) |
 *    12 | EtherType, or length  |
 */
export const ETHERNET_TYPE = 12;
export const ETHERNET_HEADER_BYTES = 14;
/** Up to here the field has the length of an 802.3 frame, and LLC follows. */
export const MAX_ETHERNET_LENGTH = 1500;

/* EtherTypes: IEEE 802 Numbers, IANA. */
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
/** A whole Ethernet frame, behind GRE and Geneve. */
export const ETHERTYPE_ETHERNET = 0x6558;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_QINQ = 0x88a8;
/** Stacked tags of switches older than 802.1ad. */
export const ETHERTYPE_QINQ_9100 = 0x9100;
export const ETHERTYPE_QINQ_9200 = 0x9200;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_MPLS_MULTICAST = 0x8848;
export const ETHERTYPE_PPPOE_SESSION = 0x8864;
/** LLC in frames that are longer than a length field can tell (draft-ietf-isis-ext-eth). */
export const ETHERTYPE_JUMBO_LLC = 0x8870;

/*
 * VLAN tag: IEEE 802.1Q, clause 9, behind the EtherType that tells it
 *
 *     0 | priority 3 : drop 1 : VLAN 12 | EtherType |
 */
export const VLAN_TAG_TYPE = 2;
export const VLAN_TAG_BYTES = 4;

/*
 * MPLS label: RFC 3032, section 2.1
 *
 *     0 | label 20 : class 3 : bottom of stack 1 : ttl 8 |
 */
export const MPLS_LABEL_BOTTOM = 2;
/** Of that byte. */
export const MPLS_BOTTOM_OF_STACK = 0x01;
export const MPLS_LABEL_BYTES = 4;

/*
 * PPPoE: RFC 2516, section 4; PPP follows
 *
 *     0 | version 4 : type 4 | code | session |
 *     4 | length |
 */
export const PPPOE_HEADER_BYTES = 6;

/*
 * PPP: RFC 1661, section 2; RFC 1662, section 3.1
 *
 *     | address | control | protocol (1 or 2 bytes) |     address and control may be left out
 */
export const PPP_ADDRESS_AND_CONTROL = 0xff03;
export const PPP_ADDRESS_AND_CONTROL_BYTES = 2;
/* Registry "PPP DLL Protocol Numbers". */
export const PPP_IPV4 = 0x0021;
export const PPP_IPV6 = 0x0057;
export const PPP_MPLS = 0x0281;
export const PPP_MPLS_MULTICAST = 0x0283;

/*
 * LLC and SNAP: IEEE 802.2, RFC 1042
 *
 *  LLC      0 | DSAP | SSAP | control |
 *  SNAP     3 | OUI (3 bytes) | EtherType (2 bytes) |
 *
 * The lowest bit of a SAP tells a group, and a response.
 */
export const LLC_SAPS = 0xfefe;
export const LLC_SNAP = 0xaaaa;
/** RFC 948: IPv4 without SNAP. */
export const LLC_IPV4 = 0x0606;
/** Unnumbered information. */
export const LLC_UI = 0x03;
export const LLC_BYTES = 3;
export const LLC_SNAP_BYTES = 8;
/** The upper two bytes of the OUI of RFC 1042 and of that of Cisco's bridges, and the last bytes. */
export const SNAP_OUI_HIGH = 0;
export const SNAP_OUI_RFC1042 = 0x00;
export const SNAP_OUI_CISCO = 0xf8;

/*
 * Linux's cooked header: LINKTYPE_LINUX_SLL of tcpdump.org
 *
 *     0 | packet type | device type (ARPHRD_) | address length | address (8 bytes) |
 *    14 | EtherType   |
 */
export const SLL_PACKET_TYPE = 0;
export const SLL_DEVICE = 2;
export const SLL_PROTOCOL = 14;
export const SLL_HEADER_BYTES = 16;

/* Address families of Linux (man 2 socket), as its messages and some captures say them. */
export const AF_INET = 2;
export const AF_INET6 = 10;

/*
 * IPv4: RFC 791, section 3.1
 *
 *     0               1               2               3
 *     |version|  ihl  |   service     |         total length          |
 *  4  |        identification         |flags|     fragment offset     |
 *  8  |      ttl      |   protocol    |        header checksum        |
 * 12  |                        source address                         |
 * 16  |                      destination address                      |
 */
export const IPV4_TOS = 1;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_FRAGMENT = 6;
export const IPV4_FRAGMENT_OFFSET = 0x1fff;
export const IPV4_MORE_FRAGMENTS = 0x2000;
export const IPV4_PROTOCOL = 9;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;
/** In words of 32 bits, as it stands in the lower half of the first byte. */
export const MIN_IPV4_IHL = 5;
export const MAX_IPV4_IHL = 15;
/** Without options. */
export const IPV4_HEADER_BYTES = 4 * MIN_IPV4_IHL;
export const MAX_IPV4_HEADER_BYTES = 4 * MAX_IPV4_IHL;

/*
 * IPv6: RFC 8200, section 3
 *
 *     0               1               2               3
 *     |version| traffic class |              flow label               |
 *  4  |        payload length         |  next header  |   hop limit   |
 *  8  |                    source address (16 bytes)                  |
 * 24  |                  destination address (16 bytes)               |
 */
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;
export const IPV6_HEADER_BYTES = 40;

/*
 * Extension headers: RFC 8200, section 4; the fragment header has no length, that of AH counts in other units
 *
 *     |  next header  |    length     |       fragment offset : 2 : more       |
 */
export const EXTENSION_LENGTH = 1;
export const EXTENSION_FRAGMENT = 2;
/** Of what stands there. */
export const IPV6_MORE_FRAGMENTS = 0x0001;
/** Bytes of an extension header that are read. */
export const EXTENSION_READ_BYTES = 4;
export const FRAGMENT_HEADER_BYTES = 8;

/* Registry "Assigned Internet Protocol Numbers", and of it the "IPv6 Extension Header Types". */
export const IPPROTO_HOPOPTS = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
/** IPv4 in IP. */
export const IPPROTO_IPIP = 4;
/** IPv6 in IP. */
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ROUTING = 43;
export const IPPROTO_FRAGMENT = 44;
export const IPPROTO_GRE = 47;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_DSTOPTS = 60;
export const IPPROTO_EIGRP = 88;
export const IPPROTO_OSPF = 89;
export const IPPROTO_SCTP = 132;
export const IPPROTO_MH = 135;
export const IPPROTO_HIP = 139;
export const IPPROTO_SHIM6 = 140;

/*
 * TCP: RFC 9293, section 3.1                                         UDP: RFC 768
 *
 *     0               1               2               3
 *     |         source port           |       destination port        |    the same
 *  4  |                        sequence number                        |    | length | checksum |
 *  8  |                    acknowledgment number                      |
 * 12  | offset|       |     flags     |            window             |
 */
export const SOURCE_PORT = 0;
export const DESTINATION_PORT = 2;
export const TCP_SEQUENCE = 4;
export const TCP_ACKNOWLEDGMENT = 8;
/** In words of 32 bits, in the upper half of this byte. */
export const TCP_DATA_OFFSET = 12;
export const MIN_TCP_DATA_OFFSET = 5;
export const TCP_FLAGS = 13;
export const UDP_LENGTH = 4;
export const UDP_HEADER_BYTES = 8;

/*
 * VXLAN: RFC 7348, section 5; an Ethernet frame follows
 *
 *     0 | flags: 3 instance, 2 next protocol (VXLAN-GPE) | reserved | 4 network (3 bytes) | reserved |
 */
export const VXLAN_PORT = 4789;
export const VXLAN_HEADER_BYTES = 8;
export const VXLAN_INSTANCE = 0x08;
export const VXLAN_NEXT_PROTOCOL = 0x04;

/*
 * Geneve: RFC 8926, section 3.4
 *
 *     0 | version 2 : words of options 6 | flags | EtherType |
 *     4 | network (3 bytes) | reserved | options |
 */
export const GENEVE_PORT = 6081;
export const GENEVE_HEADER_BYTES = 8;
export const GENEVE_OPTION_WORDS = 0x3f;
export const GENEVE_TYPE = 2;

/*
 * GRE: RFC 2784, RFC 2890; each of the rest is there if its flag is set
 *
 *     0 | flags : version 3 | EtherType |
 *     4 | checksum and reserved | key | sequence | 4 bytes each
 */
export const GRE_CHECKSUM = 0x8000;
export const GRE_ROUTING = 0x4000;
export const GRE_KEY = 0x2000;
export const GRE_SEQUENCE = 0x1000;
export const GRE_VERSION = 0x0007;
export const GRE_TYPE = 2;
export const GRE_HEADER_BYTES = 4;
export const GRE_FIELD_BYTES = 4;

/*
 * ERSPAN: draft-foschiano-erspan. Type I has no header, and GRE no sequence; both others have versions 1 and 2
 *
 *  II       0 | version 4 : VLAN 12 | 4 bits ... : session 10 | index (4 bytes) |
 *  III     10 | ... 1 : frame type 5 : ... 9 : has a subheader of 8 bytes 1 |
 */
export const ERSPAN = 0x88be;
export const ERSPAN_III = 0x22eb;
export const ERSPAN_II_BYTES = 8;
export const ERSPAN_III_BYTES = 12;
export const ERSPAN_III_FRAME = 10;
export const ERSPAN_III_SUBHEADER = 0x0001;
export const ERSPAN_III_SUBHEADER_BYTES = 8;

/*
 * GTP-U: 3GPP TS 29.281, section 5; the second line if any of the flags of it is set, extension headers if theirs is
 *
 *     0 | version 3 : GTP 1 : 1 : extension, sequence, number 3 | message | length | tunnel (4 bytes) |
 *     8 | sequence (2 bytes) | number | type of the extension header |
 *       | words | content | type of the next extension header, or 0 |
 */
export const GTP_PORT = 2152;
export const GTP_HEADER_BYTES = 8;
/** The flags of version 1, and of GTP in contrast to GTP'. */
export const GTP_VERSION = 0xf0;
export const GTP_VERSION_1 = 0x30;
export const GTP_OPTIONAL = 0x07;
export const GTP_EXTENSION = 0x04;
export const GTP_MESSAGE = 1;
/** A packet of a user. */
export const GTP_PDU = 255;
export const GTP_OPTIONAL_BYTES = 4;
