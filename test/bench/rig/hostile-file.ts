import { type Bytes, netflow9, set, template, u32 } from "../../flows/datagrams.ts";
import { HostileSource } from "../../flows/hostile-source.ts";
import { EXPORTER, type FlowDatagram } from "./flow-file.ts";

/** Records of a datagram of the exporter that doesn't lie. */
export const REAL_RECORDS = 24;
/** Of so many datagrams, one is of that exporter. */
export const REAL_EVERY = 10;
/** More than promtap tells apart. */
const HOSTILE_EXPORTERS = 5000;

const FIELDS = template(256, [1, 4], [2, 4], [10, 4], [14, 4]);
const RECORD = [1500, 3, 7, 8].flatMap((value) => u32(value));
const RECORDS = Array.from({ length: REAL_RECORDS }, () => RECORD);

/** One datagram with the template, and so many of which every tenth is of the same exporter; the rest lie. */
export function* hostileDatagrams(count: number): Generator<FlowDatagram> {
  const source = new HostileSource(1);
  yield real(0, set(0, FIELDS));
  for (let k = 0; k < count; k++) {
    if (k % REAL_EVERY === 0) yield real(1 + k / REAL_EVERY, set(256, ...RECORDS));
    else yield { exporter: addressOf(source.below(HOSTILE_EXPORTERS)), bytes: [...source.next()] };
  }
}

/** Flows of NetFlow v9, of an exporter each, with the template of their own. */
export function* changingExporters(count: number): Generator<FlowDatagram> {
  for (let k = 0; k < count; k++) {
    yield { exporter: addressOf(k), bytes: netflow9([set(0, FIELDS), set(256, RECORD, RECORD)], { sequence: k }) };
  }
}

function real(sequence: number, content: Bytes): FlowDatagram {
  return { exporter: EXPORTER, bytes: netflow9([content], { sequence }) };
}

/** Of 10.0.0.0/8. */
function addressOf(index: number): Bytes {
  return u32(0x0a00_0000 + index);
}
