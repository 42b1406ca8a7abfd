import { grown } from "../grown-array.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Of a UTF-16 code unit. */
const MAX_UTF8_BYTES = 3;

/** Labels of many series as bytes in one array; those of series `k` are [start(k), end(k)). */
export class LabelList {
  #bytes: Uint8Array;
  #starts: Uint32Array;
  #ends: Uint32Array;
  #count = 0;
  /** Where the next labels go. */
  #end = 0;
  /** Bytes of labels that were replaced. */
  #stale = 0;

  /** Room for about so many series and bytes at first; it grows. */
  constructor(series: number, bytes: number) {
    this.#bytes = new Uint8Array(bytes);
    this.#starts = new Uint32Array(series);
    this.#ends = new Uint32Array(series);
  }

  /** Series that have labels. */
  get count(): number {
    return this.#count;
  }

  /** Replaced by another array when labels are added. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  start(series: number): number {
    return this.#starts[series]!;
  }

  end(series: number): number {
    return this.#ends[series]!;
  }

  textOf(series: number): string {
    return decoder.decode(this.#bytes.subarray(this.start(series), this.end(series)));
  }

  append(text: string): void {
    if (this.#count === this.#ends.length) {
      this.#starts = grown(this.#starts);
      this.#ends = grown(this.#ends);
    }
    this.#put(this.#count, encoded(text));
    this.#count++;
  }

  /** Replaces the labels of a series that has some. */
  replace(series: number, text: string): void {
    this.#stale += this.end(series) - this.start(series);
    this.#ends[series] = this.start(series);
    this.#put(series, encoded(text));
  }

  clear(): void {
    this.#count = 0;
    this.#end = 0;
    this.#stale = 0;
  }

  #put(series: number, labels: Uint8Array): void {
    if (this.#end + labels.length > this.#bytes.length) this.#makeRoom(labels.length);
    this.#bytes.set(labels, this.#end);
    this.#starts[series] = this.#end;
    this.#end += labels.length;
    this.#ends[series] = this.#end;
  }

  /** Moves all labels to another array: a larger one, unless half of this one is stale. */
  #makeRoom(bytes: number): void {
    const before = this.#bytes;
    const isEnough = this.#stale * 2 >= before.length && bytes <= this.#stale;
    this.#bytes = new Uint8Array(isEnough ? before.length : Math.max(before.length * 2, this.#end + bytes));
    this.#end = 0;
    this.#stale = 0;
    for (let series = 0; series < this.#count; series++) {
      this.#put(series, before.subarray(this.start(series), this.end(series)));
    }
  }
}

let scratch = new Uint8Array(1024);

/** The text as UTF-8, in memory that is good until the next one: a third of the time that memory of its own takes. */
function encoded(text: string): Uint8Array {
  const maxBytes = text.length * MAX_UTF8_BYTES;
  if (maxBytes > scratch.length) scratch = new Uint8Array(maxBytes);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}
