import { FIELD_KEYS, type FlowRecord, MAX_TEXT_LENGTH } from "./flow-record.ts";

const TAB = 0x09;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const TILDE = 0x7e;

/** Digits that make a whole number for sure. */
const MAX_DIGITS = 15;
/** Key of what tells marks from records. */
const EVENT_KEY = "event_type";
const MARKS = ["purge_init", "purge_close"].map((mark) => Buffer.from(mark));

/** What is known of a key; -1 if it is none of the kind. */
interface KnownKey {
  readonly bytes: Uint8Array;
  readonly field: number;
  readonly text: number;
  readonly isEvent: boolean;
}

/** Slots of the table of known keys: a power of two, many times the keys. */
const TABLE_SLOTS = 256;

/**
 * Reads JSON objects as pmacct writes them: flat, on one line, with whole numbers and plain ASCII in strings. Of
 * anything else it only says that it is not for it, so that what it reads is just what JSON.parse would read, ten times
 * faster: no object and no string is made.
 */
export class FlatScanner {
  readonly #record: FlowRecord;
  readonly #table: (KnownKey | undefined)[] = Array.from({ length: TABLE_SLOTS });
  /** Where the string ends that `#string` read. */
  #stringEnd = 0;
  #number = 0;

  constructor(record: FlowRecord) {
    this.#record = record;
    for (const key of new Set<string>([...FIELD_KEYS, ...record.keys, EVENT_KEY])) {
      const bytes = Buffer.from(key);
      let slot = slotOf(bytes, 0, bytes.length);
      while (this.#table[slot] !== undefined) slot = (slot + 1) % TABLE_SLOTS;
      this.#table[slot] = {
        bytes,
        field: FIELD_KEYS.findIndex((each) => each === key),
        text: record.keys.indexOf(key),
        isEvent: key === EVENT_KEY,
      };
    }
  }

  /** Reads the object at data[start] into the record. Returns where it ends, or -1 if it is not for us. Hot. */
  scan(data: Uint8Array, start: number, end: number): number {
    if (data[start] !== OPEN) return -1;
    this.#record.clear(data);
    let at = skipSpace(data, start + 1, end);
    if (data[at] === CLOSE && at < end) return at + 1;
    while (at < end) {
      if (data[at] !== QUOTE) return -1;
      const keyStart = at + 1;
      at = this.#string(data, keyStart, end);
      if (at < 0) return -1;
      const known = this.#find(data, keyStart, this.#stringEnd);
      at = skipSpace(data, at, end);
      if (data[at] !== COLON) return -1;
      at = this.#value(data, skipSpace(data, at + 1, end), end, known);
      if (at < 0) return -1;
      at = skipSpace(data, at, end);
      if (at >= end) return -1;
      if (data[at] === CLOSE) return at + 1;
      if (data[at] !== COMMA) return -1;
      at = skipSpace(data, at + 1, end);
    }
    return -1;
  }

  /** Reads a value and keeps what is asked for of it. Returns where it ends, or -1. */
  #value(data: Uint8Array, at: number, end: number, known: KnownKey | undefined): number {
    const isString = data[at] === QUOTE;
    const start = isString ? at + 1 : at;
    const next = isString ? this.#string(data, start, end) : this.#integer(data, start, end);
    if (next < 0 || next >= end) return -1;
    if (known === undefined) return next;
    const stop = isString ? this.#stringEnd : next;
    const record = this.#record;
    if (known.field >= 0) {
      // A number in quotes is one, if there is nothing else in them.
      if (isString && this.#integer(data, start, stop) !== stop) return -1;
      record.numbers[known.field] = this.#number;
    }
    if (known.text >= 0) {
      if (stop - start > MAX_TEXT_LENGTH) return -1;
      record.starts[known.text] = start;
      record.ends[known.text] = stop;
    }
    if (known.isEvent) record.isMarker = isString && MARKS.some((mark) => isEqual(mark, data, start, stop));
    return next;
  }

  /** Reads a string from behind its first quote. Returns where to go on behind the last, or -1. */
  #string(data: Uint8Array, at: number, end: number): number {
    for (; at < end; at++) {
      const byte = data[at]!;
      if (byte === QUOTE) {
        this.#stringEnd = at;
        return at + 1;
      }
      if (byte < SPACE || byte > TILDE || byte === BACKSLASH) return -1;
    }
    return -1;
  }

  /** Reads digits. Returns where they end, or -1 if they are none, too many, or begin with a zero. */
  #integer(data: Uint8Array, start: number, end: number): number {
    let value = 0;
    let at = start;
    for (; at < end; at++) {
      const byte = data[at]!;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + byte - ZERO;
    }
    const digits = at - start;
    if (digits === 0 || digits > MAX_DIGITS || (digits > 1 && data[start] === ZERO)) return -1;
    this.#number = value;
    return at;
  }

  #find(data: Uint8Array, start: number, end: number): KnownKey | undefined {
    if (start === end) return undefined;
    for (let slot = slotOf(data, start, end); ; slot = (slot + 1) % TABLE_SLOTS) {
      const known = this.#table[slot];
      if (known === undefined || isEqual(known.bytes, data, start, end)) return known;
    }
  }
}

/** By the length, the first and the last byte: pmacct's keys rarely share all three. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  return ((end - start) * 31 + bytes[start]! * 7 + bytes[end - 1]! * 3) % TABLE_SLOTS;
}

function isEqual(known: Uint8Array, data: Uint8Array, start: number, end: number): boolean {
  if (end - start !== known.length) return false;
  for (let k = 0; k < known.length; k++) if (known[k] !== data[start + k]) return false;
  return true;
}

function skipSpace(data: Uint8Array, at: number, end: number): number {
  while (at < end && (data[at] === SPACE || data[at] === TAB || data[at] === RETURN)) at++;
  return at;
}
