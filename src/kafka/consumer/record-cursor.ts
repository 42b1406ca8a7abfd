import { crc32c } from "@platformatic/kafka";
import { decompress } from "./decompression.ts";

/*
 * A batch of records, version 2 (org.apache.kafka.common.record.DefaultRecordBatch). Lengths in bytes:
 *
 *   base offset   length   leader epoch   magic   CRC-32C   attributes   last offset delta
 *        8          4           4           1        4          2              4
 *   base and largest timestamp   producer   its epoch   base sequence   records
 *            8 + 8                   8           2             4           4
 *
 * The length counts what follows it, the CRC covers what follows it. A record is made of zigzag varints:
 *
 *   length   attributes (1 byte)   timestamp delta   offset delta   key length   key   value length   value   headers
 */
const BATCH_LENGTH = 8;
const BATCH_MAGIC = 16;
const BATCH_CRC = 17;
const BATCH_ATTRIBUTES = 21;
const BATCH_LAST_OFFSET_DELTA = 23;
const BATCH_PRODUCER = 43;
const BATCH_RECORDS = 57;
const BATCH_HEAD = 61;
/** What stands before the bytes that the length counts. */
const BATCH_PREFIX = 12;
const MAGIC = 2;

const COMPRESSION = 0b111;
const IS_TRANSACTIONAL = 1 << 4;
const IS_CONTROL = 1 << 5;

/** What `next` found. */
export const Step = {
  /** All is read that is there completely. */
  END: 0,
  /** A record. */
  RECORD: 1,
  /** A batch that could not be read, and was left out. */
  DAMAGED: 2,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

/** From which offset on the records of a producer belong to a transaction that was given up. */
export interface AbortedTransaction {
  readonly producer: number;
  readonly firstOffset: number;
}

/**
 * Walks the records of one partition as a broker sent them, batch by batch, in place. A record's value is
 * data[valueStart, valueEnd), good until `next`; valueEnd is below valueStart if there is none.
 */
export class RecordCursor {
  data: Buffer;
  valueStart = 0;
  valueEnd = 0;
  /** Of the record, or the last of the damaged batch. */
  offset = 0;
  /** Where to go on after what has been read. */
  nextOffset: number;
  /** Why a batch could not be read. */
  damage = "";

  readonly #batches: Buffer;
  readonly #fromOffset: number;
  /** Whether the first batch is left out, because it is too long to have come as a whole. */
  #isCut: boolean;
  /** In the order of their first offsets. */
  readonly #aborted: AbortedTransaction[];
  readonly #abortedProducers = new Set<number>();
  /** Where the next batch begins. */
  #batchAt = 0;
  #baseOffset = 0;
  #endOffset = 0;
  #recordAt = 0;
  #recordsLeft = 0;

  /**
   * `fromOffset`: a broker sends whole batches, which may begin before what was asked for. `isCut`: even a first batch
   * that is not complete is all of it that will ever come.
   */
  constructor(batches: Buffer, fromOffset: number, aborted: readonly AbortedTransaction[] = [], isCut = false) {
    this.data = batches;
    this.nextOffset = fromOffset;
    this.#batches = batches;
    this.#fromOffset = fromOffset;
    this.#aborted = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
    this.#isCut = isCut && batches.length >= BATCH_HEAD && !this.#isComplete(0);
  }

  /** Where to fetch from next: behind the last complete batch. Looks at nothing but the heads of batches. */
  fetchOffset(): number {
    let offset = this.#isCut ? Math.max(this.#fromOffset, this.#endOffsetAt(0)) : this.#fromOffset;
    for (let at = 0; this.#isComplete(at); at += this.#lengthAt(at)) offset = Math.max(offset, this.#endOffsetAt(at));
    return offset;
  }

  /** Moves to the next record. Hot. */
  next(): Step {
    for (;;) {
      while (this.#recordsLeft > 0) {
        this.#recordsLeft--;
        try {
          this.#readRecord();
        } catch (error) {
          return this.#leave(error);
        }
        this.#goOnAt(this.#recordsLeft === 0 ? this.#endOffset : this.offset + 1);
        if (this.offset >= this.#fromOffset) return Step.RECORD;
      }
      const at = this.#batchAt;
      if (this.#isCut) return this.#leaveCut();
      if (!this.#isComplete(at)) return Step.END;
      this.#batchAt = at + this.#lengthAt(at);
      this.#endOffset = this.#endOffsetAt(at);
      try {
        this.#openBatch(at, this.#batchAt);
      } catch (error) {
        return this.#leave(error);
      }
      if (this.#recordsLeft === 0) this.#goOnAt(this.#endOffset);
    }
  }

  #leave(error: unknown): Step {
    this.#recordsLeft = 0;
    this.damage = error instanceof Error ? error.message : String(error);
    this.offset = this.#endOffset - 1;
    this.#goOnAt(this.#endOffset);
    return Step.DAMAGED;
  }

  #leaveCut(): Step {
    this.#isCut = false;
    this.#endOffset = this.#endOffsetAt(0);
    return this.#leave(new Error(`a batch of ${this.#lengthAt(0)} bytes`));
  }

  /** Whatever a batch says, the way is forward. */
  #goOnAt(offset: number): void {
    this.nextOffset = Math.max(this.nextOffset, offset);
  }

  #isComplete(at: number): boolean {
    const batches = this.#batches;
    return at + BATCH_HEAD <= batches.length && at + this.#lengthAt(at) <= batches.length;
  }

  /** Never less than a head, so that a sum of these grows. */
  #lengthAt(at: number): number {
    return Math.max(BATCH_PREFIX + this.#batches.readInt32BE(at + BATCH_LENGTH), BATCH_HEAD);
  }

  #endOffsetAt(at: number): number {
    return longAt(this.#batches, at) + this.#batches.readInt32BE(at + BATCH_LAST_OFFSET_DELTA) + 1;
  }

  #openBatch(at: number, end: number): void {
    const batches = this.#batches;
    const magic = batches[at + BATCH_MAGIC];
    if (magic !== MAGIC) throw new Error(`a batch in version ${magic} of the format`);
    const crc = batches.readUInt32BE(at + BATCH_CRC);
    if (crc32c(batches.subarray(at + BATCH_ATTRIBUTES, end)) !== crc) throw new Error("a batch with a wrong checksum");
    const attributes = batches.readUInt16BE(at + BATCH_ATTRIBUTES);
    this.#baseOffset = longAt(batches, at);
    if (this.#isLeftOut(attributes, longAt(batches, at + BATCH_PRODUCER))) return;
    const compression = attributes & COMPRESSION;
    const records = batches.subarray(at + BATCH_HEAD, end);
    this.data = compression === 0 ? records : decompress(compression, records);
    this.#recordAt = 0;
    this.#recordsLeft = batches.readInt32BE(at + BATCH_RECORDS);
  }

  /** Whether a batch holds no records of ours: marks of transactions, and what belongs to one that was given up. */
  #isLeftOut(attributes: number, producer: number): boolean {
    while (this.#aborted.length > 0 && this.#aborted[0]!.firstOffset < this.#endOffset) {
      this.#abortedProducers.add(this.#aborted.shift()!.producer);
    }
    if ((attributes & IS_CONTROL) !== 0) {
      this.#abortedProducers.delete(producer);
      return true;
    }
    return (attributes & IS_TRANSACTIONAL) !== 0 && this.#abortedProducers.has(producer);
  }

  #readRecord(): void {
    const length = this.#varint();
    const end = this.#recordAt + length;
    if (length < 1 || end > this.data.length) throw new RangeError("a record that does not fit its batch");
    this.#recordAt++;
    this.#skipVarint();
    this.offset = this.#baseOffset + this.#varint();
    const keyLength = this.#varint();
    if (keyLength > 0) this.#recordAt += keyLength;
    const valueLength = this.#varint();
    this.valueStart = this.#recordAt;
    this.valueEnd = this.#recordAt + valueLength;
    if (this.valueEnd > end) throw new RangeError("a value that does not fit its record");
    this.#recordAt = end;
  }

  /** At most 32 bits. */
  #varint(): number {
    const { data } = this;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = data[this.#recordAt++];
      if (byte === undefined) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new RangeError("a number that does not end");
  }

  #skipVarint(): void {
    const { data } = this;
    while ((data[this.#recordAt++] ?? 0) >= 0x80);
  }
}

/** A signed 64-bit number, exact to 2^53. */
function longAt(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
