import { type Family, type MetricType, type WrittenFamily } from "../../page/family.ts";
import { labelText } from "../../page/labels.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import { TYPE_COUNT, TYPE_NAMES } from "./protocol/packet-type.ts";
import type { Tally } from "./tally.ts";

const encoder = new TextEncoder();
const SOURCE = encoder.encode('src_ip="');
const DESTINATION = encoder.encode('",dst_ip="');
const CLOSE = encoder.encode('"} ');
/** Two IPv6 addresses, the names of their labels, and a value. */
const LINE_BYTES = 160;
/** Pairs that are looked at before the event loop gets its turn. */
const PAIRS_A_TURN = 4096;

type Head = Pick<Family, "name" | "help"> & { type: MetricType };

/** The family of one column by pair of addresses, of all pairs that ever had streams. */
export function pairFamily(head: Head, tally: Tally, column: number): WrittenFamily {
  const start = encoder.encode(`${head.name}{`);
  return {
    ...head,
    *write(writer: PageWriter) {
      for (const pair of tally.pairs.keys()) {
        writeLine(writer, start, tally.pairs[pair]!, tally.of(pair, column));
        if (writer.isFull || pair % PAIRS_A_TURN === PAIRS_A_TURN - 1) yield;
      }
    },
  };
}

/** The family of the packets of each type by pair of addresses, where there were any. */
export function typeFamily(head: Head, tally: Tally): WrittenFamily {
  const starts = TYPE_NAMES.map((name) => encoder.encode(`${head.name}{${labelText("type", name)},`));
  return {
    ...head,
    *write(writer: PageWriter) {
      for (const pair of tally.pairs.keys()) {
        for (let type = 0; type < TYPE_COUNT; type++) {
          const count = tally.of(pair, type);
          if (count > 0) writeLine(writer, starts[type]!, tally.pairs[pair]!, count);
        }
        if (writer.isFull || pair % PAIRS_A_TURN === PAIRS_A_TURN - 1) yield;
      }
    },
  };
}

/** Hot; does not allocate: there may be hundreds of thousands of lines. */
function writeLine(writer: PageWriter, start: Uint8Array, pair: string, value: number): void {
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
