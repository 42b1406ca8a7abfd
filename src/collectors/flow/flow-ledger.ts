import { Field, FlowRecord } from "./records/flow-record.ts";

/** Where a flow goes, as seen from our AS; in the order of its counters. */
export const FlowKind = { TRANSMIT: 0, RECEIVE: 1, TRANSIT: 2, INTERNAL: 3 } as const;
export type FlowKind = (typeof FlowKind)[keyof typeof FlowKind];
const KINDS = 4;
/** Counters of a set of labels: bytes and packets of each kind. */
export const SLOT_COUNTERS = 2 * KINDS;

/** The slot of what has no room of its own. */
export const OTHER_SLOT = 0;
const OTHER_TEXT = "other";

/** Labels that are numbers of ASes. */
const AS_FIELDS: ReadonlyMap<string, number> = new Map([
  ["as_src", Field.SOURCE_AS],
  ["as_dst", Field.DESTINATION_AS],
]);
const AS_BYTES = 4;

const FIRST_SLOTS = 256;
/** FNV-1a. */
const HASH_START = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

const decoder = new TextDecoder();

export interface FlowLedgerOptions {
  readonly ownAs: number;
  /** Keys of the records that make labels. */
  readonly labels: readonly string[];
  /** Most sets of labels that have counters of their own. */
  readonly maxSeries: number;
  /** Makes hashes differ from process to process. */
  readonly seed: number;
}

/**
 * Bytes and packets by set of labels. A set is known by its key, which holds its labels in order: the number of an AS
 * in four bytes, big-endian, or a text behind its length in one byte. Slots are given out on first use.
 */
export class FlowLedger {
  /** Keys whose text a record must bring. */
  readonly textKeys: readonly string[];
  /** Records that were counted under "other" for want of room. */
  otherRecords = 0;
  /** Records counted. */
  records = 0;
  counters = new Float64Array(FIRST_SLOTS * SLOT_COUNTERS);
  readonly #options: FlowLedgerOptions;
  /** By label: the field of its AS, or -1 - the index of its text. */
  readonly #sources: readonly number[];
  /** Which kinds a slot has seen, one bit each. */
  #seen = new Uint8Array(FIRST_SLOTS);
  #count = 1;
  #keys = new Uint8Array(FIRST_SLOTS * 16);
  #keyEnds = new Uint32Array(FIRST_SLOTS);
  #hashes = new Int32Array(FIRST_SLOTS);
  /** Hash table: slot + 1, or 0. Its size is a power of two, at least twice the slots. */
  #table = new Uint32Array(FIRST_SLOTS * 2);
  /** Where the key of the record at hand begins, behind all others; its end and hash. */
  #newKey = 0;
  #newKeyEnd = 0;
  #newHash = 0;

  constructor(options: FlowLedgerOptions) {
    this.#options = options;
    this.textKeys = options.labels.filter((label) => !AS_FIELDS.has(label));
    this.#sources = options.labels.map((label) => AS_FIELDS.get(label) ?? -1 - this.textKeys.indexOf(label));
    this.#keepOther();
  }

  /** Slots in use; the first is that of "other". */
  get count(): number {
    return this.#count;
  }

  /** Sets of labels that have counters of their own. */
  get series(): number {
    return this.#count - 1;
  }

  hasSeen(slot: number, kind: FlowKind): boolean {
    return (this.#seen[slot]! & (1 << kind)) !== 0;
  }

  /** Adds a record to its counters. What stays within our AS counts as sent and as internal. Hot. */
  add(record: FlowRecord): void {
    const slot = this.#slotOf(record);
    const { ownAs } = this.#options;
    this.records++;
    if (record.sourceAs === ownAs) {
      this.#addTo(slot, FlowKind.TRANSMIT, record);
      if (record.destinationAs === ownAs) this.#addTo(slot, FlowKind.INTERNAL, record);
    } else {
      this.#addTo(slot, record.destinationAs === ownAs ? FlowKind.RECEIVE : FlowKind.TRANSIT, record);
    }
  }

  /** The labels of a slot in order: numbers of ASes, and texts. All of "other" are texts. */
  labelsOf(slot: number): (number | string)[] {
    if (slot === OTHER_SLOT) return this.#sources.map(() => OTHER_TEXT);
    const keys = this.#keys;
    let at = this.#keyEnds[slot - 1]!;
    return this.#sources.map((source) => {
      if (source >= 0) {
        at += AS_BYTES;
        return ((keys[at - 4]! << 24) | (keys[at - 3]! << 16) | (keys[at - 2]! << 8) | keys[at - 1]!) >>> 0;
      }
      const length = keys[at]!;
      at += 1 + length;
      return decoder.decode(keys.subarray(at - length, at));
    });
  }

  #addTo(slot: number, kind: FlowKind, record: FlowRecord): void {
    const at = slot * SLOT_COUNTERS + 2 * kind;
    this.counters[at]! += record.bytes;
    this.counters[at + 1]! += record.packets;
    this.#seen[slot]! |= 1 << kind;
  }

  /** Finds the slot of the record's labels, or gives one out. */
  #slotOf(record: FlowRecord): number {
    this.#writeKey(record);
    const mask = this.#table.length - 1;
    for (let place = this.#newHash & mask; ; place = (place + 1) & mask) {
      const slot = this.#table[place]! - 1;
      if (slot < 0) return this.#append(place);
      if (this.#hashes[slot] === this.#newHash && this.#isKeyOf(slot)) return slot;
    }
  }

  /** Writes the record's key behind those that are kept, where it stays if it is new. */
  #writeKey(record: FlowRecord): void {
    const { text, starts, ends, numbers } = record;
    let at = this.#newKey;
    this.#reserve(record);
    const keys = this.#keys;
    let hash = HASH_START ^ this.#options.seed;
    for (const source of this.#sources) {
      if (source >= 0) {
        const number = numbers[source]!;
        for (let shift = 24; shift >= 0; shift -= 8) {
          const byte = (number >>> shift) & 0xff;
          keys[at++] = byte;
          hash = Math.imul(hash ^ byte, HASH_PRIME);
        }
        continue;
      }
      const start = starts[-1 - source]!;
      const end = ends[-1 - source]!;
      keys[at++] = end - start;
      hash = Math.imul(hash ^ (end - start), HASH_PRIME);
      for (let k = start; k < end; k++) {
        keys[at++] = text[k]!;
        hash = Math.imul(hash ^ text[k]!, HASH_PRIME);
      }
    }
    this.#newKeyEnd = at;
    this.#newHash = hash ^ (hash >>> 15);
  }

  #reserve(record: FlowRecord): void {
    let bytes = this.#newKey + this.#sources.length * AS_BYTES;
    for (let k = 0; k < record.ends.length; k++) bytes += record.ends[k]! - record.starts[k]!;
    if (bytes > this.#keys.length) this.#keys = grown(this.#keys, Math.max(bytes, this.#keys.length * 2));
  }

  #isKeyOf(slot: number): boolean {
    const keys = this.#keys;
    const start = slot === 0 ? 0 : this.#keyEnds[slot - 1]!;
    const length = this.#newKeyEnd - this.#newKey;
    if (this.#keyEnds[slot]! - start !== length) return false;
    for (let k = 0; k < length; k++) if (keys[start + k] !== keys[this.#newKey + k]) return false;
    return true;
  }

  #append(place: number): number {
    if (this.series >= this.#options.maxSeries) {
      this.otherRecords++;
      return OTHER_SLOT;
    }
    const slot = this.#count++;
    if (slot === this.#seen.length) this.#grow();
    this.#keep(slot);
    if (this.#count * 2 > this.#table.length) this.#rehash();
    else this.#table[place] = slot + 1;
    return slot;
  }

  #keep(slot: number): void {
    this.#keyEnds[slot] = this.#newKeyEnd;
    this.#hashes[slot] = this.#newHash;
    this.#newKey = this.#newKeyEnd;
  }

  #grow(): void {
    const slots = this.#seen.length * 2;
    this.#seen = grown(this.#seen, slots);
    this.#hashes = grown(this.#hashes, slots);
    this.#keyEnds = grown(this.#keyEnds, slots);
    this.counters = grown(this.counters, slots * SLOT_COUNTERS);
  }

  #rehash(): void {
    const table = new Uint32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let slot = 0; slot < this.#count; slot++) {
      let place = this.#hashes[slot]! & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = slot + 1;
    }
    this.#table = table;
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
    this.#keep(OTHER_SLOT);
    this.#table[this.#newHash & (this.#table.length - 1)] = OTHER_SLOT + 1;
  }
}

function grown<T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(length);
  larger.set(array);
  return larger;
}
