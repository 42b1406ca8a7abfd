/** What a value in a message is: a flow, one of pmacct's marks, or why it is none of them. */
export const Verdict = {
  FLOW: 0,
  /** purge_init and purge_close, which pmacct writes around what it writes at once (kafka_markers). */
  MARKER: 1,
  /** A message without anything in it. */
  EMPTY: 2,
  NOT_JSON: 3,
  NOT_AN_OBJECT: 4,
  NO_BYTES: 5,
  NOT_A_NUMBER: 6,
  NEGATIVE: 7,
  TOO_LARGE: 8,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Verdicts by which a record is not counted, with their names on the page. */
export const REFUSALS = [
  [Verdict.EMPTY, "empty"],
  [Verdict.NOT_JSON, "not_json"],
  [Verdict.NOT_AN_OBJECT, "not_an_object"],
  [Verdict.NO_BYTES, "no_bytes"],
  [Verdict.NOT_A_NUMBER, "not_a_number"],
  [Verdict.NEGATIVE, "negative"],
  [Verdict.TOO_LARGE, "too_large"],
] as const;

/** The numbers of a record, by pmacct's keys. */
export const Field = { BYTES: 0, PACKETS: 1, SOURCE_AS: 2, DESTINATION_AS: 3, SAMPLING_RATE: 4 } as const;
export const FIELD_KEYS = ["bytes", "packets", "as_src", "as_dst", "sampling_rate"] as const;

/** What stands in the place of a number that is not there or can't be used. */
export const MISSING = -1;
export const NOT_A_NUMBER = -2;
export const NEGATIVE = -3;

const MAX_AS = 2 ** 32 - 1;
/** Bytes of a label's text. */
export const MAX_TEXT_LENGTH = 128;

/** One record as it was read; reused. */
export class FlowRecord {
  /** Keys of the texts. */
  readonly keys: readonly string[];
  /** By Field; whole numbers, or one of the codes above. */
  readonly numbers = new Float64Array(FIELD_KEYS.length);
  isMarker = false;
  /** Where the texts stand, in UTF-8: the k-th key's is text[starts[k], ends[k]), and empty if the key is missing. */
  text: Uint8Array = new Uint8Array(0);
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #appliesSampling: boolean;

  constructor(keys: readonly string[], appliesSampling: boolean) {
    this.keys = keys;
    this.starts = new Int32Array(keys.length);
    this.ends = new Int32Array(keys.length);
    this.#appliesSampling = appliesSampling;
  }

  get bytes(): number {
    return this.numbers[Field.BYTES]!;
  }

  get packets(): number {
    return this.numbers[Field.PACKETS]!;
  }

  get sourceAs(): number {
    return this.numbers[Field.SOURCE_AS]!;
  }

  get destinationAs(): number {
    return this.numbers[Field.DESTINATION_AS]!;
  }

  /** Makes ready for the next record, whose texts stand in `text`. Hot. */
  clear(text: Uint8Array): void {
    this.numbers.fill(MISSING);
    this.isMarker = false;
    this.text = text;
    this.starts.fill(0);
    this.ends.fill(0);
  }

  /** Fills in what may be missing, and judges what has been read. Hot. */
  finish(): Verdict {
    const { numbers } = this;
    if (numbers[Field.BYTES] === MISSING) return this.isMarker ? Verdict.MARKER : Verdict.NO_BYTES;
    for (let field = Field.PACKETS; field <= Field.DESTINATION_AS; field++) {
      if (numbers[field] === MISSING) numbers[field] = 0;
    }
    if (this.#appliesSampling) this.#unsample(numbers[Field.SAMPLING_RATE]!);
    return this.#verdict();
  }

  /** A rate that can't be used leaves no numbers that could. */
  #unsample(rate: number): void {
    const { numbers } = this;
    for (let field = Field.BYTES; field <= Field.PACKETS; field++) {
      const value = numbers[field]!;
      if (value < 0 || rate === MISSING) continue;
      numbers[field] = rate < 0 ? rate : value * Math.max(rate, 1);
    }
  }

  #verdict(): Verdict {
    for (let field = Field.BYTES; field <= Field.DESTINATION_AS; field++) {
      const value = this.numbers[field]!;
      if (value === NOT_A_NUMBER) return Verdict.NOT_A_NUMBER;
      if (value === NEGATIVE) return Verdict.NEGATIVE;
      if (value > (field <= Field.PACKETS ? Number.MAX_SAFE_INTEGER : MAX_AS)) return Verdict.TOO_LARGE;
    }
    return Verdict.FLOW;
  }
}
