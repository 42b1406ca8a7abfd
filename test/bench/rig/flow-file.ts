import { closeSync, openSync, writeSync } from "node:fs";
import {
  type Bytes,
  be,
  flowSample,
  netflow9,
  hex,
  rawHeader,
  set,
  sflow,
  type Spec,
  template,
  u16,
  u32,
  u8,
} from "../../flows/datagrams.ts";

/** The exporter and what it sends to, with the port. */
export const EXPORTER: Bytes = [192, 0, 2, 2];
export const COLLECTOR = [192, 0, 2, 1];
export const COLLECTOR_MAC = [2, 0, 0, 0, 0, 1];
export const COLLECTOR_PORT = 2055;

const OWN_AS = 64_500;
const TEMPLATE_ID = 256;
/** As routers have them: 60 bytes a record. */
const FIELDS: readonly Spec[] = "8:4 12:4 15:4 10:4 14:4 2:4 1:4 22:4 21:4 7:2 11:2 6:1 4:1 5:1 16:4 17:4 9:1 13:1 61:1"
  .split(" ")
  .map((spec) => spec.split(":").map(Number) as [number, number]);
const TEMPLATE = template(TEMPLATE_ID, ...FIELDS);

/** pcap(5): little-endian, microseconds, version 2.4, LINKTYPE_ETHERNET. */
const FILE_HEADER = [0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 1];

/** A record of one of the sets of labels. */
function record(index: number): Bytes {
  const addresses = [u32(0x0a00_0000 + index), u32(0xc000_0201), u32(0)];
  const numbers = [index % 97, index % 89, 10, 14_000, 2000, 1000].map((number) => u32(number));
  const rest = [u16(443), u16(50_000), u8(0x1b), u8(6), u8(0), u32(OWN_AS), u32(1 + index), u8(24), u8(24), u8(0)];
  return [...addresses, ...numbers, ...rest].flat();
}

/** The first 128 bytes of a frame of 1,500 bytes of TCP. */
const HEADER = [
  ...hex("020000000001 020000000002 0800 4500 05ce 0000 0000 4006 0000 0a000001 0a000002"),
  ...Array<number>(94).fill(0),
];
const RAW = rawHeader(1, 1504, 4, HEADER);

/** Datagrams of NetFlow v9 with so many records each, of so many sets of labels; the first brings the template. */
export function netflowDatagrams(sets: number, perDatagram: number): Bytes[] {
  return Array.from({ length: Math.ceil(sets / perDatagram) }, (_, sequence) => {
    const records = Array.from({ length: perDatagram }, (__, k) => record((sequence * perDatagram + k) % sets));
    const first = sequence === 0 ? [set(0, TEMPLATE)] : [];
    return netflow9([...first, set(TEMPLATE_ID, ...records)], { sequence });
  });
}

/** Datagrams of sFlow with so many samples each. */
export function sflowDatagrams(count: number, perDatagram: number): Bytes[] {
  return Array.from({ length: count }, (_, sequence) => {
    const samples = Array.from({ length: perDatagram }, (__, k) => flowSample([RAW], { input: 1 + k, output: 100 }));
    return sflow(samples, { sequence });
  });
}

/** A datagram, and the address it comes from. */
export interface FlowDatagram {
  readonly exporter: Bytes;
  readonly bytes: Bytes;
}

/** Writes a capture file of frames with these datagrams of one exporter. */
export function writeFlowFile(path: string, datagrams: readonly Bytes[]): void {
  writeExportersFile(
    path,
    datagrams.map((bytes) => ({ exporter: EXPORTER, bytes })),
  );
}

/** Writes a capture file of frames with these datagrams; returns how many frames and bytes they are. */
export function writeExportersFile(path: string, datagrams: Iterable<FlowDatagram>): { frames: number; bytes: number } {
  const file = openSync(path, "w");
  writeSync(file, Uint8Array.from(FILE_HEADER.flatMap((word) => be(word, 4).toReversed())));
  const written = { frames: 0, bytes: 0 };
  for (const datagram of datagrams) {
    const frame = frameOf(datagram);
    const header = [written.frames, 0, frame.length, frame.length].flatMap((word) => be(word, 4).toReversed());
    writeSync(file, Uint8Array.from([...header, ...frame]));
    written.frames++;
    written.bytes += frame.length;
  }
  closeSync(file);
  return written;
}

/** Ethernet, IPv4 and UDP, without checksum of UDP. */
function frameOf({ exporter, bytes: datagram }: FlowDatagram): Bytes {
  const udp = [...u16(COLLECTOR_PORT), ...u16(COLLECTOR_PORT), ...u16(8 + datagram.length), 0, 0];
  const start = [0x45, 0, ...u16(28 + datagram.length), 0, 0, 0, 0, 64, 17];
  const addresses = [...exporter, ...COLLECTOR];
  const ip = [...start, ...u16(checksum([...start, 0, 0, ...addresses])), ...addresses];
  return [...COLLECTOR_MAC, 2, 0, 0, 0, 0, 2, 8, 0, ...ip, ...udp, ...datagram];
}

/** Of an IPv4 header (RFC 1071). */
function checksum(header: Bytes): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header[at]! * 256 + header[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
