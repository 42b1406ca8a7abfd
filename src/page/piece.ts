/** Bytes that are copied at a time: a loop over single ones takes eight times as long, and a call more than either. */
export const WORD_BYTES = 8;

/** A text that many lines have, as it is written. */
export class Piece {
  /** Of the text in UTF-8; there are WORD_BYTES more to be read. */
  readonly length: number;
  readonly view: DataView;

  constructor(text: string) {
    const bytes = Buffer.from(text);
    this.length = bytes.length;
    this.view = new DataView(new ArrayBuffer(bytes.length + WORD_BYTES));
    new Uint8Array(this.view.buffer).set(bytes);
  }
}

export const NOTHING = new Piece("");
/** Ends the labels of a line. */
export const CLOSE = new Piece("} ");
