import { promisify } from "node:util";
import { deflateRaw, inflateRawSync } from "node:zlib";
import { grown } from "../../grown-array.ts";
import { ByteReader } from "../../state/byte-reader.ts";
import { ByteWriter, DOUBLE } from "../../state/byte-writer.ts";

const deflate = promisify(deflateRaw);
/** Stands for the number of a customer that is new. */
const NEW = 0;
/** Columns of numbers: the customer, bytes in, bytes out. */
const COLUMNS = 3;
const INITIAL_SUMS = 1024;
/** A million customers that are all new. */
const MAX_UNPACKED_BYTES = 256 * 2 ** 20;
const MAX_SUMS = MAX_UNPACKED_BYTES / (2 * COLUMNS);

/*
 * Sums of customers. How many bytes a number has, and the highest of them, are much the same from one to the next; the bytes
 * below are noise, and no packing makes them fewer.
 *
 *     sums      | count | length of the head | head, deflated (RFC 1951) | low bytes ... |
 *     head      | lengths of all customers, of all bytes in, of all bytes out | highest bytes, likewise | labels: text ... |
 *     customer  | NEW, or 1 + its number as a distance from that of the sum before |
 *     distance  | twice as much; if it is less, twice as much less 1 |
 *
 * Of a sum after the other, the low bytes of its three numbers; a length of DOUBLE stands for one that is not a whole number
 * below 2^53, all of whose eight bytes are there, as those of a double. Labels are those of customers that are new.
 */

/** What a customer had in an interval, one after the other; arrays are lent, and may be longer than `count`. */
export interface Sums {
  readonly count: number;
  readonly customers: Uint32Array;
  readonly bytesIn: Float64Array;
  readonly bytesOut: Float64Array;
}

/** Makes the bytes of sums. */
export class SumPacker {
  readonly #lengths = Array.from({ length: COLUMNS }, () => new ByteWriter());
  readonly #highest = Array.from({ length: COLUMNS }, () => new ByteWriter());
  readonly #labels = new ByteWriter();
  readonly #low = new ByteWriter();
  readonly #number = new Uint8Array(DOUBLE);
  readonly #view = new DataView(this.#number.buffer);
  #count = 0;
  /** Of the sum before. */
  #customer = 0;

  /** `labels`: of a customer that is new, whose number is the next one. */
  add(customer: number, bytesIn: number, bytesOut: number, labels?: string): void {
    const distance = customer - this.#customer;
    this.#customer = customer;
    this.#count++;
    this.#add(0, labels !== undefined ? NEW : 1 + (distance < 0 ? -2 * distance - 1 : 2 * distance));
    this.#add(1, bytesIn);
    this.#add(2, bytesOut);
    if (labels !== undefined) this.#labels.text(labels);
  }

  async end(): Promise<Uint8Array[]> {
    const columns = [...this.#lengths, ...this.#highest, this.#labels].map(({ filled }) => filled);
    const head = await deflate(Buffer.concat(columns));
    const front = new ByteWriter();
    front.numbers([this.#count, head.length]);
    return [front.filled, head, this.#low.filled];
  }

  #add(column: number, value: number): void {
    const length = this.#put(value);
    const isWhole = length < DOUBLE;
    this.#lengths[column]!.byte(length);
    this.#highest[column]!.byte(isWhole && length > 0 ? this.#number[length - 1]! : 0);
    for (let k = 0; k < (isWhole ? length - 1 : DOUBLE); k++) this.#low.byte(this.#number[k]!);
  }

  /** Puts a number into its bytes, the lowest first; returns how many it has. */
  #put(value: number): number {
    if (value < 0 || !Number.isSafeInteger(value)) {
      this.#view.setFloat64(0, value, true);
      return DOUBLE;
    }
    let length = 0;
    for (let left = value; left > 0; left = Math.floor(left / 256)) this.#number[length++] = left % 256;
    return length;
  }
}

/** Reads the sums of one file, in their order. */
export class SumUnpacker {
  #customers = new Uint32Array(INITIAL_SUMS);
  #bytesIn = new Float64Array(INITIAL_SUMS);
  #bytesOut = new Float64Array(INITIAL_SUMS);
  /** Customers that the file had so far. */
  #known = 0;

  /** Sums that are lent, and the labels of customers that are new with them. Throws an Error if it can't be that. */
  read(reader: ByteReader): { readonly newLabels: readonly string[]; readonly sums: Sums } {
    const count = reader.whole(MAX_SUMS);
    const packed = reader.bytes(reader.whole(MAX_UNPACKED_BYTES));
    const head = new ByteReader(inflateRawSync(packed, { maxOutputLength: MAX_UNPACKED_BYTES }));
    this.#makeRoom(count);
    const numbers = new Numbers(head.bytes(COLUMNS * count), head.bytes(COLUMNS * count), reader.rest());
    const newLabels: string[] = [];
    let customer = 0;
    for (let at = 0; at < count; at++) {
      const number = numbers.next(at);
      if (number === NEW) {
        newLabels.push(head.text());
        customer = this.#known++;
      } else customer += number % 2 === 0 ? -number / 2 : (number - 1) / 2;
      if (!(customer >= 0 && customer < this.#known)) throw new Error("it has a customer that is none");
      this.#customers[at] = customer;
      this.#bytesIn[at] = numbers.next(count + at);
      this.#bytesOut[at] = numbers.next(2 * count + at);
    }
    const sums = { count, customers: this.#customers, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
    return { newLabels, sums };
  }

  #makeRoom(count: number): void {
    if (count <= this.#customers.length) return;
    this.#customers = grown(this.#customers, count);
    this.#bytesIn = grown(this.#bytesIn, count);
    this.#bytesOut = grown(this.#bytesOut, count);
  }
}

/** The numbers of all columns. */
class Numbers {
  readonly #lengths: Uint8Array;
  readonly #highest: Uint8Array;
  readonly #low: Uint8Array;
  readonly #view: DataView;
  #lowAt = 0;

  constructor(lengths: Uint8Array, highest: Uint8Array, low: Uint8Array) {
    this.#lengths = lengths;
    this.#highest = highest;
    this.#low = low;
    this.#view = new DataView(low.buffer, low.byteOffset, low.byteLength);
  }

  /** The number at a place, whose low bytes are the next ones. Hot. Throws an Error if it is none. */
  next(place: number): number {
    const length = this.#lengths[place]!;
    if (length >= DOUBLE) return this.#double(length);
    if (length === 0) return 0;
    const from = this.#lowAt;
    this.#lowAt += length - 1;
    if (this.#lowAt > this.#low.length) throw new Error("it ends too early");
    let value = this.#highest[place]!;
    for (let at = this.#lowAt - 1; at >= from; at--) value = value * 256 + this.#low[at]!;
    return value;
  }

  #double(length: number): number {
    const from = this.#lowAt;
    this.#lowAt += DOUBLE;
    if (length > DOUBLE || this.#lowAt > this.#low.length) throw new Error("it has a number that is none");
    const value = this.#view.getFloat64(from, true);
    if (value >= 0 && Number.isFinite(value)) return value;
    throw new Error("it has a count that is none");
  }
}
