import type { RangeTable } from "../../../ledger/ranges.ts";
import * as bpf from "../../../native/bpf.ts";
import { RANGE, TABLE, tables } from "../layout.ts";
import { MapSet } from "../maps.ts";

/** The maps that the programs of all interfaces share. Their descriptors stay open: later programs are made with them. */
export class SharedTables {
  readonly fds: { readonly tables: number; readonly ranges: number };
  readonly #maps = new MapSet();

  constructor(ranges: RangeTable) {
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    const entries = Math.max(ranges.ranges.length, 1);
    try {
      this.fds = {
        tables: this.#maps.create("tables", array, 4, TABLE.BYTES, 1),
        ranges: this.#maps.create("ranges", array, 4, RANGE.BYTES, entries),
      };
      new Uint8Array(this.#maps.map(this.fds.tables, TABLE.BYTES)).set(tables());
      writeRanges(ranges, this.#maps.map(this.fds.ranges, entries * RANGE.BYTES));
    } catch (error) {
      this.#maps.close();
      throw error;
    }
  }

  close(): void {
    this.#maps.close();
  }
}

/** The row that takes what a range refuses: one for each set of labels and IP version. */
export function otherRowOf({ ranges, groupOf }: RangeTable, range: number): number {
  return 1 + groupOf[range]! * 2 + (ranges[range]!.version === 6 ? 1 : 0);
}

function writeRanges(ranges: RangeTable, memory: ArrayBuffer): void {
  const view = new DataView(memory);
  for (const index of ranges.ranges.keys()) {
    const at = index * RANGE.BYTES;
    // Masks in the order of the address on the wire.
    for (let k = 0; k < 4; k++) view.setInt32(at + RANGE.MASK_HIGH + 4 * k, ranges.maskWord(index, k, -1));
    view.setUint32(at + RANGE.OTHER_ROW, otherRowOf(ranges, index), true);
  }
}
