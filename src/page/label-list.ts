const encoder = new TextEncoder();

/** Labels of many series as bytes, side by side, appended one after another; those of series `k` are [start(k), end(k)). */
export class LabelList {
  #bytes: Uint8Array;
  /** End of the labels of each series; they start where those of the one before end. */
  #ends: Uint32Array;
  #count = 0;

  /** For about so many series and bytes at first; it grows. */
  constructor(series: number, bytes: number) {
    this.#bytes = new Uint8Array(bytes);
    this.#ends = new Uint32Array(series);
  }

  /** Series that have labels. */
  get count(): number {
    return this.#count;
  }

  /** Replaced by a larger array when labels are appended. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  start(series: number): number {
    return series === 0 ? 0 : this.#ends[series - 1]!;
  }

  end(series: number): number {
    return this.#ends[series]!;
  }

  append(text: string): void {
    const labels = encoder.encode(text);
    const start = this.start(this.#count);
    if (this.#count === this.#ends.length) {
      const ends = new Uint32Array(this.#ends.length * 2);
      ends.set(this.#ends);
      this.#ends = ends;
    }
    if (start + labels.length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, start + labels.length));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    this.#bytes.set(labels, start);
    this.#ends[this.#count++] = start + labels.length;
  }

  clear(): void {
    this.#count = 0;
  }
}
