import * as types from "../../src/packet/link/link-types.ts";
import { hex, IPV4, MACS } from "./frames.ts";

/** What may stand before an IP packet, byte by byte, and behind it. */
export interface Encapsulation {
  name: string;
  linkType: number;
  /** All bytes before the IP header; some tell how long it is. */
  header: string | ((packetBytes: number) => string);
  carries: "IPv4" | "IPv6";
  /** Bytes behind the packet, which are not of layer 3. */
  trailer?: string;
}

/** The same header before IPv4 and IPv6: TYPE stands for their EtherType. */
function both(name: string, linkType: number, header: string, trailer = ""): Encapsulation[] {
  const common = { name, linkType, trailer };
  return [
    { ...common, header: header.replace("TYPE", "08 00"), carries: "IPv4" },
    { ...common, header: header.replace("TYPE", "86 dd"), carries: "IPv6" },
  ];
}

function zeros(byteCount: number): string {
  return "00 ".repeat(byteCount);
}

const SNAP = "aa aa 03 00 00 00 TYPE";
/** The longest frame that the length field can tell. */
const LENGTH = "05 dc";
const FCS = "de ad be ef";

const LLC: Encapsulation[] = [
  ...both("SNAP", types.LINKTYPE_ETHERNET, `${MACS} ${LENGTH} ${SNAP}`),
  ...both("SNAP in a VLAN", types.LINKTYPE_ETHERNET, `${MACS} 81 00 00 64 ${LENGTH} ${SNAP}`),
  ...both("SNAP of a Cisco bridge", types.LINKTYPE_ETHERNET, `${MACS} ${LENGTH} aa aa 03 00 00 f8 TYPE`),
  ...both("SNAP of a group and a response", types.LINKTYPE_ETHERNET, `${MACS} ${LENGTH} ab ab 03 00 00 00 TYPE`),
  ...both("SNAP in a jumbo frame", types.LINKTYPE_ETHERNET, `${MACS} 88 70 ${SNAP}`),
  { name: "LLC", linkType: types.LINKTYPE_ETHERNET, header: `${MACS} ${LENGTH} 06 06 03`, carries: "IPv4" },
  ...both("a tag of 0x9200", types.LINKTYPE_ETHERNET, `${MACS} 92 00 00 0a TYPE`),
  ...both("cooked SNAP", types.LINKTYPE_LINUX_SLL, `00 00 00 01 00 06 02 00 00 00 00 01 00 00 00 04 ${SNAP}`),
];

const SWITCHES: Encapsulation[] = [
  ...both("Marvell's tag", types.LINKTYPE_DSA_TAG_DSA, `${MACS} 40 10 00 01 TYPE`),
  ...both("Marvell's tag and a VLAN", types.LINKTYPE_DSA_TAG_DSA, `${MACS} 40 10 00 01 81 00 00 64 TYPE`),
  ...both("Marvell's tag with an EtherType", types.LINKTYPE_DSA_TAG_EDSA, `${MACS} da da 00 00 40 10 00 01 TYPE`),
  ...both("Broadcom's tag", types.LINKTYPE_DSA_TAG_BRCM, `${MACS} 20 00 00 01 TYPE`),
  ...both("Broadcom's tag with SNAP", types.LINKTYPE_DSA_TAG_BRCM, `${MACS} 20 00 00 01 ${LENGTH} ${SNAP}`),
  ...both("Broadcom's tag before Ethernet", types.LINKTYPE_DSA_TAG_BRCM_PREPEND, `20 00 00 01 ${MACS} TYPE`),
  ...both("netANALYZER", types.LINKTYPE_NETANALYZER, `00 00 10 00 ${MACS} TYPE`, FCS),
  ...both(
    "netANALYZER in transparent mode",
    types.LINKTYPE_NETANALYZER_TRANSPARENT,
    `00 00 10 00 55 55 55 55 55 55 55 d5 ${MACS} TYPE`,
    FCS,
  ),
];

const ADDRESSES = `${MACS} 02 00 00 00 00 03`;
const DATA = `08 00 2c 00 ${ADDRESSES} 10 00`;
const QOS_DATA = `88 01 2c 00 ${ADDRESSES} 20 00 00 00`;
/** A time and flags. */
const radiotap = (flags: string): string => `00 00 11 00 03 00 00 00 01 02 03 04 05 06 07 08 ${flags}`;

const WIRELESS: Encapsulation[] = [
  ...both("data", types.LINKTYPE_IEEE802_11, `${DATA} ${SNAP}`),
  ...both("data to an access point", types.LINKTYPE_IEEE802_11, `08 01 2c 00 ${ADDRESSES} 10 00 ${SNAP}`),
  ...both("QoS data", types.LINKTYPE_IEEE802_11, `${QOS_DATA} ${SNAP}`),
  ...both("data with an acknowledgement", types.LINKTYPE_IEEE802_11, `18 00 2c 00 ${ADDRESSES} 10 00 ${SNAP}`),
  ...both(
    "data between access points",
    types.LINKTYPE_IEEE802_11,
    `88 03 2c 00 ${ADDRESSES} 10 00 02 00 00 00 00 04 00 00 ${SNAP}`,
  ),
  ...both("radiotap", types.LINKTYPE_IEEE802_11_RADIOTAP, `00 00 08 00 00 00 00 00 ${QOS_DATA} ${SNAP}`),
  ...both("radiotap with flags", types.LINKTYPE_IEEE802_11_RADIOTAP, `${radiotap("00")} ${QOS_DATA} ${SNAP}`),
  ...both("radiotap with an FCS", types.LINKTYPE_IEEE802_11_RADIOTAP, `${radiotap("10")} ${DATA} ${SNAP}`, FCS),
  ...both(
    "radiotap with an FCS and a pad",
    types.LINKTYPE_IEEE802_11_RADIOTAP,
    `${radiotap("30")} ${QOS_DATA} 00 00 ${SNAP}`,
    FCS,
  ),
  ...both(
    "radiotap with flags alone",
    types.LINKTYPE_IEEE802_11_RADIOTAP,
    `00 00 09 00 02 00 00 00 10 ${DATA} ${SNAP}`,
    FCS,
  ),
  ...both(
    "radiotap with three words of fields",
    types.LINKTYPE_IEEE802_11_RADIOTAP,
    `00 00 19 00 03 00 00 a0 00 00 00 a0 00 00 00 00 01 02 03 04 05 06 07 08 10 ${DATA} ${SNAP}`,
    FCS,
  ),
  ...both("a Prism header", types.LINKTYPE_IEEE802_11_PRISM, `44 00 00 00 90 00 00 00 ${zeros(136)} ${DATA} ${SNAP}`),
  ...both(
    "a Prism header that is AVS",
    types.LINKTYPE_IEEE802_11_PRISM,
    `80 21 10 01 00 00 00 40 ${zeros(56)} ${DATA} ${SNAP}`,
  ),
  ...both("AVS", types.LINKTYPE_IEEE802_11_AVS, `80 21 10 01 00 00 00 40 ${zeros(56)} ${DATA} ${SNAP}`),
  ...both("PPI", types.LINKTYPE_PPI, `00 00 08 00 69 00 00 00 ${QOS_DATA} ${SNAP}`),
  ...both(
    "PPI with an FCS",
    types.LINKTYPE_PPI,
    `00 00 20 00 69 00 00 00 02 00 14 00 ${zeros(8)} 01 00 ${zeros(10)} ${DATA} ${SNAP}`,
    FCS,
  ),
  ...both("PPI with Ethernet", types.LINKTYPE_PPI, `00 00 08 00 01 00 00 00 ${MACS} TYPE`),
  ...both(
    "cooked radiotap",
    types.LINKTYPE_LINUX_SLL,
    `00 00 03 23 00 06 02 00 00 00 00 01 00 00 00 04 00 00 08 00 00 00 00 00 ${DATA} ${SNAP}`,
  ),
];

const MEDIA: Encapsulation[] = [
  ...both("token ring", types.LINKTYPE_IEEE802_5, `10 40 ${MACS} ${SNAP}`),
  ...both(
    "token ring with a route",
    types.LINKTYPE_IEEE802_5,
    `10 40 02 00 00 00 00 02 82 00 00 00 00 01 06 90 00 11 00 20 ${SNAP}`,
  ),
  ...both("FDDI", types.LINKTYPE_FDDI, `50 ${MACS} ${SNAP}`),
  ...both("Fibre Channel", types.LINKTYPE_IP_OVER_FC, `10 00 ${MACS.slice(0, 17)} 10 00 ${MACS.slice(19)} ${SNAP}`),
  ...both("IEEE 1394", types.LINKTYPE_APPLE_IP_OVER_IEEE1394, `${zeros(16)} TYPE`),
  ...both("InfiniBand", types.LINKTYPE_IPOIB, `${zeros(40)} TYPE 00 00`),
  ...both("a Symantec firewall", types.LINKTYPE_SYMANTEC_FIREWALL, `${zeros(6)} TYPE ${zeros(36)}`),
  ...both("ATM", types.LINKTYPE_ATM_RFC1483, SNAP),
  ...both("ATM that bridges Ethernet", types.LINKTYPE_ATM_RFC1483, `aa aa 03 00 80 c2 00 07 00 00 ${MACS} TYPE`),
  ...both("ATM of an old tool", types.DLT_ATM_RFC1483, SNAP),
  ...both("classical IP over ATM", types.LINKTYPE_ATM_CLIP, SNAP),
  { name: "classical IP over ATM without LLC", linkType: types.LINKTYPE_ATM_CLIP, header: "", carries: "IPv4" },
  ...both("SunATM", types.LINKTYPE_SUNATM, `02 00 00 2a ${SNAP}`),
  ...both("SunATM with LANE", types.LINKTYPE_SUNATM, `01 00 00 2a 00 01 ${MACS} TYPE`),
];

const SERIAL: Encapsulation[] = [
  ...both("frame relay of Cisco", types.LINKTYPE_FRELAY, "18 41 TYPE"),
  { name: "frame relay", linkType: types.LINKTYPE_FRELAY, header: "18 41 03 cc", carries: "IPv4" },
  { name: "frame relay", linkType: types.LINKTYPE_FRELAY, header: "18 41 03 8e", carries: "IPv6" },
  ...both("frame relay with SNAP", types.LINKTYPE_FRELAY, "18 41 03 00 80 00 00 00 TYPE"),
  ...both("frame relay that bridges Ethernet", types.LINKTYPE_FRELAY, `18 41 03 00 80 00 80 c2 00 07 ${MACS} TYPE`),
  { name: "frame relay with PPP", linkType: types.LINKTYPE_FRELAY, header: "18 41 03 cf 00 21", carries: "IPv4" },
  { name: "frame relay, 3 bytes", linkType: types.LINKTYPE_FRELAY, header: "18 40 03 03 00 cc", carries: "IPv4" },
  { name: "frame relay, 4 bytes", linkType: types.LINKTYPE_FRELAY, header: "18 40 02 03 03 cc", carries: "IPv4" },
  { name: "multilink frame relay", linkType: types.LINKTYPE_MFR, header: "c1 00 18 41 03 cc", carries: "IPv4" },
  { name: "PPP of pppd", linkType: types.LINKTYPE_PPP_PPPD, header: "00 03 00 21", carries: "IPv4" },
  { name: "PPP of pppd", linkType: types.LINKTYPE_PPP_PPPD, header: "01 03 00 57", carries: "IPv6" },
  { name: "PPP with a direction", linkType: types.LINKTYPE_PPP_WITH_DIR, header: "00 ff 03 00 21", carries: "IPv4" },
  { name: "SLIP", linkType: types.LINKTYPE_SLIP, header: zeros(16), carries: "IPv4" },
];

/** A length and a link type, little-endian. */
const pktap = (linkType: string): string =>
  `6c 00 00 00 01 00 00 00 ${linkType} 00 00 00 65 6e 30 ${zeros(21)} ${zeros(72)}`;
const juniper = (rest: string): string => `4d 47 43 ${rest}`;
const EXTENSIONS = "00 06 01 01 07 04 01 0e";
const pflog = (family: string): string => `3d ${family} 00 00 65 6d 30 ${zeros(13)} ${zeros(44)}`;
const littleEndian = (value: number): string => `${byte(value & 0xff)} ${byte(value >> 8)}`;
const bigEndian = (value: number): string => `${byte(value >> 8)} ${byte(value & 0xff)}`;
const byte = (value: number): string => value.toString(16).padStart(2, "0");

const PSEUDO: Encapsulation[] = [
  ...both("PKTAP", types.LINKTYPE_PKTAP, `${pktap("01")} ${MACS} TYPE`),
  { name: "PKTAP with raw IP", linkType: types.LINKTYPE_PKTAP, header: pktap("0c"), carries: "IPv6" },
  { name: "PKTAP with NULL", linkType: types.LINKTYPE_USER2, header: `${pktap("00")} 02 00 00 00`, carries: "IPv4" },
  ...both("Junos", types.LINKTYPE_JUNIPER_ETHER, `${juniper("01")} ${MACS} TYPE`),
  ...both("Junos with extensions", types.LINKTYPE_JUNIPER_ETHER, `${juniper(`81 ${EXTENSIONS}`)} ${MACS} TYPE`),
  {
    name: "Junos without a link",
    linkType: types.LINKTYPE_JUNIPER_ETHER,
    header: juniper("02 00 00 00 02"),
    carries: "IPv4",
  },
  { name: "Junos with PPP", linkType: types.LINKTYPE_JUNIPER_PPP, header: juniper("00 ff 03 00 21"), carries: "IPv4" },
  {
    name: "Junos with frame relay",
    linkType: types.LINKTYPE_JUNIPER_FRELAY,
    header: juniper("00 18 41 03 cc"),
    carries: "IPv4",
  },
  ...both("Junos with Cisco HDLC", types.LINKTYPE_JUNIPER_CHDLC, juniper("00 0f 00 TYPE")),
  { name: "ENC", linkType: types.LINKTYPE_ENC, header: "02 00 00 00 00 00 10 00 00 00 00 00", carries: "IPv4" },
  {
    name: "ENC, big-endian",
    linkType: types.LINKTYPE_ENC,
    header: "00 00 00 18 00 00 10 00 00 00 00 00",
    carries: "IPv6",
  },
  { name: "PFLOG", linkType: types.LINKTYPE_PFLOG, header: pflog("02"), carries: "IPv4" },
  { name: "PFLOG of FreeBSD", linkType: types.LINKTYPE_PFLOG, header: pflog("1c"), carries: "IPv6" },
  { name: "IPNET", linkType: types.LINKTYPE_IPNET, header: `01 02 ${zeros(22)}`, carries: "IPv4" },
  { name: "IPNET", linkType: types.LINKTYPE_IPNET, header: `01 1a ${zeros(22)}`, carries: "IPv6" },
  {
    name: "NFLOG",
    linkType: types.LINKTYPE_NFLOG,
    header: (packetBytes) =>
      `02 00 00 05 08 00 01 00 08 00 01 00 05 00 0a 00 00 00 00 00 ${littleEndian(packetBytes + 4)} 09 00`,
    carries: "IPv4",
  },
  {
    name: "NFLOG of a big-endian host",
    linkType: types.LINKTYPE_NFLOG,
    header: (packetBytes) => `0a 00 00 05 00 08 00 01 86 dd 01 00 ${bigEndian(packetBytes + 4)} 00 09`,
    carries: "IPv6",
  },
];

/** Link types and headers besides those of link.test.ts. */
export const ENCAPSULATIONS: readonly Encapsulation[] = [
  ...LLC,
  ...SWITCHES,
  ...WIRELESS,
  ...MEDIA,
  ...SERIAL,
  ...PSEUDO,
];

/** A frame that has no IP, or none that can be told, and yet an IP packet where one might be looked for. */
export interface OtherFrame {
  name: string;
  linkType: number;
  frame: string;
  /** From the network header on, or from where that could not be found. */
  lengthBytes: number;
}

const PACKET_BYTES = hex(IPV4).length;
const snapIpv4 = `${SNAP.replace("TYPE", "08 00")} ${IPV4}`;

function other(name: string, linkType: number, header: string, lengthBytes: number): OtherFrame {
  return { name, linkType, frame: `${header} ${IPV4}`, lengthBytes };
}

/** Link headers that say that no IP follows. */
export const OTHER_FRAMES: readonly OtherFrame[] = [
  other("ARP in SNAP", types.LINKTYPE_ETHERNET, `${MACS} ${LENGTH} aa aa 03 00 00 00 08 06`, PACKET_BYTES),
  other(
    "a VLAN in SNAP",
    types.LINKTYPE_ETHERNET,
    `${MACS} ${LENGTH} aa aa 03 00 00 00 81 00 00 64 08 00`,
    PACKET_BYTES + 4,
  ),
  other("Cisco's protocols", types.LINKTYPE_ETHERNET, `${MACS} ${LENGTH} aa aa 03 00 00 0c 08 00`, PACKET_BYTES + 5),
  other(
    "SNAP with information",
    types.LINKTYPE_ETHERNET,
    `${MACS} ${LENGTH} aa aa 00 00 00 00 08 00`,
    PACKET_BYTES + 8,
  ),
  other("LLC of IPX", types.LINKTYPE_ETHERNET, `${MACS} ${LENGTH} e0 e0 03`, PACKET_BYTES + 3),
  other("IPX without LLC", types.LINKTYPE_ETHERNET, `${MACS} ${LENGTH} ff ff 03`, PACKET_BYTES + 3),
  other("a length that is none", types.LINKTYPE_ETHERNET, `${MACS} 05 dd aa aa 03 00 00 00 08 00`, PACKET_BYTES + 8),
  other(
    "management",
    types.LINKTYPE_IEEE802_11,
    `80 00 2c 00 ${ADDRESSES} 10 00 ${snapIpv4}`,
    24 + 8 + 2 * PACKET_BYTES,
  ),
  other("an acknowledgement", types.LINKTYPE_IEEE802_11, `d4 00 00 00 ${MACS.slice(0, 17)}`, 10 + PACKET_BYTES),
  other("no data", types.LINKTYPE_IEEE802_11, `48 00 2c 00 ${ADDRESSES} 10 00 ${snapIpv4}`, 24 + 8 + 2 * PACKET_BYTES),
  other(
    "QoS without data",
    types.LINKTYPE_IEEE802_11,
    `c8 00 2c 00 ${ADDRESSES} 10 00 00 00 ${snapIpv4}`,
    26 + 8 + 2 * PACKET_BYTES,
  ),
  other(
    "data under protection",
    types.LINKTYPE_IEEE802_11,
    `08 40 2c 00 ${ADDRESSES} 10 00 00 00 00 20 00 00 00 00`,
    32 + PACKET_BYTES,
  ),
  other("a later fragment", types.LINKTYPE_IEEE802_11, `08 00 2c 00 ${ADDRESSES} 11 00 45 00`, 26 + PACKET_BYTES),
  other(
    "several packets",
    types.LINKTYPE_IEEE802_11,
    `88 00 2c 00 ${ADDRESSES} 10 00 80 00 ${MACS} 00 1c ${SNAP.replace("TYPE", "08 00")}`,
    48 + PACKET_BYTES,
  ),
  other(
    "a token ring's own",
    types.LINKTYPE_IEEE802_5,
    `10 00 ${MACS} ${SNAP.replace("TYPE", "08 00")}`,
    8 + PACKET_BYTES,
  ),
  other(
    "station management of FDDI",
    types.LINKTYPE_FDDI,
    `41 ${MACS} ${SNAP.replace("TYPE", "08 00")}`,
    8 + PACKET_BYTES,
  ),
  other("ARP in frame relay of Cisco", types.LINKTYPE_FRELAY, "18 41 08 06", 2 + PACKET_BYTES),
  other("the management of frame relay", types.LINKTYPE_FRELAY, "00 01 03 08 00 75 95 01 01 00", 6 + PACKET_BYTES),
  other("a control frame of multilink frame relay", types.LINKTYPE_MFR, "e1 00 02", 3 + PACKET_BYTES),
  other("a later fragment of multilink frame relay", types.LINKTYPE_MFR, "41 01", 2 + PACKET_BYTES),
  other(
    "PKTAP without a packet",
    types.LINKTYPE_PKTAP,
    pktap("01").replace("01 00 00 00", "00 00 00 00"),
    PACKET_BYTES,
  ),
  other("NFLOG of ARP", types.LINKTYPE_NFLOG, `03 00 00 05 18 00 09 00`, PACKET_BYTES),
  other("PFLOG of no family", types.LINKTYPE_PFLOG, pflog("00"), PACKET_BYTES),
  other("ENC of no family", types.LINKTYPE_ENC, "00 00 00 00 00 00 10 00 00 00 00 00", PACKET_BYTES),
  other("SunATM of no kind", types.LINKTYPE_SUNATM, "00 00 00 2a", PACKET_BYTES),
];

/** The frame that carries a packet. */
export function encapsulated({ header, trailer = "" }: Encapsulation, packet: Uint8Array): Uint8Array {
  const before = typeof header === "string" ? header : header(packet.length);
  return Uint8Array.from([...hex(before), ...packet, ...hex(trailer)]);
}
