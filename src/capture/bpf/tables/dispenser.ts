import { DISPENSER, QUEUE_ENTRY_BYTES } from "../layout.ts";

const MAX_QUEUE = 16_384;
const MIN_QUEUE = 64;
/** Of the numbers there are, so many can be given back at a time. */
const QUEUE_SHARE = 1 / 4;

/** How many numbers can wait to be given out again: a power of two. */
export function queueLength(numbers: number): number {
  const wanted = Math.min(MAX_QUEUE, Math.max(MIN_QUEUE, numbers * QUEUE_SHARE));
  return 2 ** Math.floor(Math.log2(wanted));
}

/** Where a dispenser stands in the value of a map, and what it gives out: numbers below `capacity`. */
export interface DispenserPlace {
  readonly offset: number;
  readonly capacity: number;
  /** 2^n. */
  readonly queue: number;
}

export function dispenserBytes({ queue }: DispenserPlace): number {
  return DISPENSER.QUEUE + queue * QUEUE_ENTRY_BYTES;
}

/**
 * Numbers that programs take and we take back. A program takes a ticket, which is one more than the last. Below the
 * capacity a ticket is the number itself; then it is a place in the queue, counted round and round, where a number waits
 * that was given back:
 *
 *     | next ticket | end of tickets | queue: number | number | ... |
 *
 * So a program takes a number in one locked step, and nothing is locked here. A program that finds the end takes none;
 * several may do so with the last ticket, and what is theirs then is nobody's: `pending` tells.
 */
export class Dispenser {
  readonly #place: DispenserPlace;
  readonly #tickets: BigUint64Array;
  readonly #queue: Uint32Array;

  /** `memory`: of the value that it stands in. The first ticket is `first`. */
  constructor(memory: ArrayBuffer, place: DispenserPlace, first: number) {
    this.#place = place;
    this.#tickets = new BigUint64Array(memory, place.offset, 2);
    this.#queue = new Uint32Array(memory, place.offset + DISPENSER.QUEUE, place.queue);
    this.#tickets[0] = BigInt(first);
    this.#tickets[1] = BigInt(place.capacity);
  }

  /** The next ticket. */
  get next(): number {
    return Number(Atomics.load(this.#tickets, 0));
  }

  get #end(): number {
    return Number(this.#tickets[1]!);
  }

  /** One more than the highest number that was ever given out. */
  get highest(): number {
    return Math.min(this.next, this.#place.capacity);
  }

  /** Numbers that can be taken. */
  get left(): number {
    return Math.max(0, this.#end - this.next);
  }

  /** The numbers that wait to be taken, as far as tickets were not taken meanwhile. */
  *pending(): Generator<number> {
    const end = this.#end;
    for (let ticket = this.next; ticket < end; ticket++) yield this.#numberOf(ticket);
  }

  /**
   * How many numbers can be given back, if no program is running any more that took a ticket before `next`: it may not
   * have looked up yet what stands in its place.
   */
  room(next: number): number {
    return this.#place.queue - Math.max(0, this.#end - Math.max(next, this.#place.capacity));
  }

  /** Gives numbers back, for which there is room, and which are nobody's. */
  give(numbers: readonly number[]): void {
    let end = Math.max(this.#end, this.next);
    for (const number of numbers) this.#queue[end++ & (this.#place.queue - 1)] = number;
    // Programs see the end after what stands before it.
    Atomics.store(this.#tickets, 1, BigInt(end));
  }

  #numberOf(ticket: number): number {
    return ticket < this.#place.capacity ? ticket : this.#queue[ticket & (this.#place.queue - 1)]!;
  }
}
