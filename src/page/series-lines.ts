import type { PageWriter } from "./page-writer.ts";
import { CLOSE, Piece } from "./piece.ts";

/** Most bytes of the digits, the newline and the closing of a line. */
const VALUE_BYTES = 40;
/** Series that are looked at before the event loop gets its turn, if few of them have a line to write. */
const SERIES_PER_TURN = 4096;

/** Writes the lines of one family: labels and a whole number each. */
export class SeriesLines {
  readonly #head: Piece;

  /** `labels`: those that all lines begin with, as text. */
  constructor(name: string, ...labels: readonly string[]) {
    this.#head = new Piece(`${name}{${labels.map((label) => `${label},`).join("")}`);
  }

  /**
   * Writes the line of a series whose labels are labels[from, to), and what `closing` has before it closes them. Hot; does
   * not allocate.
   */
  write(writer: PageWriter, value: number, labels: Uint8Array, from: number, to: number, closing = CLOSE): void {
    this.begin(writer, to - from + closing.length);
    writer.slice(labels, from, to);
    writer.piece(closing);
    writer.integerLine(value);
  }

  /** Begins a line for labels of at most so many bytes, which the caller writes. Hot. */
  begin(writer: PageWriter, labelBytes: number): void {
    writer.reserve(this.#head.length + labelBytes + VALUE_BYTES);
    writer.piece(this.#head);
  }

  /** Ends a line that was begun. Hot. */
  end(writer: PageWriter, value: number): void {
    writer.piece(CLOSE);
    writer.integerLine(value);
  }
}

/** Whether others get their turn after this series. Only then does a family yield: each time makes an object to collect. */
export function isTurnOver(writer: PageWriter, series: number): boolean {
  return writer.isFull || series % SERIES_PER_TURN === SERIES_PER_TURN - 1;
}
