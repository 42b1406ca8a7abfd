import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";

/** Compressions by the number in a batch's attributes (KIP-110 and before). */
const Compression = { GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 } as const;

/** Most bytes that a batch may unfold to, 64 times what a broker takes by default: a few bytes can claim gigabytes. */
const MAX_BYTES = 64 * 2 ** 20;
const SNAPPY_JAVA_MARK = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** The mark, its version and the oldest version that reads it. */
const SNAPPY_JAVA_HEAD = 16;
/** The mark, flags, the size of blocks and a checksum. */
const LZ4_HEAD = 7;
const LZ4_CONTENT_SIZE = 1 << 3;
const LZ4_BLOCK_CHECKSUMS = 1 << 4;
/** The highest bit says that a block is not packed. */
const LZ4_LENGTH = 0x7fff_ffff;

/** Unfolds the records of a batch. Throws if they are damaged, too large, or packed in a way that is not known. */
export function decompress(compression: number, packed: Buffer): Buffer {
  switch (compression) {
    case Compression.GZIP:
      return gunzipSync(packed, { maxOutputLength: MAX_BYTES });
    case Compression.ZSTD:
      return zstdDecompressSync(packed, { maxOutputLength: MAX_BYTES });
    case Compression.SNAPPY:
      checkSnappy(packed);
      break;
    case Compression.LZ4:
      checkLz4(packed);
      break;
  }
  const algorithm = compressionsAlgorithmsByBitmask[compression];
  if (algorithm === undefined) throw new RangeError(`unknown compression ${compression}`);
  return algorithm.decompressSync(packed);
}

/** Snappy tells at the beginning of each block how long it will be; java frames blocks with a mark and their lengths. */
function checkSnappy(packed: Buffer): void {
  if (!packed.subarray(0, SNAPPY_JAVA_MARK.length).equals(SNAPPY_JAVA_MARK)) {
    limit(unsignedVarint(packed, 0));
    return;
  }
  let total = 0;
  for (let at = SNAPPY_JAVA_HEAD; at < packed.length;) {
    total += unsignedVarint(packed, at + 4);
    limit(total);
    at += 4 + packed.readUInt32BE(at);
  }
}

/** A frame of LZ4 tells in its fifth byte how long its blocks may get, and before each how long it is packed. */
function checkLz4(packed: Buffer): void {
  const flags = packed.readUInt8(4);
  const blockBytes = 2 ** (8 + 2 * ((packed.readUInt8(5) >>> 4) & 7));
  const checksumBytes = (flags & LZ4_BLOCK_CHECKSUMS) === 0 ? 0 : 4;
  let at = LZ4_HEAD + ((flags & LZ4_CONTENT_SIZE) === 0 ? 0 : 8);
  for (let total = blockBytes; at + 4 <= packed.length; total += blockBytes) {
    const length = packed.readUInt32LE(at) & LZ4_LENGTH;
    if (length === 0) break;
    limit(total);
    at += 4 + length + checksumBytes;
  }
}

function limit(bytes: number): void {
  if (bytes > MAX_BYTES) throw new RangeError(`a batch of ${bytes} bytes`);
}

function unsignedVarint(bytes: Buffer, at: number): number {
  let value = 0;
  for (let k = 0; k < 5; k++) {
    const byte = bytes.readUInt8(at + k);
    value += (byte & 0x7f) * 2 ** (7 * k);
    if (byte < 0x80) break;
  }
  return value;
}
