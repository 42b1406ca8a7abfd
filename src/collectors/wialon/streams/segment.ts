import { u16, word32 } from "../../../packet/bytes.ts";
import { type Packet, Verdict } from "../../../packet/packet.ts";
import {
  ELSEWHERE,
  IPPROTO_TCP,
  IPPROTO_UDP,
  isFragment,
  transportHeaderBytes,
  transportOffset,
  UDP_HEADER_BYTES,
} from "../../../packet/transport.ts";

/*
 * RFC 9293, section 3.1                                              RFC 768
 *
 *     0               1               2               3
 *     |         source port           |       destination port        |    the same
 *  4  |                        sequence number                        |    | length | checksum |
 *  8  |                    acknowledgment number                      |
 * 12  | offset|       |     flags     |            window             |
 */
const SEQUENCE = 4;
const ACKNOWLEDGMENT = 8;
const FLAGS = 13;
const UDP_LENGTH = 4;

export const TcpFlag = { FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10 } as const;

/* Fields of the network header, see ipv4.ts and ipv6.ts. */
const IPV4_TOTAL_LENGTH = 2;
const IPV6_PAYLOAD_LENGTH = 4;
const IPV6_HEADER_BYTES = 40;

/** What the parser made of the transport header of a packet. */
export const SegmentVerdict = {
  /** TCP or UDP: all fields of the record are good. */
  WHOLE: 0,
  /** Another protocol, or no IP at all. */
  OTHER: 1,
  /** A part of a packet, whose other parts stand elsewhere. */
  FRAGMENT: 2,
  /** The captured bytes end before the header does. */
  TRUNCATED: 3,
  /** A header that contradicts itself. */
  MALFORMED: 4,
} as const;
export type SegmentVerdict = (typeof SegmentVerdict)[keyof typeof SegmentVerdict];

/** A TCP segment or a UDP datagram, and where its payload stands. One record is reused for all. */
export class Segment {
  isTcp = false;
  sourcePort = 0;
  destinationPort = 0;
  /** Of TCP only: signed words (see word32), and bits of TcpFlag. */
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  /** What was captured of the payload, in the parsed bytes. */
  payloadStart = 0;
  payloadEnd = 0;
  /** What the wire carried of it: more, where the capture cut the packet short. */
  payloadBytes = 0;
}

/**
 * Reads the transport header of a parsed packet, of a capture that ends before `end`. Ethernet's padding is no payload.
 * Does not allocate.
 */
export function parseSegment(segment: Segment, packet: Packet, bytes: Uint8Array, end: number): SegmentVerdict {
  if (packet.verdict === Verdict.TRUNCATED) return SegmentVerdict.TRUNCATED;
  if (packet.verdict !== Verdict.IP) return SegmentVerdict.OTHER;
  const network = packet.networkOffset;
  if (isFragment(packet, bytes, network, end)) return SegmentVerdict.FRAGMENT;
  if (packet.protocol !== IPPROTO_TCP && packet.protocol !== IPPROTO_UDP) return SegmentVerdict.OTHER;
  const offset = transportOffset(packet, bytes, network, end);
  if (offset === ELSEWHERE) return SegmentVerdict.FRAGMENT;
  const at = network + offset;
  const isTcp = packet.protocol === IPPROTO_TCP;
  if (end - at < (isTcp ? FLAGS + 1 : UDP_HEADER_BYTES)) return SegmentVerdict.TRUNCATED;
  const headerBytes = transportHeaderBytes(packet.protocol, bytes, at, end);
  let payloadBytes = packetBytes(packet, bytes, network) - offset - headerBytes;
  segment.isTcp = isTcp;
  segment.sourcePort = u16(bytes, at);
  segment.destinationPort = u16(bytes, at + 2);
  if (isTcp) {
    segment.sequence = word32(bytes, at + SEQUENCE);
    segment.acknowledgment = word32(bytes, at + ACKNOWLEDGMENT);
    segment.flags = bytes[at + FLAGS]!;
  } else {
    // 0 where the kernel will cut the datagram into several (UDP GSO), and in jumbograms.
    const udpBytes = u16(bytes, at + UDP_LENGTH);
    if (udpBytes !== 0) payloadBytes = Math.min(payloadBytes, udpBytes - UDP_HEADER_BYTES);
  }
  if (headerBytes === 0 || payloadBytes < 0) return SegmentVerdict.MALFORMED;
  segment.payloadStart = Math.min(at + headerBytes, end);
  segment.payloadEnd = Math.min(at + headerBytes + payloadBytes, end);
  segment.payloadBytes = payloadBytes;
  return SegmentVerdict.WHOLE;
}

/** Length of an IP packet: what its header says, or the frame where the kernel has yet to fill that in (TSO). */
function packetBytes(packet: Packet, bytes: Uint8Array, network: number): number {
  const isIpv4 = packet.version === 4;
  const said = u16(bytes, network + (isIpv4 ? IPV4_TOTAL_LENGTH : IPV6_PAYLOAD_LENGTH));
  if (said === 0) return packet.lengthBytes;
  return Math.min(isIpv4 ? said : said + IPV6_HEADER_BYTES, packet.lengthBytes);
}
