import type { ByteReader } from "../../../state/byte-reader.ts";
import { ByteWriter } from "../../../state/byte-writer.ts";
import { FlowKind, type FlowLedger, SLOT_COUNTERS } from "../flow-ledger.ts";
import { OTHER_SLOT } from "../label-sets.ts";
import { Field, FlowRecord, MAX_TEXT_LENGTH } from "../records/flow-record.ts";

/** Sets of labels that are written before the event loop gets its turn. */
const PER_TURN = 1024;
const MAX_LABELS = 256;
const MAX_SETS = 2 ** 24;
const MAX_AS = 2 ** 32 - 1;

/** What counters stand for, so that others are not taken for them. */
const SHAPE = JSON.stringify(Object.keys(FlowKind));

/** Fields of a record that labels are numbers of. */
const AS_FIELDS: ReadonlyMap<string, number> = new Map<string, number>([
  ["as_src", Field.SOURCE_AS],
  ["as_dst", Field.DESTINATION_AS],
]);

/*
 * The part of the ledger. Numbers and texts are those of ByteWriter.
 *
 *     shape: text | number of labels | label: text ... | records | of these to "other" | sets that gave way | set ... | 0 |
 *
 *     set   | kinds that it has seen, a bit each | is "other" | value of each label, if not | bytes, packets of each kind |
 *     value | number of an AS, or text |
 */

/** The ledger as it is when this is called; what is yielded is followed by turns of others. */
export function* writeLedger(ledger: FlowLedger, labels: readonly string[]): Generator<void, Uint8Array> {
  using _ = ledger.quota.hold();
  const { counters, seen } = ledger.copy();
  const writer = new ByteWriter();
  writer.text(SHAPE);
  writer.number(labels.length);
  for (const label of labels) writer.text(label);
  writer.numbers([ledger.records, ledger.otherRecords, ledger.evictions]);
  yield;
  for (const [slot, kinds] of seen.entries()) {
    if (kinds === 0) continue;
    writer.numbers([kinds, slot === OTHER_SLOT ? 1 : 0]);
    if (slot !== OTHER_SLOT) writeLabels(writer, ledger.sets.labelsOf(slot));
    writer.numbers(counters.subarray(slot * SLOT_COUNTERS, (slot + 1) * SLOT_COUNTERS));
    if (slot % PER_TURN === 0) yield;
  }
  writer.number(0);
  return writer.filled;
}

/**
 * Adds what was kept to a ledger that has counted nothing, which has these labels. What had others, too, is counted by
 * those that are left; if one is new, under "other". Throws an Error with the reason.
 */
export function readLedger(reader: ByteReader, ledger: FlowLedger, labels: readonly string[]): void {
  if (reader.text() !== SHAPE) throw new Error("it counts other kinds of flows than this version");
  const stored = Array.from({ length: reader.whole(MAX_LABELS) }, () => reader.text());
  const totals = [reader.count(), reader.count(), reader.count()];
  const places = labels.map((label) => stored.indexOf(label));
  const record = places.includes(-1) ? undefined : new FlowRecord(ledger.sets.textKeys, false);
  const allKinds = 2 ** Object.keys(FlowKind).length - 1;
  const counters = new Float64Array(SLOT_COUNTERS);
  for (let sets = 0, kinds = reader.whole(allKinds); kinds > 0; kinds = reader.whole(allKinds)) {
    if (++sets > MAX_SETS) throw new Error("it has more sets of labels than there may be");
    const isOther = reader.whole(1) === 1;
    const values = isOther ? [] : stored.map((label) => (AS_FIELDS.has(label) ? reader.whole(MAX_AS) : textOf(reader)));
    for (const index of counters.keys()) counters[index] = reader.count();
    if (record !== undefined && !isOther) {
      fill(
        record,
        labels,
        places.map((place) => values[place]!),
      );
    }
    ledger.restore(isOther ? undefined : record, kinds, counters);
  }
  [ledger.records, ledger.otherRecords, ledger.evictions] = totals as [number, number, number];
}

function writeLabels(writer: ByteWriter, values: readonly (number | string)[]): void {
  for (const value of values) {
    if (typeof value === "number") writer.number(value);
    else writer.text(value);
  }
}

function textOf(reader: ByteReader): string {
  const text = reader.text();
  if (Buffer.byteLength(text) > MAX_TEXT_LENGTH) throw new Error("it has a label that is too long");
  return text;
}

/** Makes the record one of these labels. */
function fill(record: FlowRecord, labels: readonly string[], values: readonly (number | string)[]): void {
  const texts = record.keys.map((key) => Buffer.from(`${values[labels.indexOf(key)]}`));
  record.clear(Buffer.concat(texts));
  let end = 0;
  for (const [key, text] of texts.entries()) {
    record.starts[key] = end;
    end += text.length;
    record.ends[key] = end;
  }
  for (const [label, field] of AS_FIELDS) {
    const place = labels.indexOf(label);
    if (place >= 0) record.numbers[field] = Number(values[place]);
  }
}
