import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";

/** Compressions by the number in a batch's attributes (KIP-110 and before). */
const Compression = { GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 } as const;

/** Most bytes that a batch may unfold to, 64 times what a broker takes by default: a few bytes can claim gigabytes. */
const MAXIMUM_BYTES = 64 * 2 ** 20;
const SNAPPY_JAVA_MARK = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** The mark, its version and the oldest version that reads it. */
const SNAPPY_JAVA_HEAD = 16;

/** Unfolds the records of a batch. Throws where they are damaged, too large, or packed in a way that is not known. */
export function decompress(compression: number, packed: Buffer): Buffer {
  switch (compression) {
    case Compression.GZIP:
      return gunzipSync(packed, { maxOutputLength: MAXIMUM_BYTES });
    case Compression.ZSTD:
      return zstdDecompressSync(packed, { maxOutputLength: MAXIMUM_BYTES });
    case Compression.SNAPPY:
      checkSnappy(packed);
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

function limit(bytes: number): void {
  if (bytes > MAXIMUM_BYTES) throw new RangeError(`a batch of ${bytes} bytes`);
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
