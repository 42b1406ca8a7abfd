import { parse } from "csv-parse/sync";
import { messageOf } from "../../errors.ts";
import { eachLine, type Texts } from "./lines.ts";
import { ListFault, type PrefixSink, type Refusal } from "./prefix-sink.ts";

const PREFIX = "prefix";
const BLANK = /[ \t]/;
const MAX_RECORD_LENGTH = 2 ** 16;

/**
 * Reads CSV (RFC 4180): a header with `prefix` and the names of labels, then a prefix in each record. Lines that are
 * empty or begin with # are skipped. Only records with quotes need csv-parse, which is slower.
 */
export async function readCsv(texts: Texts, sink: PrefixSink, refuse: Refusal): Promise<void> {
  let header: Header | undefined;
  await eachRecord(texts, refuse, (fields, line) => {
    if (header === undefined) {
      header = headerOf(fields, line, sink);
      return;
    }
    if (fields.length !== header.width) {
      refuse(line, `it has ${fields.length} fields, and the header has ${header.width}`);
      return;
    }
    const fault = sink.add(fields[header.prefix]!, header.valuesOf(fields), line);
    if (fault !== undefined) refuse(line, fault);
  });
  if (header === undefined) throw new ListFault(1, "it holds no header; begin with one such as prefix,customer");
}

interface Header {
  readonly width: number;
  /** The column of prefixes. */
  readonly prefix: number;
  /** The labels in a record, by their index. Reused. */
  valuesOf(fields: readonly string[]): readonly string[];
}

function headerOf(fields: readonly string[], line: number, sink: PrefixSink): Header {
  const prefix = fields.indexOf(PREFIX);
  if (prefix < 0) throw new ListFault(line, `the header has no column ${PREFIX}, as in prefix,customer`);
  const twice = fields.find((name, index) => fields.indexOf(name) !== index);
  if (twice !== undefined) throw new ListFault(line, `the header has the column ${JSON.stringify(twice)} twice`);
  const labels = fields.map((name) => {
    if (name === PREFIX) return -1;
    const index = sink.label(name);
    if (typeof index === "string") throw new ListFault(line, index);
    return index;
  });
  const values: string[] = Array.from({ length: Math.max(...labels) + 1 }, () => "");
  return {
    width: fields.length,
    prefix,
    valuesOf(fields) {
      for (let column = 0; column < labels.length; column++) {
        if (labels[column]! >= 0) values[labels[column]!] = fields[column]!;
      }
      return values;
    },
  };
}

/** Tells the fields of each record, and the line that it begins in. */
async function eachRecord(
  texts: Texts,
  refuse: Refusal,
  take: (fields: string[], line: number) => void,
): Promise<void> {
  let record = "";
  let start = 0;
  await eachLine(texts, (line, number) => {
    if (start === 0 && (line.trim() === "" || line.startsWith("#"))) return;
    record = start === 0 ? line : `${record}\n${line}`;
    start ||= number;
    const isQuoted = record.includes('"');
    if (isQuoted && hasOpenQuote(record)) {
      if (record.length > MAX_RECORD_LENGTH) throw new ListFault(start, "a quote is opened and not closed for 64 KiB");
      return;
    }
    const fields = isQuoted ? quotedFields(record) : plainFields(record);
    if (typeof fields === "string") refuse(start, fields);
    else take(fields, start);
    start = 0;
  });
  if (start !== 0) throw new ListFault(start, "a quote is opened and never closed");
}

function plainFields(record: string): string[] {
  const fields = record.split(",");
  return BLANK.test(record) ? fields.map((field) => field.trim()) : fields;
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
