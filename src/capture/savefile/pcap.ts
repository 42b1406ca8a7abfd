import { setImmediate as nextTurn } from "node:timers/promises";
import type { ByteStream } from "./byte-stream.ts";
import { type FileInterfaces, type FrameCounter, turnEnd } from "./file-interfaces.ts";

/*
 * draft-ietf-opsawg-pcap; pcap-savefile(5). All numbers in the byte order of the writer.
 *
 *       file header (24 bytes)               record header (16 bytes, 24 in modified files)
 *     0 | magic                         |    0 | seconds                       |
 *  4    | major version | minor version | 4    | microseconds or nanoseconds   |
 *  8    | reserved (8 bytes)            | 8    | captured length               |
 * 16    | snaplen                       | 12   | original length               |
 * 20    | FCS, flags    | link type     | 16   | modified: interface, protocol, direction |
 */
const FILE_HEADER_BYTES = 24;
const MAJOR_VERSION = 4;
const MINOR_VERSION = 6;
const LINK_TYPE = 20;
const RECORD_HEADER_BYTES = 16;
const MODIFIED_RECORD_HEADER_BYTES = 24;
const FRACTION = 4;
const CAPTURED_BYTES = 8;
const ORIGINAL_BYTES = 12;

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Alexey Kuznetsov's libpcap, of Linux distributions before 2000. */
const MAGIC_MODIFIED = 0xa1b2cd34;

/** MAXIMUM_SNAPLEN of libpcap: no writer captures more of a frame. */
export const MAX_CAPTURED_BYTES = 262_144;

/* The link type field: an FCS length in units of 16 bits, valid where its flag is set, above the type itself. */
const FCS_LENGTH_SHIFT = 28;
const FCS_LENGTH_PRESENT = 0x04000000;
const LINK_TYPE_MASK = 0xffff;

interface RecordLayout {
  littleEndian: boolean;
  headerBytes: number;
  /** Seconds that the second number of a time counts. */
  fractionSeconds: number;
}

/** Whether a file that begins with these four bytes, read as a big-endian number, is of the pcap format. */
export function isPcapMagic(magic: number): boolean {
  return recordLayout(magic) !== undefined;
}

/** Counts the frames of a pcap file, from its first byte to its end. Throws PromtapError where it is damaged. */
export async function readPcap(stream: ByteStream, interfaces: FileInterfaces, interfaceName: string): Promise<void> {
  if (!(await stream.fill(FILE_HEADER_BYTES))) throw stream.damage("the file ends inside the pcap header");
  const layout = recordLayout(stream.view.getUint32(0));
  if (layout === undefined) throw stream.damage("not a pcap header");
  const frames = readFileHeader(stream, layout.littleEndian, interfaces, interfaceName);
  let wantedBytes = layout.headerBytes;
  while (await stream.fill(wantedBytes)) {
    wantedBytes = countRecords(stream, layout, frames);
    if (interfaces.isTapped) await nextTurn();
  }
  if (stream.available === 0) return;
  throw stream.damage(`the file ends inside a packet: ${stream.available} of ${wantedBytes} bytes are there`);
}

function recordLayout(magic: number): RecordLayout | undefined {
  switch (magic) {
    case MAGIC_MICROSECONDS:
      return { littleEndian: false, headerBytes: RECORD_HEADER_BYTES, fractionSeconds: 1e-6 };
    case MAGIC_NANOSECONDS:
      return { littleEndian: false, headerBytes: RECORD_HEADER_BYTES, fractionSeconds: 1e-9 };
    case swapped(MAGIC_MICROSECONDS):
      return { littleEndian: true, headerBytes: RECORD_HEADER_BYTES, fractionSeconds: 1e-6 };
    case swapped(MAGIC_NANOSECONDS):
      return { littleEndian: true, headerBytes: RECORD_HEADER_BYTES, fractionSeconds: 1e-9 };
    case MAGIC_MODIFIED:
      return { littleEndian: false, headerBytes: MODIFIED_RECORD_HEADER_BYTES, fractionSeconds: 1e-6 };
    case swapped(MAGIC_MODIFIED):
      return { littleEndian: true, headerBytes: MODIFIED_RECORD_HEADER_BYTES, fractionSeconds: 1e-6 };
    default:
      return undefined;
  }
}

function swapped(magic: number): number {
  return (((magic & 0xff) << 24) | ((magic & 0xff00) << 8) | ((magic >>> 8) & 0xff00) | (magic >>> 24)) >>> 0;
}

function readFileHeader(
  stream: ByteStream,
  littleEndian: boolean,
  interfaces: FileInterfaces,
  name: string,
): FrameCounter {
  const { view } = stream;
  const major = view.getUint16(MAJOR_VERSION, littleEndian);
  const minor = view.getUint16(MINOR_VERSION, littleEndian);
  // Before 2.4 (1998) the two lengths of a record stood in the other order.
  if (major !== 2 || minor !== 4) throw stream.damage(`pcap version ${major}.${minor} isn't supported, only 2.4`);
  const field = view.getUint32(LINK_TYPE, littleEndian);
  const fcsBytes = (field & FCS_LENGTH_PRESENT) === 0 ? 0 : 2 * (field >>> FCS_LENGTH_SHIFT);
  stream.position = FILE_HEADER_BYTES;
  return interfaces.describe({ name, linkType: field & LINK_TYPE_MASK, fcsBytes });
}

/** Counts all records that are wholly there; returns how many bytes the next one needs. Hot; does not allocate. */
function countRecords(stream: ByteStream, layout: RecordLayout, frames: FrameCounter): number {
  const { bytes, view, end } = stream;
  const { littleEndian, headerBytes, fractionSeconds } = layout;
  const until = turnEnd(frames.isTimed);
  let at = stream.position;
  let wantedBytes = headerBytes;
  while (end - at >= headerBytes) {
    const capturedBytes = view.getUint32(at + CAPTURED_BYTES, littleEndian);
    if (capturedBytes > MAX_CAPTURED_BYTES) {
      stream.position = at;
      throw stream.damage(`a packet of ${capturedBytes} captured bytes, more than ${MAX_CAPTURED_BYTES}`);
    }
    wantedBytes = headerBytes + capturedBytes;
    if (end - at < wantedBytes) break;
    if (frames.isTimed) {
      frames.atSeconds =
        view.getUint32(at, littleEndian) + view.getUint32(at + FRACTION, littleEndian) * fractionSeconds;
    }
    frames.count(bytes, at + headerBytes, at + wantedBytes, view.getUint32(at + ORIGINAL_BYTES, littleEndian));
    at += wantedBytes;
    wantedBytes = headerBytes;
    if (frames.isTimed && performance.now() > until) break;
  }
  stream.position = at;
  return wantedBytes;
}
