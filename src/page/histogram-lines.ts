import { Format } from "./negotiation.ts";
import type { PageWriter } from "./page-writer.ts";

const encoder = new TextEncoder();
/** Most bytes of the digits, the newline and the closing of a line. */
const VALUE_BYTES = 40;
const NO_BYTES = new Uint8Array(0);
const CLOSE = encoder.encode("} ");

/**
 * Writes the histograms of one family from exclusive bucket counts. `_count` and `+Inf` are computed from the buckets,
 * so that a histogram always agrees with itself.
 */
export class HistogramLines {
  readonly #bucket: Uint8Array;
  readonly #sum: Uint8Array;
  readonly #count: Uint8Array;
  /** What ends the labels of a bucket line, in the order of the buckets, `+Inf` last. */
  readonly #limits: Uint8Array[];

  constructor(name: string, bounds: readonly number[], format: Format) {
    this.#bucket = encoder.encode(`${name}_bucket{`);
    this.#sum = encoder.encode(`${name}_sum{`);
    this.#count = encoder.encode(`${name}_count{`);
    // OpenMetrics wants the canonical form of a float.
    const texts = bounds.map((bound) => (format === Format.OPENMETRICS ? bound.toFixed(1) : String(bound)));
    this.#limits = [...texts, "+Inf"].map((limit) => encoder.encode(`,le="${limit}"} `));
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
    more: Uint8Array = NO_BYTES,
  ): void {
    const limits = this.#limits;
    writer.reserve((limits.length + 2) * (this.#bucket.length + to - from + more.length + VALUE_BYTES));
    const start = writer.position;
    writer.bytes(this.#bucket);
    const labelsStart = writer.position;
    writer.slice(labels, from, to);
    writer.bytes(more);
    const end = writer.position;
    let cumulative = 0;
    for (let bucket = 0; bucket < limits.length; bucket++) {
      if (bucket > 0) writer.repeat(start, end);
      cumulative += counters[at + bucket]!;
      writer.bytes(limits[bucket]!);
      writer.integerLine(cumulative);
    }
    this.#plainLine(writer, this.#sum, labelsStart, end, counters[at + limits.length]!);
    this.#plainLine(writer, this.#count, labelsStart, end, cumulative);
  }

  #plainLine(writer: PageWriter, name: Uint8Array, labelsStart: number, labelsEnd: number, value: number): void {
    writer.bytes(name);
    writer.repeat(labelsStart, labelsEnd);
    writer.bytes(CLOSE);
    writer.integerLine(value);
  }
}
