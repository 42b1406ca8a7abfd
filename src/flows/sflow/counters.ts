import type { InterfaceNames } from "../interface-names.ts";
import { sourceOf } from "./source.ts";

/*
 * Samples of counters of sFlow v5. Of their records, one tells the name of the port (sFlow OpenFlow Structures), and that
 * of all interfaces has the index.
 *
 *   counters sample: 0 sequence | 4 source: type in 8 bits, index in 24 | 8 records
 *   expanded:        0 sequence | 4 source type | 8 source index | 12 records
 *   record:          0 kind: enterprise in 20 bits, format in 12 | 4 length | 8 what has that length
 */
export const SAMPLE_COUNTERS = 2;
export const SAMPLE_COUNTERS_EXPANDED = 4;
const SAMPLE_BYTES = 12;
const EXPANDED_BYTES = 16;
const RECORD_HEADER_BYTES = 8;

const RECORD_INTERFACE = 1;
const RECORD_PORT_NAME = 1005;

/** Reads the name of the port from the counters sample view[at, end), if it has one. Whether the sample is sound. */
export function readPortName(
  view: DataView,
  at: number,
  end: number,
  isExpanded: boolean,
  names: InterfaceNames | undefined,
): boolean {
  let next = at + (isExpanded ? EXPANDED_BYTES : SAMPLE_BYTES);
  if (next > end) return false;
  let index = sourceOf(view, at + 4, isExpanded);
  let name = 0;
  let nameEnd = 0;
  for (let k = view.getUint32(next - 4); k > 0; k--) {
    const start = next + RECORD_HEADER_BYTES;
    if (start > end) return false;
    const length = view.getUint32(next + 4);
    const stop = start + length;
    if (stop > end) return false;
    const kind = view.getUint32(next);
    if (kind === RECORD_INTERFACE && length >= 4) index = view.getUint32(start);
    if (kind === RECORD_PORT_NAME) {
      name = start + 4;
      nameEnd = length < 4 ? name : name + view.getUint32(start);
      if (nameEnd > Math.max(stop, name)) return false;
    }
    next = stop + (-length & 3);
  }
  if (nameEnd > name) {
    names?.learn(index, new Uint8Array(view.buffer, view.byteOffset, view.byteLength), name, nameEnd);
  }
  return true;
}
