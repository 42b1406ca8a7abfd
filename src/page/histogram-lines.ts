import { Format } from "./negotiation.ts";
import type { PageWriter } from "./page-writer.ts";
import { CLOSE, NOTHING, Piece } from "./piece.ts";

/** Most bytes of the digits, the newline and the closing of a line. */
const VALUE_BYTES = 40;

/**
 * Writes the histograms of one family from exclusive bucket counts. `_count` and `+Inf` are computed from the buckets,
 * so that a histogram always agrees with itself.
 */
export class HistogramLines {
  readonly #bucket: Piece;
  readonly #sum: Piece;
  readonly #count: Piece;
  /** What ends the labels of a bucket line, in the order of the buckets, `+Inf` last. */
  readonly #limits: Piece[];

  constructor(name: string, bounds: readonly number[], format: Format) {
    this.#bucket = new Piece(`${name}_bucket{`);
    this.#sum = new Piece(`${name}_sum{`);
    this.#count = new Piece(`${name}_count{`);
    // OpenMetrics wants the canonical form of a float.
    const texts = bounds.map((bound) => (format === Format.OPENMETRICS ? bound.toFixed(1) : String(bound)));
    this.#limits = [...texts, "+Inf"].map((limit) => new Piece(`,le="${limit}"} `));
  }

  /**
   * Writes the histogram whose buckets stand at counters[at], their sum behind them. Its labels are
   * labels[from, to) followed by `more`. Hot; does not allocate.
   */
  write(
    writer: PageWriter,
    counters: Float64Array,
    at: number,
    labels: Uint8Array,
    from: number,
    to: number,
    more: Piece = NOTHING,
  ): void {
    const limits = this.#limits;
    writer.reserve((limits.length + 2) * (this.#bucket.length + to - from + more.length + VALUE_BYTES));
    const start = writer.position;
    writer.piece(this.#bucket);
    const labelsStart = writer.position;
    writer.slice(labels, from, to);
    writer.piece(more);
    const end = writer.position;
    let cumulative = 0;
    for (let bucket = 0; bucket < limits.length; bucket++) {
      if (bucket > 0) writer.repeat(start, end);
      cumulative += counters[at + bucket]!;
      writer.piece(limits[bucket]!);
      writer.integerLine(cumulative);
    }
    this.#plainLine(writer, this.#sum, labelsStart, end, counters[at + limits.length]!);
    this.#plainLine(writer, this.#count, labelsStart, end, cumulative);
  }

  #plainLine(writer: PageWriter, name: Piece, labelsStart: number, labelsEnd: number, value: number): void {
    writer.piece(name);
    writer.repeat(labelsStart, labelsEnd);
    writer.piece(CLOSE);
    writer.integerLine(value);
  }
}
