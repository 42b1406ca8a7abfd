import { FlatScanner } from "./flat-scanner.ts";
import { FIELD_KEYS, FlowRecord, MAX_TEXT_LENGTH, MISSING, NEGATIVE, NOT_A_NUMBER, Verdict } from "./flow-record.ts";

/** Where the records go. */
export interface FlowSink {
  /** The record is good until this returns. Hot. */
  flow(record: FlowRecord): void;
  /** What is no flow, and why. */
  refused(verdict: Verdict): void;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EVENT_KEY = "event_type";
const MARKS = ["purge_init", "purge_close"];

/** What Node lets one string hold is far more than a message of Kafka; a text this long is no record. */
const MAX_LINE_LENGTH = 16 * 2 ** 20;

/**
 * Reads messages as pmacct writes them: one JSON object, several of them a line each (kafka_multi_values), or an array
 * of them.
 */
export class FlowReader {
  readonly #record: FlowRecord;
  readonly #scanner: FlatScanner;
  readonly #sink: FlowSink;
  /** Texts of a record that the scanner leaves to JSON.parse. */
  readonly #text: Buffer;

  /** `keys`: of the values whose text is asked for. */
  constructor(keys: readonly string[], appliesSampling: boolean, sink: FlowSink) {
    this.#record = new FlowRecord(keys, appliesSampling);
    this.#scanner = new FlatScanner(this.#record);
    this.#sink = sink;
    this.#text = Buffer.alloc(keys.length * MAX_TEXT_LENGTH);
  }

  /** Reads the message data[start, end). Hot. */
  read(data: Buffer, start: number, end: number): void {
    let at = skipBlank(data, start, end);
    if (at >= end) {
      this.#sink.refused(Verdict.EMPTY);
      return;
    }
    for (let isFirst = true; at < end; isFirst = false) {
      const stop = this.#scanner.scan(data, at, end);
      const next = stop < 0 ? -1 : skipInLine(data, stop, end);
      if (next >= 0 && (next === end || data[next] === NEWLINE)) {
        this.#judge();
        at = skipBlank(data, next, end);
      } else {
        at = skipBlank(data, this.#readLine(data, at, end, isFirst), end);
      }
    }
  }

  #judge(): void {
    const verdict = this.#record.finish();
    if (verdict === Verdict.FLOW) this.#sink.flow(this.#record);
    else this.#sink.refused(verdict);
  }

  /** Reads a line by JSON.parse; the first one, if need be, with all that follow it. Returns where it ends. */
  #readLine(data: Buffer, start: number, end: number, isFirst: boolean): number {
    const found = data.indexOf(NEWLINE, start);
    const lineEnd = found < 0 || found > end ? end : found;
    let value = parse(data, start, lineEnd);
    if (value === undefined && isFirst && lineEnd < end) {
      value = parse(data, start, end);
      if (value !== undefined) {
        this.#readValue(value.parsed);
        return end;
      }
    }
    if (value === undefined) this.#sink.refused(Verdict.NOT_JSON);
    else this.#readValue(value.parsed);
    return lineEnd;
  }

  #readValue(value: unknown): void {
    for (const each of Array.isArray(value) ? value : [value]) this.#readObject(each);
  }

  #readObject(value: unknown): void {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#sink.refused(Verdict.NOT_AN_OBJECT);
      return;
    }
    const fields = value as Record<string, unknown>;
    const get = (key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);
    const record = this.#record;
    record.clear(this.#text);
    for (const [field, key] of FIELD_KEYS.entries()) record.numbers[field] = numberOf(get(key));
    record.isMarker = MARKS.some((mark) => mark === get(EVENT_KEY));
    let at = 0;
    for (const [index, key] of record.keys.entries()) {
      record.starts[index] = at;
      // Buffer.write ends before a character that would not fit as a whole.
      at += this.#text.write(textOf(get(key)), at, MAX_TEXT_LENGTH);
      record.ends[index] = at;
    }
    this.#judge();
  }
}

function parse(data: Buffer, start: number, end: number): { parsed: unknown } | undefined {
  if (end - start > MAX_LINE_LENGTH) return undefined;
  try {
    return { parsed: JSON.parse(data.toString("utf8", start, end)) };
  } catch {
    return undefined;
  }
}

/** Numbers may stand in quotes. */
function numberOf(value: unknown): number {
  if (value === undefined || value === null) return MISSING;
  const isDigits = typeof value === "string" && /^-?[0-9]+$/.test(value);
  const number = typeof value === "number" || isDigits ? Number(value) : Number.NaN;
  if (number < 0) return NEGATIVE;
  return Number.isInteger(number) || number === Number.POSITIVE_INFINITY ? number + 0 : NOT_A_NUMBER;
}

/** The text of a label; what pmacct writes as an object, such as {"nkey":"100.1"}, becomes nkey=100.1. */
function textOf(value: unknown): string {
  return plainText(value).replace(/\p{Cc}/gu, "\u{fffd}");
}

function plainText(value: unknown): string {
  if (Array.isArray(value)) return value.map(innerText).join(",");
  if (typeof value !== "object" || value === null) return innerText(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}=${innerText(inner)}`)
    .join(",");
}

function innerText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : jsonOf(value);
}

/** "" for what is nested deeper than the stack: JSON.parse reads without one what JSON.stringify needs one to write. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "";
  }
}

function skipBlank(data: Buffer, at: number, end: number): number {
  while (at < end && isBlank(data[at]!)) at++;
  return at;
}

/** Space, tab, newline and return: what JSON allows between values. */
function isBlank(byte: number): boolean {
  return byte === SPACE || byte === 0x09 || byte === NEWLINE || byte === 0x0d;
}

function skipInLine(data: Buffer, at: number, end: number): number {
  while (at < end && data[at] !== NEWLINE && isBlank(data[at]!)) at++;
  return at;
}
