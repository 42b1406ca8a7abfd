import { inflateSync } from "node:zlib";
import type { MemoryBudget } from "../streams/memory-budget.ts";

/*
 * A compressed packet, "Data Compression" of Wialon IPS 2.0:
 *
 *     | 0xff | length (2 bytes, little-endian) | zlib data (RFC 1950) |
 *
 * The text of version 1.1 calls the length big-endian; its own example has it the other way.
 */
export const CONTAINER_MARK = 0xff;
const LENGTH_BYTES = 2;

/** What compressed data may grow to: a black box of 5,000 points, the most there are, in 200 bytes each. */
export const MAX_INFLATED_BYTES = 1_000_000;

/** How many times larger it may become: points of a tracker that stands still come to 40, a bomb to 1,000. */
const MAX_GROWTH = 100;
/** What may be gained besides, in few bytes. */
const GROWTH_BYTES = 4096;

/** A container should hold one packet; more are read, but not so many that they hold up everything else. */
export const MAX_UNPACKED_PACKETS = 5_000;

/** Why a compressed packet could not be read: it is none, it unpacks to too much, it was not seen or not kept whole. */
export const CONTAINER_FAULTS = ["corrupt", "too_large", "lost", "overflow"] as const;
export type ContainerFault = (typeof CONTAINER_FAULTS)[number];

/** One compressed packet, from its length on. Is kept only if it comes in pieces. */
export class Container {
  readonly #budget: MemoryBudget;
  #lengthBytes = 0;
  #length = 0;
  #taken = 0;
  #first = 0;
  #kept: Uint8Array | undefined;
  #fault: ContainerFault | undefined;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** Bytes of data, by what its length says. */
  get length(): number {
    return this.#length;
  }

  begin(): void {
    this.#lengthBytes = 0;
    this.#length = 0;
    this.#taken = 0;
    this.#fault = undefined;
  }

  /** Reads bytes[at, end) as far as it goes; returns where it stopped. */
  take(bytes: Uint8Array, at: number, end: number): number {
    while (this.#lengthBytes < LENGTH_BYTES && at < end) this.#length |= bytes[at++]! << (8 * this.#lengthBytes++);
    const stop = Math.min(end, at + this.#length - this.#taken);
    if (stop === at) return at;
    if (this.#taken < 2 && !this.#isLikely(bytes, at, stop)) {
      this.#fault = "corrupt";
      return at + 2 - this.#taken;
    }
    if (stop - at < this.#length && this.#fault === undefined) this.#keep(bytes, at, stop);
    this.#taken += stop - at;
    return stop;
  }

  /** Judges the first two bytes of data: a byte that only looks like the mark would hide much of what follows. */
  #isLikely(bytes: Uint8Array, at: number, stop: number): boolean {
    if (this.#taken === 0) this.#first = bytes[at]!;
    const second = at + 1 - this.#taken;
    return second >= stop || beginsZlib(this.#first, bytes[second]!);
  }

  #keep(bytes: Uint8Array, at: number, stop: number): void {
    if (this.#kept === undefined) {
      if (this.#budget.take(this.#length)) this.#kept = new Uint8Array(this.#length);
      else this.#fault = "overflow";
    }
    this.#kept?.set(bytes.subarray(at, stop), this.#taken);
  }

  /** Goes on behind bytes that were not seen; false if they are more than are missing. */
  skip(byteCount: number): boolean {
    if (this.#lengthBytes < LENGTH_BYTES || byteCount > this.#length - this.#taken) return false;
    this.#taken += byteCount;
    this.#fault ??= "lost";
    return true;
  }

  /** Whether nothing more belongs to it. */
  get isComplete(): boolean {
    return this.#fault === "corrupt" || (this.#lengthBytes === LENGTH_BYTES && this.#taken === this.#length);
  }

  /** Unpacks what is complete; its last piece ends at bytes[end]. */
  unpack(bytes: Uint8Array, end: number): Uint8Array | ContainerFault {
    if (this.#fault !== undefined) return this.#fault;
    return inflate(this.#kept ?? bytes.subarray(end - this.#length, end));
  }

  /** Gives back what was kept. */
  close(): void {
    if (this.#kept !== undefined) this.#budget.give(this.#kept.length);
    this.#kept = undefined;
  }
}

function inflate(data: Uint8Array): Uint8Array | ContainerFault {
  try {
    const maxOutputLength = Math.min(MAX_INFLATED_BYTES, MAX_GROWTH * data.length + GROWTH_BYTES);
    return inflateSync(data, { maxOutputLength });
  } catch (error) {
    const isTooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return isTooLarge ? "too_large" : "corrupt";
  }
}

/** Whether the two bytes can begin zlib data (RFC 1950, section 2.2): deflate, and a multiple of 31. */
function beginsZlib(first: number, second: number): boolean {
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}
