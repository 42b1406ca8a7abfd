import { Reader } from "@platformatic/kafka";

const INT16_BYTES = 2;
const INT32_BYTES = 4;

/**
 * Reads an answer. The client's own reader believes every length: one that is negative leads back to where it has been,
 * for ever, and a count may claim billions. All that is read so is of versions whose lengths have a fixed size.
 */
export class AnswerReader extends Reader {
  constructor(bytes: Buffer) {
    super(Reader.from(bytes).buffer);
  }

  override skip(length: number): this {
    this.#check(length, 0, 0);
    return super.skip(length);
  }

  override readNullableString(isCompact = true): string | null {
    this.#check(this.peekInt16(), -1, INT16_BYTES);
    return super.readNullableString(isCompact);
  }

  override readNullableBytes(isCompact = true): Buffer | null {
    this.#check(this.peekInt32(), -1, INT32_BYTES);
    return super.readNullableBytes(isCompact);
  }

  /** Nothing that is in an array takes less than a byte. */
  override readNullableArray<T>(
    read: (reader: Reader, index: number) => T,
    isCompact = true,
    hasTaggedFields = true,
  ): T[] | null {
    this.#check(this.peekInt32(), -1, INT32_BYTES);
    return super.readNullableArray(read, isCompact, hasTaggedFields);
  }

  #check(length: number, least: number, prefixBytes: number): void {
    if (length < least || length > this.remaining - prefixBytes) throw new RangeError(`a length of ${length}`);
  }
}
