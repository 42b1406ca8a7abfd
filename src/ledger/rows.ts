import { grown } from "../grown-array.ts";
import { PROTOCOL_COLUMNS } from "../packet/protocols.ts";

/** Direction of a packet as seen from an address in a range: it sent the packet, or it received it. */
export const Direction = { TX: 0, RX: 1 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/*
 * A row: what one address (or rolled-up network, or the `other` of a set of labels) has on one interface. It holds the
 * slots of its histograms, 0 if there is none yet.
 *
 *     | tx: other icmp igmp tcp ... icmpv6 | rx: other icmp igmp tcp ... icmpv6 |
 */
export const ROW_CELLS = 2 * PROTOCOL_COLUMNS;
/** First cell of the received packets. */
export const RX_CELLS = Direction.RX * PROTOCOL_COLUMNS;
const INITIAL_ROWS = 64;
const WORDS = 4;

/** What a row is for. */
const Kind = { NOTHING: 0, ADDRESS: 1, OTHER: 2 } as const;

/** The rows of one interface, in the order in which they were first needed. */
export class Rows {
  #count = 0;
  /** Rows that are for nothing, and can be given out again. */
  readonly #free: number[] = [];
  #slots = new Uint32Array(INITIAL_ROWS * ROW_CELLS);
  #ranges = new Uint32Array(INITIAL_ROWS);
  #addresses = new Int32Array(INITIAL_ROWS * WORDS);
  #kinds = new Uint8Array(INITIAL_ROWS);
  /** Row → how often it was given out and taken back. */
  #editions = new Uint32Array(INITIAL_ROWS);

  /** One more than the highest row. */
  get count(): number {
    return this.#count;
  }

  /** Rows that are for something. */
  get used(): number {
    return this.#count - this.#free.length;
  }

  /** Adds the row of an address, or the one of all refused addresses (`isOther`). */
  add(range: number, isOther: boolean, word0: number, word1: number, word2: number, word3: number): number {
    if (this.#free.length === 0 && this.#count === this.#ranges.length) this.#grow();
    const row = this.#free.pop() ?? this.#count++;
    this.#editions[row]!++;
    this.#ranges[row] = range;
    this.#kinds[row] = isOther ? Kind.OTHER : Kind.ADDRESS;
    const at = row * WORDS;
    this.#addresses[at] = word0;
    this.#addresses[at + 1] = word1;
    this.#addresses[at + 2] = word2;
    this.#addresses[at + 3] = word3;
    return row;
  }

  /** Takes back the row of an address, all of whose slots are gone. */
  remove(row: number): void {
    this.#kinds[row] = Kind.NOTHING;
    this.#editions[row]!++;
    this.#free.push(row);
  }

  /** Whether the row is for something. */
  isUsed(row: number): boolean {
    return this.#kinds[row] !== Kind.NOTHING;
  }

  /** Another number as soon as the row is for something else, or for nothing. */
  editionOf(row: number): number {
    return this.#editions[row]!;
  }

  /** Index of the range whose labels the row carries. */
  rangeOf(row: number): number {
    return this.#ranges[row]!;
  }

  /** Whether the row gathers the addresses that were refused one of their own. */
  isOther(row: number): boolean {
    return this.#kinds[row] === Kind.OTHER;
  }

  /** Whether the row is for an address, or a network. */
  isAddress(row: number): boolean {
    return this.#kinds[row] === Kind.ADDRESS;
  }

  /** Unsigned word `k` of the row's address, highest first; IPv4 has word 0 alone. */
  addressWord(row: number, k: number): number {
    return this.#addresses[row * WORDS + k]! >>> 0;
  }

  /** The slot in cell `cell` (direction × PROTOCOL_COLUMNS + column), or 0 if nothing was counted. Hot. */
  slotOf(row: number, cell: number): number {
    return this.#slots[row * ROW_CELLS + cell]!;
  }

  setSlot(row: number, cell: number, slot: number): void {
    this.#slots[row * ROW_CELLS + cell] = slot;
  }

  #grow(): void {
    this.#slots = grown(this.#slots);
    this.#ranges = grown(this.#ranges);
    this.#addresses = grown(this.#addresses);
    this.#kinds = grown(this.#kinds);
    this.#editions = grown(this.#editions);
  }
}
