import { type ByteStream, MAX_RECORD_BYTES } from "./byte-stream.ts";

/*
 * draft-ietf-opsawg-pcapng, section 3.1. All numbers in the byte order of their section; offsets from the start of the
 * block. A section header tells the order, and its type reads the same in both.
 *
 *     0 | block type | total length | body ... padded to 4 bytes | total length |
 *
 *       section header
 *  8    byte-order magic
 * 12    version
 */
export const BlockType = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE: 1,
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;
const TOTAL_LENGTH = 4;
export const BODY = 8;
const SECTION_VERSION = 12;
export const TRAILER_BYTES = 4;
export const MIN_BLOCK_BYTES = 12;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BYTE_ORDER_MAGIC_SWAPPED = 0x4d3c2b1a;

/** The blocks of a file one after another: what they are, and how long. */
export class Blocks {
  /** Of the section that is being read. */
  littleEndian = false;
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /**
   * Returns the type of the block at the stream's position, of which MIN_BLOCK_BYTES are there, and changes the byte
   * order if that block begins a section. Throws PromtapError. Hot; does not allocate.
   */
  type(): number {
    const { view, position } = this.#stream;
    const type = view.getUint32(position, this.littleEndian);
    if (type === BlockType.SECTION_HEADER) this.#readByteOrder(position);
    return type;
  }

  /**
   * Returns the length of that block: legal, enough for the fields of its type, and as its end repeats it if the block
   * is wholly there. Throws PromtapError. Hot; does not allocate.
   */
  lengthBytes(type: number): number {
    const stream = this.#stream;
    const { view, position } = stream;
    const blockBytes = view.getUint32(position + TOTAL_LENGTH, this.littleEndian);
    const minBytes = minBlockBytes(type);
    if (blockBytes % 4 !== 0) throw stream.damage(`a block of ${blockBytes} bytes, not a multiple of 4`);
    if (blockBytes < minBytes) {
      throw stream.damage(`a block of type ${type} and ${blockBytes} bytes, fewer than ${minBytes}`);
    }
    if (blockBytes > MAX_RECORD_BYTES && minBytes > MIN_BLOCK_BYTES) {
      throw stream.damage(`a block of type ${type} and ${blockBytes} bytes, more than ${MAX_RECORD_BYTES}`);
    }
    if (blockBytes > stream.available) return blockBytes;
    const trailer = view.getUint32(position + blockBytes - TRAILER_BYTES, this.littleEndian);
    if (trailer !== blockBytes) throw stream.damage(`a block's two lengths differ, ${blockBytes} and ${trailer}`);
    if (type === BlockType.SECTION_HEADER) this.#checkVersion(position);
    return blockBytes;
  }

  #readByteOrder(at: number): void {
    const magic = this.#stream.view.getUint32(at + BODY, true);
    if (magic !== BYTE_ORDER_MAGIC && magic !== BYTE_ORDER_MAGIC_SWAPPED) {
      throw this.#stream.damage(`a section header with the byte-order magic 0x${magic.toString(16)}`);
    }
    this.littleEndian = magic === BYTE_ORDER_MAGIC;
  }

  #checkVersion(at: number): void {
    const major = this.#stream.view.getUint16(at + SECTION_VERSION, this.littleEndian);
    if (major !== 1) throw this.#stream.damage(`pcapng version ${major} isn't supported, only 1`);
  }
}

/** Bytes of a block without data and options; MIN_BLOCK_BYTES for types that are not read. */
function minBlockBytes(type: number): number {
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
      return MIN_BLOCK_BYTES;
  }
}
