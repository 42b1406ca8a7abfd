import type { PageWriter } from "./page-writer.ts";

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);
const CLOSE = encoder.encode("} ");
/** Most bytes of the digits, the newline and the closing of a line. */
const VALUE_BYTES = 40;
/** Series that are looked at before the event loop gets its turn, if few of them have a line to write. */
const SERIES_PER_TURN = 4096;

/** Writes the lines of one family: labels and a whole number each. */
export class SeriesLines {
  readonly #head: Uint8Array;

  /** `labels`: those that all lines begin with, as text. */
  constructor(name: string, ...labels: readonly string[]) {
    this.#head = encoder.encode(`${name}{${labels.map((label) => `${label},`).join("")}`);
  }

  /** Writes the line of a series whose labels are labels[from, to) followed by `more`. Hot; does not allocate. */
  write(
    writer: PageWriter,
    value: number,
    labels: Uint8Array,
    from: number,
    to: number,
    more: Uint8Array = NO_BYTES,
  ): void {
    this.begin(writer, to - from + more.length);
    writer.slice(labels, from, to);
    writer.bytes(more);
    this.end(writer, value);
  }

  /** Likewise, with the labels of the line that starts at a position of the writer, of so many bytes. Hot. */
  writeAgain(writer: PageWriter, value: number, position: number, labelBytes: number, more: Uint8Array): void {
    const bytes = this.#head.length + labelBytes;
    writer.reserve(bytes + more.length + VALUE_BYTES);
    writer.repeat(position, position + bytes);
    writer.bytes(more);
    this.end(writer, value);
  }

  /** Begins a line for labels of at most so many bytes, which the caller writes. Hot. */
  begin(writer: PageWriter, labelBytes: number): void {
    writer.reserve(this.#head.length + labelBytes + VALUE_BYTES);
    writer.bytes(this.#head);
  }

  /** Ends a line that was begun. Hot. */
  end(writer: PageWriter, value: number): void {
    writer.bytes(CLOSE);
    writer.integerLine(value);
  }
}

/** Whether others get their turn after this series. Only then does a family yield: each time makes an object to collect. */
export function isTurnOver(writer: PageWriter, series: number): boolean {
  return writer.isFull || series % SERIES_PER_TURN === SERIES_PER_TURN - 1;
}
