import { setImmediate as nextTurn } from "node:timers/promises";
import { type ByteStream, MAX_RECORD_BYTES } from "./byte-stream.ts";
import { type FileInterfaces, type FrameCounter, MAX_INTERFACES, turnEnd } from "./file-interfaces.ts";
import { Blocks, BlockType, BODY, MIN_BLOCK_BYTES, TRAILER_BYTES } from "./pcapng-blocks.ts";
import { readInterfaceOptions } from "./pcapng-options.ts";

/*
 * draft-ietf-opsawg-pcapng, section 4; for what all blocks have see pcapng-blocks.ts.
 *
 *       interface     enhanced packet   packet (obsolete)   simple packet
 *  8    link type     interface         interface, drops    original length
 * 12    snaplen       time              time                data
 * 16    options       time              time
 * 20                  captured length   captured length
 * 24                  original length   original length
 * 28                  data, options     data, options
 */
const INTERFACE_SNAPLEN = 12;
const INTERFACE_OPTIONS = 16;
const PACKET_TIME = 12;
const PACKET_CAPTURED_BYTES = 20;
const PACKET_ORIGINAL_BYTES = 24;
const PACKET_DATA = 28;
const SIMPLE_PACKET_DATA = 12;

/** How a pcapng file begins. */
export const PCAPNG_MAGIC = BlockType.SECTION_HEADER;

interface SectionInterface {
  frames: FrameCounter;
  snaplenBytes: number;
  tickSeconds: number;
  offsetSeconds: number;
}

/** Waits for the section header that a pcapng file begins with, and judges it. Throws PromtapError. */
export async function checkPcapngHeader(stream: ByteStream): Promise<void> {
  const blocks = new Blocks(stream);
  let wantedBytes = MIN_BLOCK_BYTES;
  while (await stream.fill(wantedBytes)) {
    const blockBytes = blocks.lengthBytes(blocks.type());
    if (blockBytes <= stream.available) return;
    wantedBytes = blockBytes;
  }
  throw stream.damage(endsInside(stream.available, wantedBytes));
}

/** Counts the frames of a pcapng file, from its first byte to its end. Throws PromtapError if it is damaged. */
export async function readPcapng(stream: ByteStream, interfaces: FileInterfaces, defaultName: string): Promise<void> {
  const reader = new BlockReader(stream, interfaces, defaultName);
  let wantedBytes = MIN_BLOCK_BYTES;
  while (await stream.fill(Math.min(wantedBytes, MAX_RECORD_BYTES))) {
    wantedBytes = reader.readBlocks();
    if (interfaces.hasReaders) await nextTurn();
    if (wantedBytes <= MAX_RECORD_BYTES) continue;
    const { offset } = stream;
    if (!(await stream.skip(wantedBytes))) throw stream.damage(endsInside(stream.offset - offset, wantedBytes), offset);
    wantedBytes = MIN_BLOCK_BYTES;
  }
  if (stream.available > 0) throw stream.damage(endsInside(stream.available, wantedBytes));
}

function endsInside(presentBytes: number, wantedBytes: number): string {
  return `the file ends inside a block: ${presentBytes} of ${wantedBytes} bytes are there`;
}

/** Reads the blocks of the sections of a file. */
class BlockReader {
  readonly #stream: ByteStream;
  readonly #blocks: Blocks;
  readonly #interfaces: FileInterfaces;
  readonly #defaultName: string;
  /** The interfaces of the section that is being read. */
  #section: SectionInterface[] = [];

  constructor(stream: ByteStream, interfaces: FileInterfaces, defaultName: string) {
    this.#stream = stream;
    this.#blocks = new Blocks(stream);
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
    const until = turnEnd(this.#interfaces.hasReaders);
    while (stream.available >= MIN_BLOCK_BYTES) {
      const at = stream.position;
      const type = this.#blocks.type();
      const blockBytes = this.#blocks.lengthBytes(type);
      if (blockBytes > stream.available) return blockBytes;
      this.#readBlock(type, at, at + blockBytes - TRAILER_BYTES);
      stream.position = at + blockBytes;
      if (this.#interfaces.hasReaders && performance.now() > until) break;
    }
    return MIN_BLOCK_BYTES;
  }

  /** `end`: of the body. */
  #readBlock(type: number, at: number, end: number): void {
    const { view } = this.#stream;
    const { littleEndian } = this.#blocks;
    switch (type) {
      case BlockType.ENHANCED_PACKET:
        this.#countPacket(view.getUint32(at + BODY, littleEndian), at, end);
        break;
      case BlockType.PACKET:
        this.#countPacket(view.getUint16(at + BODY, littleEndian), at, end);
        break;
      case BlockType.SIMPLE_PACKET:
        this.#countSimplePacket(at, end);
        break;
      case BlockType.INTERFACE:
        this.#describeInterface(at, end);
        break;
      case BlockType.SECTION_HEADER:
        this.#section = [];
        break;
    }
  }

  #describeInterface(at: number, end: number): void {
    const { bytes, view } = this.#stream;
    const { littleEndian } = this.#blocks;
    const index = this.#section.length;
    // Two interfaces may have one name, so the bound on names is not enough.
    if (index >= MAX_INTERFACES) throw this.#stream.damage(`a section of more than ${MAX_INTERFACES} interfaces`);
    const options = readInterfaceOptions(bytes, view, at + INTERFACE_OPTIONS, end, littleEndian);
    const frames = this.#interfaces.describe({
      name: options.name || (index === 0 ? this.#defaultName : `${this.#defaultName}:${index}`),
      linkType: view.getUint16(at + BODY, littleEndian),
      fcsBytes: options.fcsBytes,
    });
    const snaplenBytes = view.getUint32(at + INTERFACE_SNAPLEN, littleEndian);
    const { tickSeconds, offsetSeconds } = options;
    this.#section.push({ frames, snaplenBytes, tickSeconds, offsetSeconds });
  }

  #countPacket(interfaceIndex: number, at: number, end: number): void {
    const { bytes, view } = this.#stream;
    const { littleEndian } = this.#blocks;
    const described = this.#interfaceAt(interfaceIndex);
    const { frames } = described;
    const capturedBytes = view.getUint32(at + PACKET_CAPTURED_BYTES, littleEndian);
    const start = at + PACKET_DATA;
    if (capturedBytes > end - start) throw this.#overrun(capturedBytes, end - start);
    if (frames.isTimed) frames.atSeconds = this.#timeOf(at, described);
    frames.count(bytes, start, start + capturedBytes, view.getUint32(at + PACKET_ORIGINAL_BYTES, littleEndian));
  }

  /** Two halves of 64 bits, the high one first. */
  #timeOf(at: number, { tickSeconds, offsetSeconds }: SectionInterface): number {
    const { view } = this.#stream;
    const { littleEndian } = this.#blocks;
    const high = view.getUint32(at + PACKET_TIME, littleEndian);
    const low = view.getUint32(at + PACKET_TIME + 4, littleEndian);
    return (high * 2 ** 32 + low) * tickSeconds + offsetSeconds;
  }

  /** It has no captured length: that is the original length, cut to what its interface captures (0: all). */
  #countSimplePacket(at: number, end: number): void {
    const { bytes, view } = this.#stream;
    const { littleEndian } = this.#blocks;
    const { frames, snaplenBytes } = this.#interfaceAt(0);
    const originalBytes = view.getUint32(at + BODY, littleEndian);
    const capturedBytes = snaplenBytes === 0 ? originalBytes : Math.min(originalBytes, snaplenBytes);
    const start = at + SIMPLE_PACKET_DATA;
    if (capturedBytes > end - start) throw this.#overrun(capturedBytes, end - start);
    frames.count(bytes, start, start + capturedBytes, originalBytes);
  }

  #interfaceAt(index: number): SectionInterface {
    const found = this.#section[index];
    if (found !== undefined) return found;
    throw this.#stream.damage(`a packet of interface ${index}, but ${this.#section.length} are described`);
  }

  #overrun(capturedBytes: number, roomBytes: number): Error {
    return this.#stream.damage(`a packet of ${capturedBytes} captured bytes in a block that has room for ${roomBytes}`);
  }
}
