import { Packet, Verdict } from "../../src/packet/packet.ts";
import { parseFrame } from "../../src/packet/parse.ts";

/** Bytes written in hexadecimal, with spaces and line breaks wherever they help. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s+/g, ""), "hex"));
}

export const MACS = "02 00 00 00 00 02  02 00 00 00 00 01";

/** 10.1.2.3 → 192.0.2.9, UDP, no payload behind the header. */
export const IPV4 = "45 00 00 14 00 00 40 00 40 11 00 00  0a 01 02 03  c0 00 02 09";

/** 2001:db8::1 → fe80::ff02:3, with the given next header and no payload. */
export function ipv6(nextHeader: string): string {
  return `60 00 00 00 00 00 ${nextHeader} 40
    20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
    fe 80 00 00 00 00 00 00 00 00 00 00 ff 02 00 03`;
}

export const IPV6 = ipv6("3a");

/** Parses a whole frame into a fresh record; `originalBytes` if the capture is shorter than the frame. */
export function parse(linkType: number, frame: Uint8Array, originalBytes: number = frame.length): Packet {
  const packet = new Packet();
  parseFrame(packet, linkType, frame, 0, frame.length, originalBytes);
  return packet;
}

/** The fields of a record that its verdict makes valid; addresses as unsigned words of 32 bits. */
export interface Facts {
  verdict: Verdict;
  lengthBytes: number;
  version?: number;
  protocol?: number;
  /** Of IPv4. */
  source?: number;
  destination?: number;
  /** Of IPv6, the highest word first. */
  sources?: number[];
  destinations?: number[];
}

export function facts(packet: Packet): Facts {
  const { verdict, lengthBytes, version, protocol } = packet;
  if (verdict !== Verdict.IP) return { verdict, lengthBytes };
  const sources = [packet.source, packet.source1, packet.source2, packet.source3].map((word) => word >>> 0);
  const destinations = [packet.destination, packet.destination1, packet.destination2, packet.destination3].map(
    (word) => word >>> 0,
  );
  if (version === 6) return { verdict, lengthBytes, version, protocol, sources, destinations };
  return { verdict, lengthBytes, version, protocol, source: sources[0]!, destination: destinations[0]! };
}

/** What `facts` gives for IPV4. */
export const IPV4_FACTS = {
  verdict: Verdict.IP,
  lengthBytes: 20,
  version: 4,
  protocol: 17,
  source: 0x0a010203,
  destination: 0xc0000209,
};

/** What `facts` gives for IPV6. */
export const IPV6_FACTS = {
  verdict: Verdict.IP,
  lengthBytes: 40,
  version: 6,
  protocol: 58,
  sources: [0x20010db8, 0, 0, 1],
  destinations: [0xfe800000, 0, 0, 0xff020003],
};
