import { grown } from "../../grown-array.ts";
import type { Segments } from "../segments.ts";

const INITIAL_SPANS = 1024;
/** Words of an address in segments (see segments.ts), and of IPv6 in spans. */
const WORDS = 4;

/** Stands for no zone: what lies below has the word. */
export const NO_ZONE = 0;

/**
 * All addresses of one version, cut where the zone changes: a span reaches from its start to the start of the next. An
 * address is given as four 32-bit words, the highest first; IPv4 has one, and three zeros behind it, which are not kept.
 */
export class Spans {
  readonly version: 4 | 6;
  readonly #words: number;
  #starts: Uint32Array;
  #zones: Uint32Array;
  #count = 0;

  /** `capacity`: spans that there is room for at first. */
  constructor(version: 4 | 6, capacity = INITIAL_SPANS) {
    this.version = version;
    this.#words = version === 4 ? 1 : WORDS;
    this.#starts = new Uint32Array(capacity * this.#words);
    this.#zones = new Uint32Array(capacity);
  }

  /** Spans of a zone for each segment, by its range, and of NO_ZONE elsewhere. */
  static of({ starts, ends, rangeOf }: Segments, zoneOf: (range: number) => number, version: 4 | 6): Spans {
    const result = new Spans(version);
    let gap: Uint32Array | undefined = new Uint32Array(WORDS);
    for (let segment = 0; segment < rangeOf.length; segment++) {
      const at = segment * WORDS;
      const start = starts.subarray(at, at + WORDS);
      if (gap !== undefined && gap.some((word, k) => word !== start[k])) result.#add(gap, NO_ZONE);
      result.#add(start, zoneOf(rangeOf[segment]!));
      gap = successor(ends.subarray(at, at + WORDS), version);
    }
    if (gap !== undefined) result.#add(gap, NO_ZONE);
    return result;
  }

  /** The whole space, of one zone. */
  static all(version: 4 | 6, zone: number): Spans {
    const result = new Spans(version);
    result.add(0, 0, 0, 0, zone);
    return result;
  }

  get count(): number {
    return this.#count;
  }

  /** Word `k` of the lowest address of a span. */
  start(span: number, k: number): number {
    return k < this.#words ? this.#starts[span * this.#words + k]! : 0;
  }

  zone(span: number): number {
    return this.#zones[span]!;
  }

  /** Adds the next span, or lengthens the last if it is of the same zone. The first must start at 0. */
  add(word0: number, word1: number, word2: number, word3: number, zone: number): void {
    if (this.#count > 0 && this.#zones[this.#count - 1] === zone) return;
    if (this.#count === this.#zones.length) this.#grow();
    const at = this.#count * this.#words;
    this.#starts[at] = word0;
    if (this.version === 6) {
      this.#starts[at + 1] = word1;
      this.#starts[at + 2] = word2;
      this.#starts[at + 3] = word3;
    }
    this.#zones[this.#count++] = zone;
  }

  /** These spans, and what lies below if they have no zone; both of one version. */
  over(below: Spans): Spans {
    return this.with(below, (upper, lower) => (upper === NO_ZONE ? lower : upper));
  }

  /** All addresses, each of the zone that is made of those it has here and there; both of one version. */
  with(other: Spans, zoneOf: (own: number, theirs: number) => number): Spans {
    const result = new Spans(this.version, this.#count + other.#count);
    let own = -1;
    let theirs = -1;
    while (own + 1 < this.#count || theirs + 1 < other.#count) {
      const order = this.#order(own + 1, other, theirs + 1);
      if (order <= 0) own++;
      if (order >= 0) theirs++;
      const [spans, span] = order <= 0 ? [this, own] : [other, theirs];
      const zone = zoneOf(this.#zones[own]!, other.#zones[theirs]!);
      result.add(spans.start(span, 0), spans.start(span, 1), spans.start(span, 2), spans.start(span, 3), zone);
    }
    return result;
  }

  /** The same addresses, of other zones. */
  mapped(zoneOf: (zone: number) => number): Spans {
    const result = new Spans(this.version, this.#count);
    for (let span = 0; span < this.#count; span++) {
      const zone = zoneOf(this.#zones[span]!);
      result.add(this.start(span, 0), this.start(span, 1), this.start(span, 2), this.start(span, 3), zone);
    }
    return result;
  }

  /** Below 0 if our span starts first or there is none of the other, above 0 the other way round. */
  #order(span: number, other: Spans, otherSpan: number): number {
    if (otherSpan === other.#count) return -1;
    if (span === this.#count) return 1;
    for (let k = 0; k < this.#words; k++) {
      const difference = this.start(span, k) - other.start(otherSpan, k);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #add(start: Uint32Array, zone: number): void {
    this.add(start[0]!, start[1]!, start[2]!, start[3]!, zone);
  }

  #grow(): void {
    this.#starts = grown(this.#starts);
    this.#zones = grown(this.#zones);
  }
}

/** The address behind, or undefined behind the last one. */
function successor(address: Uint32Array, version: 4 | 6): Uint32Array | undefined {
  const next = address.slice();
  for (let k = version === 4 ? 0 : WORDS - 1; k >= 0; k--) {
    next[k]!++;
    if (next[k] !== 0) return next;
  }
  return undefined;
}
