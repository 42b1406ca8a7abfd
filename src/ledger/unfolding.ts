/** What the kernel can say of the payload of a packet: 16 bits. */
const MAX_SEGMENT_BYTES = 0xffff;

/**
 * How many packets the wire carried for a frame that the kernel has merged (GRO) or has yet to cut (TSO, GSO): each
 * repeats `headerBytes` of headers and has `segmentBytes` of the payload, the last one what is left of it. 1 if that
 * is not known (0) or the numbers cannot be: the frame is then counted as it is.
 *
 * The sizes follow: all but the last have headerBytes + segmentBytes, the last one lengthBytes less all that went
 * before, (count - 1) * segmentBytes.
 */
export function packetsOnWire(lengthBytes: number, headerBytes: number, segmentBytes: number): number {
  const payloadBytes = lengthBytes - headerBytes;
  if (headerBytes === 0 || payloadBytes <= 0) return 1;
  if (segmentBytes === 0 || segmentBytes > MAX_SEGMENT_BYTES) return 1;
  return Math.ceil(payloadBytes / segmentBytes);
}
