import { grown } from "../../grown-array.ts";
import { nameHash } from "./name-hash.ts";

const INITIAL_NAMES = 64;
const INITIAL_BYTES = 1024;
/** What stands for no name. */
export const NO_NAME = -1;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Texts in UTF-8, one behind the other. */
export interface Texts {
  readonly bytes: Uint8Array;
  /** Where each ends, and the next begins. */
  readonly ends: Uint32Array;
  /** What nameHash says of each. */
  readonly hashes: Uint32Array;
}

/**
 * Names by number, in UTF-8: a million of them are a few arrays instead of a million objects. They are numbered as they
 * come; the number of a name that is gone is given to the next that is new.
 */
export class Names {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #starts = new Uint32Array(INITIAL_NAMES);
  #ends = new Uint32Array(INITIAL_NAMES);
  #hashes = new Uint32Array(INITIAL_NAMES);
  /** One more than the number of a name, from the place on that its hash says; 0 ends a search. Half of them, or more. */
  #places = new Uint32Array(2 * INITIAL_NAMES);
  #count = 0;
  readonly #free: number[] = [];
  /** Where the next name goes. */
  #end = 0;
  /** Bytes of names that are gone. */
  #stale = 0;

  /** `unlisted`: names of the first numbers, which are not found by them. */
  constructor(unlisted: readonly string[] = []) {
    for (const name of unlisted) {
      const bytes = encoder.encode(name);
      this.#put(this.#count++, bytes, 0, bytes.length);
    }
  }

  /** One more than the highest number. */
  get count(): number {
    return this.#count;
  }

  /** Numbers that are nobody's. */
  get free(): number {
    return this.#free.length;
  }

  /** Replaced by another array when a name is added. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  start(number: number): number {
    return this.#starts[number]!;
  }

  end(number: number): number {
    return this.#ends[number]!;
  }

  text(number: number): string {
    return decoder.decode(this.#bytes.subarray(this.start(number), this.end(number)));
  }

  /** The number of the name bytes[from, to), or NO_NAME. `hash`: that of nameHash. */
  find(bytes: Uint8Array, from: number, to: number, hash = nameHash(bytes, from, to)): number {
    const mask = this.#places.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const number = this.#places[place]! - 1;
      if (number < 0) return NO_NAME;
      if (this.#hashes[number] === hash && this.#isNamed(number, bytes, from, to)) return number;
    }
  }

  /** Adds the name bytes[from, to), which there must not be; returns its number. */
  add(bytes: Uint8Array, from: number, to: number, hash = nameHash(bytes, from, to)): number {
    const number = this.#free.pop() ?? this.#count++;
    this.#put(number, bytes, from, to);
    this.#hashes[number] = hash;
    this.reserve(this.#count);
    this.#place(number);
    return number;
  }

  /** Makes room for so many names: then it is not made again and again. */
  reserve(names: number): void {
    let places = this.#places.length;
    while (names * 2 > places) places *= 2;
    if (places > this.#places.length) this.#spread(places);
  }

  /** Takes the name from a number. */
  remove(number: number): void {
    const mask = this.#places.length - 1;
    let hole = this.#hashes[number]! & mask;
    while (this.#places[hole] !== number + 1) hole = (hole + 1) & mask;
    // What is behind moves up, unless a search for it begins behind the hole.
    for (let at = (hole + 1) & mask; this.#places[at] !== 0; at = (at + 1) & mask) {
      const first = this.#hashes[this.#places[at]! - 1]! & mask;
      if (((at - first) & mask) < ((at - hole) & mask)) continue;
      this.#places[hole] = this.#places[at]!;
      hole = at;
    }
    this.#places[hole] = 0;
    this.#stale += this.end(number) - this.start(number);
    this.#ends[number] = this.start(number);
    this.#free.push(number);
  }

  /** Gives up the highest numbers that are nobody's; of the others, the lowest are given out first. */
  tidy(): void {
    const isFree = new Uint8Array(this.#count);
    for (const number of this.#free) isFree[number] = 1;
    while (isFree[this.#count - 1] === 1) this.#count--;
    this.#free.length = 0;
    for (let number = this.#count - 1; number >= 0; number--) if (isFree[number] === 1) this.#free.push(number);
  }

  /** All names, in arrays of their own, if none was removed. */
  texts(): Texts {
    const count = this.#count;
    const [ends, hashes] = [this.#ends.slice(0, count), this.#hashes.slice(0, count)];
    return { bytes: this.#bytes.slice(0, this.#end), ends, hashes };
  }

  #isNamed(number: number, bytes: Uint8Array, from: number, to: number): boolean {
    const own = this.#bytes;
    let at = this.#starts[number]!;
    if (this.#ends[number]! - at !== to - from) return false;
    for (let k = from; k < to; k++) if (own[at++] !== bytes[k]) return false;
    return true;
  }

  #put(number: number, bytes: Uint8Array, from: number, to: number): void {
    if (number >= this.#ends.length) {
      this.#starts = grown(this.#starts);
      this.#ends = grown(this.#ends);
      this.#hashes = grown(this.#hashes);
    }
    if (this.#end + to - from > this.#bytes.length) this.#makeRoom(to - from);
    let at = this.#end;
    this.#starts[number] = at;
    for (let k = from; k < to; k++) this.#bytes[at++] = bytes[k]!;
    this.#ends[number] = at;
    this.#end = at;
  }

  /** Moves all names to another array: a larger one, unless half of this one is stale. */
  #makeRoom(bytes: number): void {
    const before = this.#bytes;
    const isEnough = this.#stale * 2 >= before.length && bytes <= this.#stale;
    if (!isEnough) {
      this.#bytes = grown(before, this.#end + bytes);
      return;
    }
    this.#bytes = new Uint8Array(before.length);
    this.#end = 0;
    this.#stale = 0;
    for (let number = 0; number < this.#count; number++) {
      this.#put(number, before, this.start(number), this.end(number));
    }
  }

  #place(number: number): void {
    const mask = this.#places.length - 1;
    let place = this.#hashes[number]! & mask;
    while (this.#places[place] !== 0) place = (place + 1) & mask;
    this.#places[place] = number + 1;
  }

  #spread(places: number): void {
    const before = this.#places;
    this.#places = new Uint32Array(places);
    for (const place of before) if (place !== 0) this.#place(place - 1);
  }
}

let scratch = new Uint8Array(1024);

/** The text in UTF-8, in memory that is good until the next one. */
export function encoded(text: string): Uint8Array {
  if (text.length * 3 > scratch.length) scratch = new Uint8Array(text.length * 3);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}
