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

/** The tcpdump of DG/UX, which has the two lengths of a record in the order of 2.0. */
const DG_UX_MAJOR = 543;

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Alexey Kuznetsov's libpcap, of Linux distributions before 2000. */
const MAGIC_MODIFIED = 0xa1b2cd34;

/** MAXIMUM_SNAPLEN of libpcap: no writer captures more of a frame. */
export const MAX_CAPTURED_BYTES = 262_144;

/* The link type field: an FCS length in units of 16 bits, valid if its flag is set, above the type itself. */
const FCS_LENGTH_SHIFT = 28;
const FCS_LENGTH_PRESENT = 0x04000000;
const LINK_TYPE_MASK = 0xffff;

interface RecordLayout {
  littleEndian: boolean;
  headerBytes: number;
  /** Seconds that the second number of a time counts. */
  fractionSeconds: number;
}

/** In which order the two lengths of a record are. */
const LengthOrder = { CAPTURED_FIRST: 0, ORIGINAL_FIRST: 1, EITHER: 2 } as const;
type LengthOrder = (typeof LengthOrder)[keyof typeof LengthOrder];

/** Whether a file that begins with these four bytes, read as a big-endian number, is of the pcap format. */
export function isPcapMagic(magic: number): boolean {
  return recordLayout(magic) !== undefined;
}

/** Waits for the file header of a pcap file and judges it. Throws PromtapError. */
export async function checkPcapHeader(stream: ByteStream): Promise<void> {
  if (!(await stream.fill(FILE_HEADER_BYTES))) throw stream.damage("the file ends inside the pcap header");
  const layout = recordLayout(stream.view.getUint32(stream.position));
  if (layout === undefined) throw stream.damage("not a pcap header");
  lengthOrder(stream, layout.littleEndian);
}

/** Counts the frames of a pcap file, from its first byte to its end. Throws PromtapError if it is damaged. */
export async function readPcap(stream: ByteStream, interfaces: FileInterfaces, interfaceName: string): Promise<void> {
  await checkPcapHeader(stream);
  const reader = new RecordReader(stream, interfaces, interfaceName);
  let wantedBytes = RECORD_HEADER_BYTES;
  while (await stream.fill(wantedBytes)) {
    wantedBytes = reader.readRecords();
    if (interfaces.hasReaders) await nextTurn();
  }
  reader.end(wantedBytes);
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

/** Of the version in the file header. 2.3 has both orders: some of its writers changed the number, not the records. */
function lengthOrder(stream: ByteStream, littleEndian: boolean): LengthOrder {
  const major = stream.view.getUint16(stream.position + MAJOR_VERSION, littleEndian);
  const minor = stream.view.getUint16(stream.position + MINOR_VERSION, littleEndian);
  if (major === DG_UX_MAJOR && minor === 0) return LengthOrder.ORIGINAL_FIRST;
  if (major !== 2 || minor > 4) throw stream.damage(`pcap version ${major}.${minor} isn't supported, only 2.0 to 2.4`);
  if (minor === 3) return LengthOrder.EITHER;
  return minor === 4 ? LengthOrder.CAPTURED_FIRST : LengthOrder.ORIGINAL_FIRST;
}

/** Walks the records of a file whose header is good. */
class RecordReader {
  readonly #stream: ByteStream;
  readonly #layout: RecordLayout;
  readonly #order: LengthOrder;
  readonly #frames: FrameCounter;
  /** Offset in the file of a record without a packet's bytes, which is yet to be counted; -1 if there is none. */
  #emptyAt = -1;
  /** Offset in the file of the first record that is zeros; -1 if there is none. */
  #zerosAt = -1;

  constructor(stream: ByteStream, interfaces: FileInterfaces, name: string) {
    const { view, position } = stream;
    this.#stream = stream;
    this.#layout = recordLayout(view.getUint32(position))!;
    const { littleEndian } = this.#layout;
    this.#order = lengthOrder(stream, littleEndian);
    const field = view.getUint32(position + LINK_TYPE, littleEndian);
    const fcsBytes = (field & FCS_LENGTH_PRESENT) === 0 ? 0 : 2 * (field >>> FCS_LENGTH_SHIFT);
    stream.position = position + FILE_HEADER_BYTES;
    this.#frames = interfaces.describe({ name, linkType: field & LINK_TYPE_MASK, fcsBytes });
  }

  /** Counts all records that are wholly there; returns how many bytes the next one needs. Hot; does not allocate. */
  readRecords(): number {
    const frames = this.#frames;
    const order = this.#order;
    const { bytes, view, end } = this.#stream;
    const { littleEndian, headerBytes, fractionSeconds } = this.#layout;
    const until = turnEnd(frames.isTimed);
    let at = this.#stream.position;
    let wantedBytes = headerBytes;
    while (end - at >= headerBytes) {
      const first = view.getUint32(at + CAPTURED_BYTES, littleEndian);
      const second = view.getUint32(at + ORIGINAL_BYTES, littleEndian);
      const isSwapped = order === LengthOrder.ORIGINAL_FIRST || (order === LengthOrder.EITHER && first > second);
      const capturedBytes = isSwapped ? second : first;
      const originalBytes = isSwapped ? first : second;
      if (capturedBytes > MAX_CAPTURED_BYTES) {
        this.#stream.position = at;
        throw this.#damage(`a packet of ${capturedBytes} captured bytes, more than ${MAX_CAPTURED_BYTES}`);
      }
      wantedBytes = headerBytes + capturedBytes;
      if (end - at < wantedBytes) break;
      if (frames.isTimed) {
        frames.atSeconds =
          view.getUint32(at, littleEndian) + view.getUint32(at + FRACTION, littleEndian) * fractionSeconds;
      }
      if (capturedBytes === 0 && originalBytes === 0) this.#takeEmpty(at);
      else frames.count(bytes, at + headerBytes, at + wantedBytes, originalBytes);
      at += wantedBytes;
      wantedBytes = headerBytes;
      if (frames.isTimed && performance.now() > until) break;
    }
    this.#stream.position = at;
    return wantedBytes;
  }

  /** To be called when the file ends: throws if a part of it is missing. */
  end(wantedBytes: number): void {
    const { available } = this.#stream;
    this.#countEmpty();
    if (available === 0 && this.#zerosAt < 0) return;
    throw this.#damage(`the file ends inside a packet: ${available} of ${wantedBytes} bytes are there`);
  }

  /**
   * Takes the record at `at`, which has no packet. A writer that crashed, or its host, leaves zeros where the last records
   * would be: those are no packets, and neither is the header before them whose lengths were not written any more. What
   * follows the zeros is read, as tcpdump does.
   */
  #takeEmpty(at: number): void {
    const { view, position, offset } = this.#stream;
    const here = offset + at - position;
    const isZeros = view.getUint32(at) === 0 && view.getUint32(at + FRACTION) === 0;
    if (!isZeros) {
      this.#countEmpty();
      this.#emptyAt = here;
      return;
    }
    const isBegun = this.#emptyAt >= 0 && this.#emptyAt === here - this.#layout.headerBytes;
    if (this.#zerosAt < 0) this.#zerosAt = isBegun ? this.#emptyAt : here;
    if (isBegun) this.#emptyAt = -1;
  }

  #countEmpty(): void {
    if (this.#emptyAt >= 0) this.#frames.count(this.#stream.bytes, 0, 0, 0);
    this.#emptyAt = -1;
  }

  /** What is damaged first. */
  #damage(what: string): Error {
    if (this.#zerosAt < 0) return this.#stream.damage(what);
    return this.#stream.damage("zeros instead of packets, as a crash of the writer leaves them", this.#zerosAt);
  }
}
