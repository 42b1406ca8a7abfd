import { grown } from "../../grown-array.ts";
import { Leavers } from "../../ledger/quota/leavers.ts";
import { KeyWriter } from "./key-writer.ts";
import { FlowRecord } from "./records/flow-record.ts";

/** The slot of what has no room of its own; each of its labels is this text. */
export const OTHER_SLOT = 0;
const OTHER_TEXT = "other";
/** Stands for the slot of labels that have none. */
export const NO_SLOT = -1;

const FIRST_SLOTS = 256;
const FIRST_BYTES = FIRST_SLOTS * 16;

/** Sets of labels, and the slot of each. A set is known by its key, see KeyWriter. */
export class LabelSets {
  /** Keys whose text a record must bring. */
  readonly textKeys: readonly string[];
  readonly #writer: KeyWriter;
  /** One more than the highest slot that was ever given to a set. */
  #count = 0;
  /** Keys, as they came; [start, end) is that of a slot. */
  #keys = new Uint8Array(FIRST_BYTES);
  #starts = new Uint32Array(FIRST_SLOTS);
  #ends = new Uint32Array(FIRST_SLOTS);
  #hashes = new Int32Array(FIRST_SLOTS);
  /** How often a slot was given to a set. */
  #editions = new Uint32Array(FIRST_SLOTS);
  /** Hash table: slot + 1, or 0. Its size is a power of two, at least twice the slots. */
  #table = new Uint32Array(FIRST_SLOTS * 2);
  /** Keys that lost their slot. */
  readonly #leavers = new Leavers<string>();
  /** Bytes of keys that no slot has any more. */
  #stale = 0;
  /** Where the key that was last looked for begins, behind all others; its end and hash. */
  #newKey = 0;
  #newKeyEnd = 0;
  #newHash = 0;

  constructor(labels: readonly string[]) {
    this.#writer = new KeyWriter(labels);
    this.textKeys = this.#writer.textKeys;
    this.#keepOther();
  }

  /** The slot of a record's labels, or NO_SLOT: then they may be given one by `keep`. Hot. */
  find(record: FlowRecord): number {
    this.#writeKey(record);
    const mask = this.#table.length - 1;
    for (let place = this.#newHash & mask; ; place = (place + 1) & mask) {
      const slot = this.#table[place]! - 1;
      if (slot < 0) return NO_SLOT;
      if (this.#hashes[slot] === this.#newHash && this.#isKeyOf(slot)) return slot;
    }
  }

  /** A page begins: what lost its slot before is not on it. */
  beginPage(): void {
    this.#leavers.beginPage();
  }

  /** Whether the set that was last looked for lost its slot and no page was without it since. */
  get isLeaving(): boolean {
    return !this.#leavers.isEmpty && this.#leavers.has(this.#textOf(this.#newKey, this.#newKeyEnd));
  }

  /** Gives a slot that no set has to the one that was last looked for. */
  keep(slot: number): void {
    if (slot >= this.#starts.length) this.#grow();
    this.#count = Math.max(this.#count, slot + 1);
    this.#starts[slot] = this.#newKey;
    this.#ends[slot] = this.#newKeyEnd;
    this.#hashes[slot] = this.#newHash;
    this.#editions[slot]!++;
    this.#newKey = this.#newKeyEnd;
    if (this.#count * 2 > this.#table.length) this.#rehash();
    else this.#enter(slot);
    if (this.#stale > FIRST_BYTES && this.#stale * 2 > this.#newKey) this.#compact();
  }

  /** Takes a slot from its set. */
  forget(slot: number): void {
    this.#leavers.add(this.#textOf(this.#starts[slot]!, this.#ends[slot]!));
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hashes[slot]! & mask;
    while (table[hole] !== slot + 1) hole = (hole + 1) & mask;
    // What stands behind moves up, unless it would be before where it is looked for.
    for (let place = (hole + 1) & mask; table[place] !== 0; place = (place + 1) & mask) {
      const home = this.#hashes[table[place]! - 1]! & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      table[hole] = table[place]!;
      hole = place;
    }
    table[hole] = 0;
    this.#stale += this.#ends[slot]! - this.#starts[slot]!;
    this.#ends[slot] = this.#starts[slot]!;
  }

  /** Changes whenever a slot is given to a set. */
  editionOf(slot: number): number {
    return this.#editions[slot]!;
  }

  /** The labels of a slot in order: numbers of ASes, and texts. All of "other" are texts; a slot of no set has none. */
  labelsOf(slot: number): (number | string)[] {
    if (slot === OTHER_SLOT) return Array<string>(this.#writer.labels).fill(OTHER_TEXT);
    const start = this.#starts[slot]!;
    return this.#ends[slot] === start ? [] : this.#writer.read(this.#keys, start);
  }

  /** Writes a record's key behind those that are kept, where it stays if it is new. */
  #writeKey(record: FlowRecord): void {
    const bytes = this.#newKey + this.#writer.maxBytes(record);
    if (bytes > this.#keys.length) this.#keys = grown(this.#keys, bytes);
    this.#newKeyEnd = this.#writer.write(record, this.#keys, this.#newKey);
    this.#newHash = this.#writer.hash;
  }

  /** No key is the beginning of another: where it ends need not be known. */
  #isKeyOf(slot: number): boolean {
    const keys = this.#keys;
    const newKey = this.#newKey;
    const start = this.#starts[slot]!;
    const length = this.#newKeyEnd - newKey;
    for (let k = 0; k < length; k++) if (keys[start + k] !== keys[newKey + k]) return false;
    return true;
  }

  /** A key as a text: a byte is a character. */
  #textOf(start: number, end: number): string {
    return Buffer.from(this.#keys.buffer, start, end - start).toString("latin1");
  }

  #grow(): void {
    this.#starts = grown(this.#starts);
    this.#ends = grown(this.#ends);
    this.#hashes = grown(this.#hashes);
    this.#editions = grown(this.#editions);
  }

  #rehash(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let slot = 0; slot < this.#count; slot++) if (this.#ends[slot]! > this.#starts[slot]!) this.#enter(slot);
  }

  #enter(slot: number): void {
    const mask = this.#table.length - 1;
    let place = this.#hashes[slot]! & mask;
    while (this.#table[place] !== 0) place = (place + 1) & mask;
    this.#table[place] = slot + 1;
  }

  /** Moves the keys of all slots together. */
  #compact(): void {
    const before = this.#keys;
    const keys = new Uint8Array(before.length);
    let end = 0;
    for (let slot = 0; slot < this.#count; slot++) {
      const from = this.#starts[slot]!;
      const to = this.#ends[slot]!;
      this.#starts[slot] = end;
      for (let at = from; at < to; at++) keys[end++] = before[at]!;
      this.#ends[slot] = end;
    }
    this.#keys = keys;
    this.#newKey = end;
    this.#stale = 0;
  }

  /**
   * A record may say "other" in each of its labels, and must find the slot that has these labels then. The number that
   * stands for ASes here, 4294967295, belongs to none (RFC 7300).
   */
  #keepOther(): void {
    const record = new FlowRecord(this.textKeys, false);
    record.clear(Buffer.from(OTHER_TEXT));
    record.ends.fill(OTHER_TEXT.length);
    this.#writeKey(record);
    this.keep(OTHER_SLOT);
  }
}
