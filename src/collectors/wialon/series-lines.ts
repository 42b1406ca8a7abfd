import { MetricType, type WrittenFamily } from "../../page/family.ts";
import { labelText } from "../../page/labels.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import { TYPE_COUNT, TYPE_NAMES } from "./protocol/packet-type.ts";
import type { Device, Tally } from "./tally.ts";

const encoder = new TextEncoder();
const IMEI = encoder.encode('imei="');
const SOURCE = encoder.encode('src_ip="');
const DESTINATION = encoder.encode('",dst_ip="');
const CLOSE = encoder.encode('"} ');
/** Two IPv6 addresses, or the name of a device; the names of their labels, and a value. */
const LINE_BYTES = 160;
/** Pairs and devices that are gone through before the event loop gets its turn. */
const ROWS_A_TURN = 4096;

/** Name and help of a family; what ends in `_total` is a counter. */
export type Head = readonly [name: string, help: string];

/** The family of one column by pair of addresses, of all pairs that ever had streams. */
export function pairFamily(head: Head, tally: Tally, column: number): WrittenFamily {
  const start = encoder.encode(`${head[0]}{`);
  return family(head, function* (writer) {
    for (let index = 0; index < tally.pairs.length; index++) {
      writePair(writer, start, tally.pairs[index]!, tally.of(index, column));
      if (isTurnOver(writer, index)) yield;
    }
  });
}

/** The family of the packets of each type by pair of addresses, where there were any. */
export function typeFamily(head: Head, tally: Tally): WrittenFamily {
  const starts = TYPE_NAMES.map((name) => encoder.encode(`${head[0]}{${labelText("type", name)},`));
  return family(head, function* (writer) {
    for (let index = 0; index < tally.pairs.length; index++) {
      for (let type = 0; type < TYPE_COUNT; type++) {
        const count = tally.of(index, type);
        if (count > 0) writePair(writer, starts[type]!, tally.pairs[index]!, count);
      }
      if (isTurnOver(writer, index)) yield;
    }
  });
}

/** A family by device; the value is a whole number. */
export function deviceFamily(
  head: Head,
  devices: ReadonlyMap<string, Device>,
  valueOf: (device: Device) => number,
): WrittenFamily {
  const start = encoder.encode(`${head[0]}{`);
  return family(head, function* (writer) {
    let index = 0;
    for (const [name, device] of devices) {
      writer.reserve(start.length + LINE_BYTES);
      writer.bytes(start);
      writer.bytes(IMEI);
      writer.ascii(name, 0, name.length);
      writer.bytes(CLOSE);
      writer.integerLine(valueOf(device));
      if (isTurnOver(writer, index++)) yield;
    }
  });
}

function family([name, help]: Head, write: WrittenFamily["write"]): WrittenFamily {
  return { name, help, type: name.endsWith("_total") ? MetricType.COUNTER : MetricType.GAUGE, write };
}

/** Whether others get their turn after this row. Only then does a family yield: each time makes an object to collect. */
function isTurnOver(writer: PageWriter, row: number): boolean {
  return writer.isFull || row % ROWS_A_TURN === ROWS_A_TURN - 1;
}

/** Hot; does not allocate: there may be hundreds of thousands of lines. */
function writePair(writer: PageWriter, start: Uint8Array, pair: string, value: number): void {
  writer.reserve(start.length + LINE_BYTES);
  writer.bytes(start);
  writer.bytes(SOURCE);
  const space = pair.indexOf(" ");
  writer.ascii(pair, 0, space);
  writer.bytes(DESTINATION);
  writer.ascii(pair, space + 1, pair.length);
  writer.bytes(CLOSE);
  writer.integerLine(value);
}
