import {
  DESTINATION_PORT,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4_TOTAL_LENGTH,
  IPV6_HEADER_BYTES,
  IPV6_PAYLOAD_LENGTH,
  SOURCE_PORT,
  TCP_ACKNOWLEDGMENT,
  TCP_FLAGS,
  TCP_SEQUENCE,
  UDP_HEADER_BYTES,
  UDP_LENGTH,
} from "../../../packet/headers.ts";
import { u16, word32 } from "../../../packet/bytes.ts";
import { type Packet, Verdict } from "../../../packet/packet.ts";
import { ELSEWHERE, isFragment, transportHeaderBytes, transportOffset } from "../../../packet/transport.ts";

export const TcpFlag = { FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10 } as const;

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
  /** What the wire carried of it: more, if the capture cut the packet short. */
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
  if (end - at < (isTcp ? TCP_FLAGS + 1 : UDP_HEADER_BYTES)) return SegmentVerdict.TRUNCATED;
  const headerBytes = transportHeaderBytes(packet.protocol, bytes, at, end);
  let payloadBytes = packetBytes(packet, bytes, network) - offset - headerBytes;
  segment.isTcp = isTcp;
  segment.sourcePort = u16(bytes, at + SOURCE_PORT);
  segment.destinationPort = u16(bytes, at + DESTINATION_PORT);
  if (isTcp) {
    segment.sequence = word32(bytes, at + TCP_SEQUENCE);
    segment.acknowledgment = word32(bytes, at + TCP_ACKNOWLEDGMENT);
    segment.flags = bytes[at + TCP_FLAGS]!;
  } else {
    // 0 if the kernel will cut the datagram into several (UDP GSO), and in jumbograms.
    const udpBytes = u16(bytes, at + UDP_LENGTH);
    if (udpBytes !== 0) payloadBytes = Math.min(payloadBytes, udpBytes - UDP_HEADER_BYTES);
  }
  if (headerBytes === 0 || payloadBytes < 0) return SegmentVerdict.MALFORMED;
  segment.payloadStart = Math.min(at + headerBytes, end);
  segment.payloadEnd = Math.min(at + headerBytes + payloadBytes, end);
  segment.payloadBytes = payloadBytes;
  return SegmentVerdict.WHOLE;
}

/** Length of an IP packet: what its header says, or the frame if the kernel has yet to fill that in (TSO). */
function packetBytes(packet: Packet, bytes: Uint8Array, network: number): number {
  const isIpv4 = packet.version === 4;
  const said = u16(bytes, network + (isIpv4 ? IPV4_TOTAL_LENGTH : IPV6_PAYLOAD_LENGTH));
  if (said === 0) return packet.lengthBytes;
  return Math.min(isIpv4 ? said : said + IPV6_HEADER_BYTES, packet.lengthBytes);
}
