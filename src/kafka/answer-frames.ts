/** An answer: its bytes, or the first of them if it is too long. */
export interface AnswerFrame {
  readonly bytes: Buffer;
  /** As the broker announced it. */
  readonly length: number;
}

/** How long an answer may be, and how much is kept of one that is longer. */
export interface AnswerLimit {
  readonly longest: number;
  readonly kept: number;
}

const PREFIX = 4;

/** Cuts what a broker sends into answers, each behind its length in four bytes. */
export class AnswerFrames {
  readonly #limit: () => AnswerLimit;
  /** Of the length, as far as it has come. */
  readonly #prefix = Buffer.alloc(PREFIX);
  #prefixBytes = 0;
  /** The answer that is coming in: allocated when it is known that it is not too long. */
  #frame: Buffer | undefined;
  #length = 0;
  #filled = 0;

  /** `limit`: of the next answer. */
  constructor(limit: () => AnswerLimit) {
    this.#limit = limit;
  }

  /** The answers that are complete with this chunk; after one that is too long there is none. Throws for nothing kept. */
  *push(chunk: Buffer): Generator<AnswerFrame> {
    for (let at = 0; at < chunk.length;) {
      if (this.#frame === undefined) {
        at += this.#takePrefix(chunk, at);
        continue;
      }
      const copied = chunk.copy(this.#frame, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < this.#frame.length) return;
      const bytes = this.#frame;
      this.#frame = undefined;
      yield { bytes, length: this.#length };
      if (bytes.length < this.#length) return;
    }
  }

  /** Returns how many bytes of the chunk were part of it. */
  #takePrefix(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#prefix, this.#prefixBytes, at);
    this.#prefixBytes += copied;
    if (this.#prefixBytes < PREFIX) return copied;
    this.#prefixBytes = 0;
    this.#length = this.#prefix.readInt32BE();
    const { longest, kept } = this.#limit();
    const frameBytes = this.#length > longest ? kept : this.#length;
    if (frameBytes < PREFIX) throw new RangeError(`it announced an answer of ${this.#length} bytes`);
    this.#frame = Buffer.allocUnsafe(frameBytes);
    this.#filled = 0;
    return copied;
  }
}
