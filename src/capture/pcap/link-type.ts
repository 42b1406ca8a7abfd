import {
  DLT_RAW,
  LINKTYPE_C_HDLC,
  LINKTYPE_ETHERNET,
  LINKTYPE_FDDI,
  LINKTYPE_FRELAY,
  LINKTYPE_IEEE802_11,
  LINKTYPE_IEEE802_11_PRISM,
  LINKTYPE_IEEE802_11_RADIOTAP,
  LINKTYPE_IEEE802_5,
  LINKTYPE_IP_OVER_FC,
  LINKTYPE_LINUX_SLL,
} from "../../packet/link/link-types.ts";

/** ARPHRD_ number (linux/if_arp.h) → what frames begin with, as libpcap has it (map_arphrd_to_dlt in pcap-linux.c). */
const LINK_TYPES: ReadonlyMap<number, number> = new Map([
  // Ethernet, Metricom, loopback
  ...[1, 23, 772].map((hardware) => [hardware, LINKTYPE_ETHERNET] as const),
  // frame relay, SLIP and its kin, raw HDLC, tunnels, SIT, and what has no header: IP at once
  ...[15, 256, 257, 258, 259, 264, 518, 768, 776, 0xfffe].map((hardware) => [hardware, DLT_RAW] as const),
  [2, 2], // experimental Ethernet
  [3, 202], // AX.25
  [4, 4], // ProNET
  [5, 5], // Chaosnet
  [6, LINKTYPE_IEEE802_5],
  [7, 129], // ARCnet
  [18, LINKTYPE_IP_OVER_FC],
  [280, 227], // CAN
  [513, LINKTYPE_C_HDLC],
  [770, LINKTYPE_FRELAY],
  [773, 114], // LocalTalk
  [774, LINKTYPE_FDDI],
  [784, 224], // fibre channel
  [785, 224],
  [786, 224],
  [787, 224],
  [800, LINKTYPE_IEEE802_5],
  [801, LINKTYPE_IEEE802_11],
  [802, LINKTYPE_IEEE802_11_PRISM],
  [803, LINKTYPE_IEEE802_11_RADIOTAP],
  [804, 230], // 802.15.4
  [826, 271], // vsockmon
]);

/** How the frames of an interface are captured. */
export interface Framing {
  /** DLT_ number of what filters see. */
  readonly linkType: number;
  /**
   * Whether the kernel takes the link header off, and says what follows: so it is when libpcap does not know the header,
   * or knows that there are several, as with PPP and GRE. Filters see LINUX_SLL then.
   */
  readonly isCooked: boolean;
}

const COOKED: Framing = { linkType: LINKTYPE_LINUX_SLL, isCooked: true };

/**
 * How frames of this ARPHRD_ type are captured. What libpcap tells by the interface's name or by sysfs it does not tell
 * apart: ISDN, CDMA modems and the conduits of switch chips.
 */
export function framingOf(hardwareType: number): Framing {
  const linkType = LINK_TYPES.get(hardwareType);
  return linkType === undefined ? COOKED : { linkType, isCooked: false };
}
