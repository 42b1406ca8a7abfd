import type { MemoryBudget } from "./memory-budget.ts";

/** Why bytes of a stream were not read. */
export const SKIP_REASONS = ["lost", "truncated", "overflow", "stray"] as const;
export const SkipReason = {
  /** The other side has them, or time is up: the capture missed them. */
  LOST: 0,
  /** The capture cut the packet short. */
  TRUNCATED: 1,
  /** What came out of order was more than may be kept. */
  OVERFLOW: 2,
  /** Of another connection, by their place: not skipped in the stream, but left out. */
  STRAY: 3,
} as const;
export type SkipReason = (typeof SkipReason)[keyof typeof SkipReason];

/** Takes the bytes of a stream in order, each once. */
export interface StreamReader {
  read(bytes: Uint8Array, start: number, end: number): void;
  /** Bytes that come next will never be read; stray ones are left out without a gap. */
  skip(byteCount: number, reason: SkipReason): void;
  /** What comes next does not continue what was read. */
  restart(): void;
}

/** A segment that came before those in front of it: a copy of its payload. */
interface HeldSegment {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** What the wire carried of it. */
  readonly wireBytes: number;
  readonly heldAt: number;
}

/**
 * How far from what is expected a segment can belong to the stream: more than Linux lets a window grow to by itself (6
 * MiB, tcp(7)), and so little that another connection of the same ports falls into it once in 256 times.
 */
const WINDOW_BYTES = 8 * 1024 * 1024;
/** Of one stream: what a fast sender has under way, and a slow reader kept waiting for. */
const MAX_HELD_BYTES = 1024 * 1024;
/** What keeping a segment costs besides its bytes, in Node 24. */
const OVERHEAD_BYTES = 256;

/**
 * One direction of a TCP connection in the order of its sequence numbers (RFC 9293, section 3.4): what was there before
 * is left out, what comes early is held until the hole before it is filled, or is known to stay.
 */
export class Reassembly {
  readonly #reader: StreamReader;
  readonly #budget: MemoryBudget;
  /** Sequence number of the byte that comes next: a signed word, as all of them here. */
  #next = 0;
  #hasNext = false;
  /** Where it began. */
  #initial = 0;
  /** By sequence number; none overlaps in full with another. */
  #held: HeldSegment[] = NONE;
  #heldBytes = 0;
  #finish: number | undefined;
  /** Where the last stray segment ended: if the next one begins there, it is the stream that has moved. */
  #strayEnd: number | undefined;

  constructor(reader: StreamReader, budget: MemoryBudget) {
    this.#reader = reader;
    this.#budget = budget;
  }

  /** Begins again with the byte of this sequence number. */
  begin(sequence: number): void {
    this.release();
    this.#next = sequence;
    this.#initial = sequence;
    this.#hasNext = true;
    this.#finish = undefined;
    this.#strayEnd = undefined;
  }

  /** Whether it began with the byte of this sequence number. */
  beganAt(sequence: number): boolean {
    return this.#hasNext && this.#initial === sequence;
  }

  /** Whether a segment of this place can belong to the stream. */
  isNear(sequence: number): boolean {
    const distance = (sequence - this.#next) | 0;
    return !this.#hasNext || (distance >= -WINDOW_BYTES && distance <= WINDOW_BYTES);
  }

  /** Whether it would bring bytes that were not read yet. */
  isNews(sequence: number, wireBytes: number): boolean {
    if (!this.isNear(sequence)) return this.#strayEnd === sequence;
    return !this.#hasNext || ((sequence + wireBytes - this.#next) | 0) > 0;
  }

  /** Whether everything up to the FIN was read. */
  get isFinished(): boolean {
    return this.#finish !== undefined && this.#next - this.#finish === 0;
  }

  /** Notes that the stream ends before this sequence number. */
  finish(sequence: number): void {
    if (!this.#hasNext) this.begin(sequence);
    if (this.isNear(sequence)) this.#finish = sequence;
  }

  /** Takes a segment: bytes[start, end) are what was captured of `wireBytes`. */
  take(sequence: number, bytes: Uint8Array, start: number, end: number, wireBytes: number, now: number): void {
    if (!this.#hasNext) this.begin(sequence);
    const distance = (sequence - this.#next) | 0;
    if (distance === 0 && this.#held.length === 0) {
      this.#deliver(bytes, start, end, wireBytes);
      return;
    }
    if (!this.isNear(sequence)) {
      if (!this.#followStray(sequence, wireBytes)) return;
      this.#deliver(bytes, start, end, wireBytes);
    } else if (distance <= 0) {
      this.#takeRest(-distance, bytes, start, end, wireBytes);
    } else {
      this.#hold(sequence, bytes, start, end, wireBytes, now);
    }
  }

  /** Two segments in a row, far from where the stream is: a connection whose beginning was not seen took its ports. */
  #followStray(sequence: number, wireBytes: number): boolean {
    const hasMoved = this.#strayEnd === sequence;
    if (hasMoved) {
      this.begin(sequence);
      this.#reader.restart();
      return true;
    }
    this.#strayEnd = (sequence + wireBytes) | 0;
    this.#reader.skip(wireBytes, SkipReason.STRAY);
    return false;
  }

  #deliver(bytes: Uint8Array, start: number, end: number, wireBytes: number): void {
    this.#next = (this.#next + wireBytes) | 0;
    this.#reader.read(bytes, start, end);
    const missing = wireBytes - (end - start);
    if (missing > 0) this.#reader.skip(missing, SkipReason.TRUNCATED);
  }

  /** Takes what is new of a segment, behind `known` bytes; what follows it may have been held. */
  #takeRest(known: number, bytes: Uint8Array, start: number, end: number, wireBytes: number): void {
    if (known >= wireBytes) return;
    this.#deliver(bytes, Math.min(start + known, end), end, wireBytes - known);
    this.#drain();
  }

  #drain(): void {
    while (this.#held.length > 0) {
      const first = this.#held[0]!;
      const known = (this.#next - first.sequence) | 0;
      if (known < 0) return;
      this.#held.shift();
      this.#give(first);
      if (known >= first.wireBytes) continue;
      this.#deliver(first.bytes, Math.min(known, first.bytes.length), first.bytes.length, first.wireBytes - known);
    }
  }

  #hold(sequence: number, bytes: Uint8Array, start: number, end: number, wireBytes: number, now: number): void {
    const place = this.#placeOf(sequence, wireBytes);
    if (place < 0) return;
    const cost = end - start + OVERHEAD_BYTES;
    while (this.#heldBytes + cost > MAX_HELD_BYTES && this.#held.length > 0) this.#skipHole(SkipReason.OVERFLOW);
    const distance = (sequence - this.#next) | 0;
    if (distance > 0 && this.#budget.take(cost)) {
      this.#heldBytes += cost;
      const segment = { sequence, bytes: copyOf(bytes, start, end), wireBytes, heldAt: now };
      if (this.#held === NONE) this.#held = [segment];
      else this.#held.splice(this.#placeOf(sequence, wireBytes), 0, segment);
      return;
    }
    if (distance > 0) this.#skipTo(sequence, SkipReason.OVERFLOW);
    this.#takeRest(Math.max(0, -distance), bytes, start, end, wireBytes);
  }

  /** Where a segment belongs among those held; -1 if one of them holds all of it. */
  #placeOf(sequence: number, wireBytes: number): number {
    let place = this.#held.length;
    while (place > 0 && ((this.#held[place - 1]!.sequence - sequence) | 0) > 0) place--;
    if (place === 0) return 0;
    const before = this.#held[place - 1]!;
    return ((before.sequence + before.wireBytes - sequence - wireBytes) | 0) >= 0 ? -1 : place;
  }

  /** Is told what the other side acknowledges: a hole before that will not be filled, because it has it. */
  acknowledged(sequence: number): void {
    while (this.#held.length > 0 && ((sequence - this.#held[0]!.sequence) | 0) >= 0 && this.isNear(sequence)) {
      this.#skipHole(SkipReason.LOST);
    }
  }

  /** Gives up holes that are older than `seconds`. */
  giveUp(now: number, seconds: number): void {
    while (this.#held.length > 0 && now - this.#held[0]!.heldAt > seconds) this.#skipHole(SkipReason.LOST);
  }

  /** Gives up all holes, whatever their age. */
  giveUpAll(): void {
    while (this.#held.length > 0) this.#skipHole(SkipReason.LOST);
  }

  #skipHole(reason: SkipReason): void {
    this.#skipTo(this.#held[0]!.sequence, reason);
    this.#drain();
  }

  #skipTo(sequence: number, reason: SkipReason): void {
    const missing = (sequence - this.#next) | 0;
    this.#next = sequence;
    this.#reader.skip(missing, reason);
  }

  /** Gives back what is held. */
  release(): void {
    this.#budget.give(this.#heldBytes);
    this.#heldBytes = 0;
    this.#held = NONE;
  }

  #give(segment: HeldSegment): void {
    const cost = segment.bytes.length + OVERHEAD_BYTES;
    this.#heldBytes -= cost;
    this.#budget.give(cost);
    if (this.#held.length === 0) this.#held = NONE;
  }
}

/** `slice` of a Buffer would be no copy. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, start, end);
}

/** Shared by all streams that hold nothing. */
const NONE: HeldSegment[] = [];
