import { parse } from "csv-parse/sync";
import { messageOf } from "../../errors.ts";
import { lengthened } from "../../grown-array.ts";
import { eachLineOfBytes, type Pieces } from "./lines.ts";
import { type Columns, ListFault, type PrefixSink, type Refusal } from "./prefix-sink.ts";

const PREFIX = "prefix";
const BLANK = 0x20;
const TAB = 0x09;
const COMMA = 0x2c;
const QUOTE = 0x22;
const HASH = 0x23;
const MAX_RECORD_LENGTH = 2 ** 16;
const QUOTED = -1;

/**
 * Reads CSV (RFC 4180): a header with `prefix` and the names of labels, then a prefix in each record. Lines that are
 * empty, as are those with commas alone, or begin with # are skipped. Records without quotes are read as the bytes that they are, 0.5 µs each (Node
 * 24.21); only those with quotes need csv-parse, which takes many times as long.
 */
export async function readCsv(pieces: Pieces, sink: PrefixSink, refuse: Refusal): Promise<void> {
  const reader = new CsvReader(sink, refuse);
  await eachLineOfBytes(pieces, (bytes, from, to, number) => reader.readLine(bytes, from, to, number));
  reader.end();
}

class CsvReader {
  readonly #sink: PrefixSink;
  readonly #refuse: Refusal;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #header: (Columns & { readonly width: number }) | undefined;
  /** See Fields. */
  #spans = new Uint32Array(2 * 32);
  /** A record whose quotes are open, and the line that it begins in. */
  #record = "";
  #start = 0;

  constructor(sink: PrefixSink, refuse: Refusal) {
    this.#sink = sink;
    this.#refuse = refuse;
  }

  readLine(bytes: Uint8Array, from: number, to: number, number: number): void {
    if (this.#start === 0) {
      if (bytes[from] === HASH && from < to) return;
      const count = this.#split(bytes, from, to);
      if (count === 1 && this.#spans[0] === this.#spans[1]) return;
      if (count !== QUOTED) {
        this.#takePlain(bytes, count, number);
        return;
      }
    }
    this.#readQuoted(this.#decoder.decode(bytes.subarray(from, to)), number);
  }

  end(): void {
    if (this.#start !== 0) throw new ListFault(this.#start, "a quote is opened and never closed");
    if (this.#header !== undefined) return;
    throw new ListFault(1, "it holds no header; begin with one such as prefix,customer");
  }

  /** Finds the fields of a line, without the blanks around them; returns their number, or QUOTED. Hot. */
  #split(bytes: Uint8Array, from: number, to: number): number {
    let count = 0;
    let start = from;
    for (let at = from; at <= to; at++) {
      const byte = at === to ? COMMA : bytes[at]!;
      if (byte === QUOTE) return QUOTED;
      if (byte !== COMMA) continue;
      let end = at;
      while (start < end && isBlank(bytes[start]!)) start++;
      while (start < end && isBlank(bytes[end - 1]!)) end--;
      if (2 * count === this.#spans.length) this.#spans = lengthened(this.#spans, 4 * count);
      this.#spans[2 * count] = start;
      this.#spans[2 * count + 1] = end;
      count++;
      start = at + 1;
    }
    return count;
  }

  #takePlain(bytes: Uint8Array, count: number, number: number): void {
    const header = this.#header;
    if (header === undefined) {
      if (this.#isEmpty(count)) return;
      const span = (k: number): Uint8Array => bytes.subarray(this.#spans[2 * k], this.#spans[2 * k + 1]);
      this.#header = headerOf(
        Array.from({ length: count }, (_, k) => this.#decoder.decode(span(k))),
        number,
        this.#sink,
      );
      return;
    }
    const fields = { bytes, spans: this.#spans };
    const fault = widthFault(count, header.width) ?? this.#sink.addFields(fields, header, number);
    if (fault !== undefined && !this.#isEmpty(count)) this.#refuse(number, fault);
  }

  /** Whether nothing is in any field: so spreadsheets write rows that are empty. */
  #isEmpty(count: number): boolean {
    return this.#spans.subarray(0, 2 * count).every((from, at, spans) => at % 2 === 1 || from === spans[at + 1]);
  }

  #readQuoted(line: string, number: number): void {
    this.#record = this.#start === 0 ? line : `${this.#record}\n${line}`;
    this.#start ||= number;
    const [record, start] = [this.#record, this.#start];
    if (hasOpenQuote(record)) {
      if (record.length > MAX_RECORD_LENGTH) throw new ListFault(start, "a quote is opened and not closed for 64 KiB");
      return;
    }
    this.#start = 0;
    const fields = quotedFields(record);
    if (typeof fields !== "string") this.#takeTexts(fields, start);
    else if (this.#header !== undefined) this.#refuse(start, fields);
    else throw new ListFault(start, formFault(record) ?? fields);
  }

  #takeTexts(fields: readonly string[], number: number): void {
    const header = this.#header;
    if (header === undefined) {
      this.#header = headerOf(fields, number, this.#sink);
      return;
    }
    const values = header.labels.map((column) => (column === undefined ? "" : fields[column]!));
    const fault = widthFault(fields.length, header.width) ?? this.#sink.add(fields[header.prefix]!, values, number);
    if (fault !== undefined && fields.some((field) => field !== "")) this.#refuse(number, fault);
  }
}

function widthFault(count: number, width: number): string | undefined {
  return count === width ? undefined : `it has ${count} fields, and the header has ${width}`;
}

function headerOf(fields: readonly string[], line: number, sink: PrefixSink): Columns & { width: number } {
  const prefix = fields.indexOf(PREFIX);
  if (prefix < 0) {
    const fault = formFault(fields.join(",")) ?? `the header has no column ${PREFIX}, as in prefix,customer`;
    throw new ListFault(line, fault);
  }
  const twice = fields.find((name, index) => fields.indexOf(name) !== index);
  if (twice !== undefined) throw new ListFault(line, `the header has the column ${JSON.stringify(twice)} twice`);
  const labels: (number | undefined)[] = [];
  for (const [column, name] of fields.entries()) {
    if (column === prefix) continue;
    const index = sink.label(name);
    if (typeof index === "string") throw new ListFault(line, index);
    labels[index] = column;
  }
  return { width: fields.length, prefix, labels: Array.from(labels) };
}

/** What else spreadsheets write instead, told by a header that is none. */
function formFault(header: string): string | undefined {
  if (/[\0\uFFFD]/.test(header)) return "it is no UTF-8; save the list as UTF-8";
  const [separator] = /[;\t|]/.exec(header) ?? [];
  return separator && `${JSON.stringify(separator)} separates the fields; legal is a comma`;
}

function isBlank(byte: number): boolean {
  return byte === BLANK || byte === TAB;
}

function hasOpenQuote(record: string): boolean {
  let quotes = 0;
  for (let at = record.indexOf('"'); at >= 0; at = record.indexOf('"', at + 1)) quotes++;
  return quotes % 2 === 1;
}

/** Returns why they can't be read, if that is so. */
function quotedFields(record: string): string[] | string {
  try {
    return parse(record, { trim: true, relax_column_count: true })[0] ?? [];
  } catch (error) {
    return `its quotes are wrong: ${messageOf(error).replace(/ (?:at|on) line [0-9]+/, "")}`;
  }
}
