import { Verdict } from "../../../src/packet/packet.ts";
import { arpFrame, doubleTagged, type Frame, ipv4Frame, ipv6Frame, tagged } from "../../support/frames.ts";

const TCP = 6;
const UDP = 17;

/** 10.0.0.1 → 192.0.2.7, TCP, 60 bytes from the IP header on. */
export const TCP_FRAME = ipv4Frame({ source: "10.0.0.1", destination: "192.0.2.7", protocol: TCP, lengthBytes: 60 });
export const TCP_FACTS = {
  verdict: Verdict.IP,
  lengthBytes: 60,
  version: 4,
  protocol: TCP,
  source: 0x0a000001,
  destination: 0xc0000207,
};

/** 2001:db8::1 → 2001:db8:0:1::2, UDP, 99 bytes: odd, so that padding shows. */
export const UDP6_FRAME = ipv6Frame({
  source: "2001:db8::1",
  destination: "2001:db8:0:1::2",
  protocol: UDP,
  lengthBytes: 99,
});
export const UDP6_FACTS = {
  verdict: Verdict.IP,
  lengthBytes: 99,
  version: 6,
  protocol: UDP,
  sources: [0x20010db8, 0, 0, 1],
  destinations: [0x20010db8, 1, 0, 2],
};

export const ARP_FACTS = { verdict: Verdict.NOT_IP, lengthBytes: 28 };

/** One of each kind, and what they must be counted as. */
export const FRAMES: Frame[] = [
  TCP_FRAME,
  arpFrame(),
  UDP6_FRAME,
  tagged(TCP_FRAME, 100),
  doubleTagged(UDP6_FRAME, 7, 8),
];
export const FACTS: object[] = [TCP_FACTS, ARP_FACTS, UDP6_FACTS, TCP_FACTS, UDP6_FACTS];
