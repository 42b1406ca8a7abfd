/*
 * Frames, byte by byte, with lengths that are known without parsing them again.
 *
 * Addresses are given as bytes, so that nothing here shares code with what is tested.
 */

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;

/* Locally administered addresses of no interface: nothing answers. */
export const NEAR_MAC = [0x02, 0, 0, 0, 0, 0x01];
const FAR_MAC = [0x02, 0, 0, 0, 0, 0x02];

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const TPID_VLAN = 0x8100;
const TPID_QINQ = 0x88a8;

/** No identification, don't fragment. */
const IPV4_ID_AND_FLAGS = [0, 0, 0x40, 0];
/** Ethernet, IPv4, their address lengths, request: RFC 826. */
const ARP_REQUEST = [0, 1, 0x08, 0x00, 6, 4, 0, 1];

/** What follows the ports: sequence and acknowledgement number, 20 bytes long, ACK, window, no checksum, not urgent. */
const TCP_ACK = [0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0];

const IPV4_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
const IPV6_HEADER_BYTES = 40;
const ARP_BYTES = 28;

/** A frame and what is true of it. */
export interface Frame {
  bytes: number[];
  /** Bytes from the network header to the end of the frame. */
  lengthBytes: number;
  /** The addresses as text; absent if the frame is not IP. */
  ip?: { version: 4 | 6; source: string; destination: string; protocol: number };
}

export interface IpFields {
  source: string;
  destination: string;
  protocol: number;
  /** Of the whole packet, its IP header included. */
  lengthBytes: number;
}

export function ipv4Frame(fields: IpFields): Frame {
  const { source, destination, protocol, lengthBytes } = fields;
  const header = [
    0x45,
    0,
    ...u16(lengthBytes),
    ...IPV4_ID_AND_FLAGS,
    64,
    protocol,
    0,
    0,
    ...ipv4Bytes(source),
    ...ipv4Bytes(destination),
  ];
  header.splice(10, 2, ...u16(checksum(header)));
  const packet = [...header, ...transport(protocol, lengthBytes - IPV4_HEADER_BYTES)];
  return { bytes: ethernet(ETHERTYPE_IPV4, packet), lengthBytes, ip: { version: 4, source, destination, protocol } };
}

/** A datagram with this payload, from port 40000, without a checksum. */
export function datagramFrame(source: string, destination: string, port: number, payload: Iterable<number>): Frame {
  const bytes = [...payload];
  const lengthBytes = IPV4_HEADER_BYTES + UDP_HEADER_BYTES + bytes.length;
  const frame = ipv4Frame({ source, destination, protocol: PROTOCOL_UDP, lengthBytes });
  const start = frame.bytes.length - bytes.length;
  frame.bytes.splice(start - UDP_HEADER_BYTES + 2, 2, ...u16(port));
  frame.bytes.splice(start, bytes.length, ...bytes);
  return frame;
}

export function ipv6Frame(fields: IpFields): Frame {
  const { source, destination, protocol, lengthBytes } = fields;
  const payloadBytes = lengthBytes - IPV6_HEADER_BYTES;
  const header = [0x60, 0, 0, 0, ...u16(payloadBytes), protocol, 64, ...ipv6Bytes(source), ...ipv6Bytes(destination)];
  const packet = [...header, ...transport(protocol, payloadBytes)];
  return { bytes: ethernet(ETHERTYPE_IPV6, packet), lengthBytes, ip: { version: 6, source, destination, protocol } };
}

/** An ARP request that nobody answers. */
export function arpFrame(): Frame {
  const packet = [...ARP_REQUEST, ...FAR_MAC, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 9];
  return { bytes: ethernet(ETHERTYPE_ARP, packet), lengthBytes: ARP_BYTES };
}

/** The first bytes of a frame, for one that ends too early to be accounted by address. */
export function cut(frame: Frame, lengthBytes: number): Frame {
  const linkBytes = frame.bytes.length - frame.lengthBytes;
  return { bytes: frame.bytes.slice(0, linkBytes + lengthBytes), lengthBytes };
}

/** The frame with an 802.1Q tag. */
export function tagged(frame: Frame, vlan: number): Frame {
  return withTag(frame, TPID_VLAN, vlan);
}

/** The frame with an 802.1Q tag inside an 802.1ad one. */
export function doubleTagged(frame: Frame, outer: number, inner: number): Frame {
  return withTag(withTag(frame, TPID_VLAN, inner), TPID_QINQ, outer);
}

/** Tags are link header: the packet they carry stays as long as it was. */
function withTag(frame: Frame, tpid: number, vlan: number): Frame {
  const bytes = [...frame.bytes.slice(0, 12), ...u16(tpid), ...u16(vlan), ...frame.bytes.slice(12)];
  return { ...frame, bytes };
}

function ethernet(etherType: number, payload: readonly number[]): number[] {
  return [...NEAR_MAC, ...FAR_MAC, ...u16(etherType), ...payload];
}

/** Ports 40000 → 9 (discard), no flags that would open a connection; filled up with a pattern. */
function transport(protocol: number, lengthBytes: number): number[] {
  const ports = [...u16(40_000), ...u16(9)];
  const header = protocol === PROTOCOL_TCP ? [...ports, ...TCP_ACK] : [...ports, ...u16(lengthBytes), 0, 0];
  const fill = Array.from({ length: lengthBytes }, (_, index) => index & 0xff);
  const hasPorts = protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
  return (hasPorts ? [...header, ...fill.slice(header.length)] : fill).slice(0, lengthBytes);
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) sum += (bytes[index]! << 8) + bytes[index + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

function ipv4Bytes(address: string): number[] {
  return address.split(".").map(Number);
}

/** Takes RFC 5952 text without an embedded IPv4 address. */
function ipv6Bytes(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const left = head.split(":").filter(Boolean);
  const right = (tail ?? "").split(":").filter(Boolean);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].flatMap((word) => u16(Number.parseInt(word, 16)));
}
