import { MetricType, type WrittenFamily } from "../../page/family.ts";
import { labelText } from "../../page/labels.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import { isTurnOver, SeriesLines } from "../../page/series-lines.ts";
import { TYPE_COUNT, TYPE_NAMES } from "./protocol/packet-type.ts";
import type { Series, SeriesTable } from "./series-table.ts";

const encoder = new TextEncoder();
const IMEI = encoder.encode('imei="');
const SOURCE = encoder.encode('src_ip="');
const DESTINATION = encoder.encode('",dst_ip="');
const QUOTE = encoder.encode('"');
/** Two IPv6 addresses, or the name of a device, and the names of their labels. */
const LABEL_BYTES = 120;

/** Name and help of a family; what ends in `_total` is a counter. */
export type Head = readonly [name: string, help: string];

/** The family of one column by pair of addresses. */
export function pairFamily(head: Head, pairs: SeriesTable, column: number): WrittenFamily {
  const lines = new SeriesLines(head[0]);
  return family(head, pairs, (writer, pair) => writePair(writer, lines, pair.key, pairs.of(pair, column)));
}

/** The family of the packets of each type by pair of addresses, if there were any. */
export function typeFamily(head: Head, pairs: SeriesTable): WrittenFamily {
  const lines = TYPE_NAMES.map((name) => new SeriesLines(head[0], labelText("type", name)));
  return family(head, pairs, (writer, pair) => {
    for (let type = 0; type < TYPE_COUNT; type++) {
      const count = pairs.of(pair, type);
      if (count > 0) writePair(writer, lines[type]!, pair.key, count);
    }
  });
}

/** The family of one column by device; its values, made whole, and raised by `offset`. */
export function deviceFamily(head: Head, devices: SeriesTable, column: number, offset = 0): WrittenFamily {
  const lines = new SeriesLines(head[0]);
  return family(head, devices, (writer, device) => {
    lines.begin(writer, LABEL_BYTES);
    writer.bytes(IMEI);
    writer.ascii(device.key, 0, device.key.length);
    writer.bytes(QUOTE);
    lines.end(writer, Math.floor(devices.of(device, column)) + offset);
  });
}

/** A family with lines for each series of a table. */
function family(
  [name, help]: Head,
  table: SeriesTable,
  write: (writer: PageWriter, series: Series) => void,
): WrittenFamily {
  return {
    name,
    help,
    type: name.endsWith("_total") ? MetricType.COUNTER : MetricType.GAUGE,
    *write(writer) {
      using held = table.hold();
      for (let row = held.firstRow; row < held.rows.length; row++) {
        write(writer, held.rows[row]!);
        if (isTurnOver(writer, row)) yield;
      }
    },
  };
}

/** Hot; does not allocate: there may be hundreds of thousands of lines. */
function writePair(writer: PageWriter, lines: SeriesLines, pair: string, value: number): void {
  lines.begin(writer, LABEL_BYTES);
  writer.bytes(SOURCE);
  const space = pair.indexOf(" ");
  writer.ascii(pair, 0, space);
  writer.bytes(DESTINATION);
  writer.ascii(pair, space + 1, pair.length);
  writer.bytes(QUOTE);
  lines.end(writer, value);
}
