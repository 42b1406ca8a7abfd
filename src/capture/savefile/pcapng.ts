import { setImmediate as nextTurn } from "node:timers/promises";
import { type ByteStream, MAX_RECORD_BYTES } from "./byte-stream.ts";
import { type FileInterfaces, type FrameCounter, MAX_INTERFACES, turnEnd } from "./file-interfaces.ts";
import { readInterfaceOptions } from "./pcapng-options.ts";

/*
 * draft-ietf-opsawg-pcapng. All numbers in the byte order of their section; offsets from the start of the block.
 *
 *     0 | block type | total length | body ... padded to 4 bytes | total length |
 *
 *       section header    interface     enhanced packet   packet (obsolete)   simple packet
 *  8    byte-order magic  link type     interface         interface, drops    original length
 * 12    version           snaplen       time              time                data
 * 16    section length    options       time              time
 * 20    section length                  captured length   captured length
 * 24    options                         original length   original length
 * 28                                    data, options     data, options
 */
const BlockType = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE: 1,
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;
const TOTAL_LENGTH = 4;
const BODY = 8;
const TRAILER_BYTES = 4;
const MINIMUM_BLOCK_BYTES = 12;
const SECTION_VERSION = 12;
const INTERFACE_SNAPLEN = 12;
const INTERFACE_OPTIONS = 16;
const PACKET_TIME = 12;
const PACKET_CAPTURED_BYTES = 20;
const PACKET_ORIGINAL_BYTES = 24;
const PACKET_DATA = 28;
const SIMPLE_PACKET_DATA = 12;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BYTE_ORDER_MAGIC_SWAPPED = 0x4d3c2b1a;

/** The block type of a section header, which reads the same in both byte orders. */
export const PCAPNG_MAGIC = BlockType.SECTION_HEADER;

interface SectionInterface {
  frames: FrameCounter;
  snaplenBytes: number;
  tickSeconds: number;
  offsetSeconds: number;
}

/** Counts the frames of a pcapng file, from its first byte to its end. Throws PromtapError where it is damaged. */
export async function readPcapng(stream: ByteStream, interfaces: FileInterfaces, defaultName: string): Promise<void> {
  const reader = new BlockReader(stream, interfaces, defaultName);
  let wantedBytes = MINIMUM_BLOCK_BYTES;
  while (await stream.fill(Math.min(wantedBytes, MAX_RECORD_BYTES))) {
    wantedBytes = reader.readBlocks();
    if (interfaces.isTapped) await nextTurn();
    if (wantedBytes <= MAX_RECORD_BYTES) continue;
    const { offset } = stream;
    if (!(await stream.skip(wantedBytes))) throw stream.damage(endsInside(stream.offset - offset, wantedBytes), offset);
    wantedBytes = MINIMUM_BLOCK_BYTES;
  }
  if (stream.available > 0) throw stream.damage(endsInside(stream.available, wantedBytes));
}

function endsInside(presentBytes: number, wantedBytes: number): string {
  return `the file ends inside a block: ${presentBytes} of ${wantedBytes} bytes are there`;
}

/** Walks the blocks of the sections of a file. */
class BlockReader {
  readonly #stream: ByteStream;
  readonly #interfaces: FileInterfaces;
  readonly #defaultName: string;
  /** Of the section that is being read. */
  #littleEndian = false;
  #section: SectionInterface[] = [];

  constructor(stream: ByteStream, interfaces: FileInterfaces, defaultName: string) {
    this.#stream = stream;
    this.#interfaces = interfaces;
    this.#defaultName = defaultName;
  }

  /**
   * Reads all blocks that are wholly there; returns how many bytes the next one needs. That is more than
   * MAX_RECORD_BYTES only for a block that is of no interest and can be skipped unread. Hot; allocates no memory for
   * packets.
   */
  readBlocks(): number {
    const stream = this.#stream;
    const until = turnEnd(this.#interfaces.isTapped);
    while (stream.available >= MINIMUM_BLOCK_BYTES) {
      const at = stream.position;
      const type = stream.view.getUint32(at, this.#littleEndian);
      if (type === BlockType.SECTION_HEADER) this.#readByteOrder(at);
      const blockBytes = this.#blockBytes(type, at);
      if (blockBytes > stream.available) return blockBytes;
      const trailer = stream.view.getUint32(at + blockBytes - TRAILER_BYTES, this.#littleEndian);
      if (trailer !== blockBytes) throw stream.damage(`a block's two lengths differ, ${blockBytes} and ${trailer}`);
      this.#readBlock(type, at, at + blockBytes - TRAILER_BYTES);
      stream.position = at + blockBytes;
      if (this.#interfaces.isTapped && performance.now() > until) break;
    }
    return MINIMUM_BLOCK_BYTES;
  }

  #readByteOrder(at: number): void {
    const magic = this.#stream.view.getUint32(at + BODY, true);
    if (magic !== BYTE_ORDER_MAGIC && magic !== BYTE_ORDER_MAGIC_SWAPPED) {
      throw this.#stream.damage(`a section header with the byte-order magic 0x${magic.toString(16)}`);
    }
    this.#littleEndian = magic === BYTE_ORDER_MAGIC;
  }

  /** Total length of the block at `at`: legal, and enough for the fields of its type. */
  #blockBytes(type: number, at: number): number {
    const stream = this.#stream;
    const blockBytes = stream.view.getUint32(at + TOTAL_LENGTH, this.#littleEndian);
    const minimumBytes = minimumBlockBytes(type);
    if (blockBytes % 4 !== 0) throw stream.damage(`a block of ${blockBytes} bytes, not a multiple of 4`);
    if (blockBytes < minimumBytes) {
      throw stream.damage(`a block of type ${type} and ${blockBytes} bytes, fewer than ${minimumBytes}`);
    }
    if (blockBytes > MAX_RECORD_BYTES && minimumBytes > MINIMUM_BLOCK_BYTES) {
      throw stream.damage(`a block of type ${type} and ${blockBytes} bytes, more than ${MAX_RECORD_BYTES}`);
    }
    return blockBytes;
  }

  /** `end`: of the body. */
  #readBlock(type: number, at: number, end: number): void {
    const { view } = this.#stream;
    switch (type) {
      case BlockType.ENHANCED_PACKET:
        this.#countPacket(view.getUint32(at + BODY, this.#littleEndian), at, end);
        break;
      case BlockType.PACKET:
        this.#countPacket(view.getUint16(at + BODY, this.#littleEndian), at, end);
        break;
      case BlockType.SIMPLE_PACKET:
        this.#countSimplePacket(at, end);
        break;
      case BlockType.INTERFACE:
        this.#describeInterface(at, end);
        break;
      case BlockType.SECTION_HEADER:
        this.#beginSection(at);
        break;
    }
  }

  #beginSection(at: number): void {
    const major = this.#stream.view.getUint16(at + SECTION_VERSION, this.#littleEndian);
    if (major !== 1) throw this.#stream.damage(`pcapng version ${major} isn't supported, only 1`);
    this.#section = [];
  }

  #describeInterface(at: number, end: number): void {
    const { bytes, view } = this.#stream;
    const index = this.#section.length;
    // Two interfaces may have one name, so the bound on names is not enough.
    if (index >= MAX_INTERFACES) throw this.#stream.damage(`a section of more than ${MAX_INTERFACES} interfaces`);
    const options = readInterfaceOptions(bytes, view, at + INTERFACE_OPTIONS, end, this.#littleEndian);
    const frames = this.#interfaces.describe({
      name: options.name || (index === 0 ? this.#defaultName : `${this.#defaultName}:${index}`),
      linkType: view.getUint16(at + BODY, this.#littleEndian),
      fcsBytes: options.fcsBytes,
    });
    const snaplenBytes = view.getUint32(at + INTERFACE_SNAPLEN, this.#littleEndian);
    const { tickSeconds, offsetSeconds } = options;
    this.#section.push({ frames, snaplenBytes, tickSeconds, offsetSeconds });
  }

  #countPacket(interfaceIndex: number, at: number, end: number): void {
    const { bytes, view } = this.#stream;
    const described = this.#interfaceAt(interfaceIndex);
    const { frames } = described;
    const capturedBytes = view.getUint32(at + PACKET_CAPTURED_BYTES, this.#littleEndian);
    const start = at + PACKET_DATA;
    if (capturedBytes > end - start) throw this.#overrun(capturedBytes, end - start);
    if (frames.isTimed) frames.atSeconds = this.#timeOf(at, described);
    frames.count(bytes, start, start + capturedBytes, view.getUint32(at + PACKET_ORIGINAL_BYTES, this.#littleEndian));
  }

  /** Two halves of 64 bits, the high one first. */
  #timeOf(at: number, { tickSeconds, offsetSeconds }: SectionInterface): number {
    const { view } = this.#stream;
    const high = view.getUint32(at + PACKET_TIME, this.#littleEndian);
    const low = view.getUint32(at + PACKET_TIME + 4, this.#littleEndian);
    return (high * 2 ** 32 + low) * tickSeconds + offsetSeconds;
  }

  /** It has no captured length: that is the original length, cut to what its interface captures (0: all). */
  #countSimplePacket(at: number, end: number): void {
    const { bytes, view } = this.#stream;
    const { frames, snaplenBytes } = this.#interfaceAt(0);
    const originalBytes = view.getUint32(at + BODY, this.#littleEndian);
    const capturedBytes = snaplenBytes === 0 ? originalBytes : Math.min(originalBytes, snaplenBytes);
    const start = at + SIMPLE_PACKET_DATA;
    if (capturedBytes > end - start) throw this.#overrun(capturedBytes, end - start);
    frames.count(bytes, start, start + capturedBytes, originalBytes);
  }

  #interfaceAt(index: number): SectionInterface {
    const found = this.#section[index];
    if (found !== undefined) return found;
    throw this.#stream.damage(`a packet of interface ${index}, where ${this.#section.length} are described`);
  }

  #overrun(capturedBytes: number, roomBytes: number): Error {
    return this.#stream.damage(`a packet of ${capturedBytes} captured bytes in a block that has room for ${roomBytes}`);
  }
}

/** Bytes of a block without data and options; MINIMUM_BLOCK_BYTES for types that are not read. */
function minimumBlockBytes(type: number): number {
  switch (type) {
    case BlockType.SECTION_HEADER:
      return 28;
    case BlockType.INTERFACE:
      return 20;
    case BlockType.SIMPLE_PACKET:
      return 16;
    case BlockType.PACKET:
    case BlockType.ENHANCED_PACKET:
      return 32;
    default:
      return MINIMUM_BLOCK_BYTES;
  }
}
