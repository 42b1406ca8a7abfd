import { PROTOCOL_COLUMNS } from "../../../packet/protocols.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { r0, r1, r2, r3, r6, r10 } from "../assembly/instruction.ts";
import {
  DIRECTION_BYTES,
  EVENT,
  FLAG,
  FLAG_OFFSET,
  KEY_BYTES,
  type MapFds,
  OTHER_OFFSET,
  RANGE,
  VLAN_IN_KEY,
} from "../layout.ts";
import { rowDispenser, slotDispenser, type TableSizes } from "../tables/table-sizes.ts";
import type { CountersWriter } from "./counters.ts";
import { writeAdd, writeLookUp } from "./look-up.ts";
import {
  ADDRESS,
  CELL_POINTER,
  FASTER_ROW,
  KEY,
  NEW_ROW,
  OTHER_ROW,
  ROW_KEY,
  ROW_POINTER,
  VLAN_NUMBER,
} from "./storage.ts";
import { writeTake } from "./take-writer.ts";

export interface RowsOptions {
  fds: MapFds;
  sizes: TableSizes;
}

/**
 * Writes the steps that find the row of an address and the slot in it, and that give out new ones. Two CPUs may do so
 * for the same address at the same time: what is published first is what counts, and the other's stays unused.
 */
export class RowsWriter {
  readonly #asm: Assembler;
  readonly #options: RowsOptions;
  readonly #counters: CountersWriter;

  constructor(asm: Assembler, options: RowsOptions, counters: CountersWriter) {
    this.#asm = asm;
    this.#options = options;
    this.#counters = counters;
  }

  /** r2 = row of place r2 of range r3, which is given one if it has none; the packet is counted at `direction`. */
  placeRow(direction: number, next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    const isNew = asm.label("new_place");
    const known = asm.label("place_known");
    const other = asm.label("place_refused");
    asm.comment("r2 = row of place r2 of range r3");
    this.#counters.forget(r3);
    asm.store(8, r10, ROW_KEY, r3);
    this.#counters.forget(r2);
    asm.store(8, r10, ROW_KEY + 8, r2);
    asm.store(8, r10, ROW_KEY + 16, 0);
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, fds.places, KEY, next);
    asm.load(8, r2, r0, 0);
    asm.jeq(r2, 0, isNew);
    asm.sub(r2, 1);
    asm.jump(known);

    asm.place(isNew);
    asm.comment("the place has no row yet");
    asm.load(8, r1, r10, ROW_KEY);
    asm.store(4, r10, KEY, r1);
    writeLookUp(asm, fds.ranges, KEY, next);
    this.#loadOtherRow();
    this.#newRow(direction, other, next);
    asm.load(8, r1, r10, ROW_KEY + 8);
    asm.store(4, r10, KEY, r1);
    writeLookUp(asm, fds.places, KEY, next);
    asm.mov(r3, r0);
    asm.load(8, r2, r10, NEW_ROW);
    asm.add(r2, 1);
    asm.mov(r0, 0);
    asm.atomicCompareExchange(8, r3, 0, r2);
    const first = asm.label("row_published");
    asm.jeq(r0, 0, first);
    asm.comment("another CPU was faster: its row is the one");
    asm.store(8, r10, FASTER_ROW, r0);
    this.#giveRowBack(next);
    asm.load(8, r2, r10, FASTER_ROW);
    asm.place(first);
    asm.sub(r2, 1);
    asm.jump(known);

    asm.place(other);
    asm.load(8, r2, r10, OTHER_ROW);
    asm.place(known);
  }

  /** Likewise, by the index: for each VLAN a place has a row of its own. */
  placeRowOfVlan(direction: number, next: Label): void {
    const asm = this.#asm;
    asm.comment("r2 = row of place r2 of range r3, in the VLAN");
    this.#counters.forget(r2);
    asm.store(8, r10, ROW_KEY + 8, r2);
    asm.store(8, r10, ROW_KEY + 16, 0);
    this.#counters.forget(r3);
    asm.store(8, r10, ROW_KEY, r3);
    writeLookUp(asm, this.#options.fds.ranges, KEY, next);
    this.#findRow(direction, next);
  }

  /** Likewise, r2 = row of the address on the stack, of range r2. */
  indexedRow(direction: number, next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    asm.comment("r2 = row of the address, or of the network that range r2 rolls it up into");
    this.#counters.forget(r2);
    asm.store(8, r10, ROW_KEY, r2);
    writeLookUp(asm, fds.ranges, KEY, next);
    for (const [half, mask] of [
      [0, RANGE.MASK_HIGH],
      [8, RANGE.MASK_LOW],
    ] as const) {
      asm.load(8, r1, r10, ADDRESS + half);
      asm.load(8, r2, r0, mask);
      asm.and(r1, r2);
      asm.store(8, r10, ROW_KEY + 8 + half, r1);
    }
    this.#findRow(direction, next);
  }

  /** r2 = row of the key on the stack, whose range is at r0; if that has none, it is given one. */
  #findRow(direction: number, next: Label): void {
    const asm = this.#asm;
    const { fds, sizes } = this.#options;
    const known = asm.label("address_known");
    const isNew = asm.label("new_address");
    const noMemory = asm.label("no_memory");
    const other = asm.label("address_refused");
    this.#loadOtherRow();
    if (sizes.vlans > 0) this.#addVlan();
    writeLookUp(asm, fds.index, ROW_KEY, isNew);
    asm.load(8, r2, r0, 0);
    asm.jump(known);

    asm.place(isNew);
    this.#newRow(direction, other, next);
    writeAdd(asm, fds.index, ROW_KEY, NEW_ROW);
    asm.load(8, r2, r10, NEW_ROW);
    asm.jeq(r0, 0, known);
    asm.comment("another CPU was faster, or the kernel is out of memory");
    this.#giveRowBack(next);
    writeLookUp(asm, fds.index, ROW_KEY, noMemory);
    asm.load(8, r2, r0, 0);
    asm.jump(known);

    asm.place(noMemory);
    this.#counters.countEvent(EVENT.EXHAUSTED);
    asm.place(other);
    asm.load(8, r2, r10, OTHER_ROW);
    asm.place(known);
  }

  /** Puts the number of the VLAN above the range in the key. At once: old kernels refuse to change parts of what is on the stack. */
  #addVlan(): void {
    const asm = this.#asm;
    asm.load(8, r2, r10, ROW_KEY);
    asm.load(4, r1, r10, VLAN_NUMBER);
    asm.lsh(r1, 8 * VLAN_IN_KEY);
    asm.or(r2, r1);
    asm.store(8, r10, ROW_KEY, r2);
  }

  /** Leaves the row that takes what the range at r0 refuses on the stack. */
  #loadOtherRow(): void {
    const asm = this.#asm;
    const { vlans, others } = this.#options.sizes;
    asm.load(4, r1, r0, RANGE.OTHER_ROW);
    if (vlans > 0) {
      asm.comment("of the VLAN");
      asm.load(4, r2, r10, VLAN_NUMBER);
      asm.mul(r2, others);
      asm.add(r1, r2);
    }
    asm.store(8, r10, OTHER_ROW, r1);
  }

  /** Takes a row and fills it in; `other` if none is left for what sends or receives. */
  #newRow(direction: number, other: Label, next: Label): void {
    const asm = this.#asm;
    const { fds, sizes } = this.#options;
    const full = asm.label("no_row_left");
    const taken = asm.label("row_taken");
    asm.comment("a new row");
    writeTake(asm, fds.state, rowDispenser(sizes), direction > 0 ? sizes.rowsForSenders : 0, full);
    asm.store(8, r10, NEW_ROW, r2);
    asm.jump(taken);

    asm.place(full);
    this.#counters.countEvent(EVENT.EXHAUSTED);
    asm.jump(other);

    asm.place(taken);
    asm.comment("what the row is for");
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, fds.keys, KEY, next);
    for (let at = 0; at < KEY_BYTES; at += 8) {
      asm.load(8, r1, r10, ROW_KEY + at);
      asm.store(8, r0, at, r1);
    }
    writeLookUp(asm, fds.rows, KEY, next);
    asm.load(8, r1, r10, OTHER_ROW);
    asm.store(4, r0, OTHER_OFFSET, r1);
    asm.store(4, r0, FLAG_OFFSET, FLAG.USED);
  }

  /** Counts in row r2, in the half at `direction`. A slot is given out on first use; if none is left, the row for the refused has one. */
  countInRow(direction: number, next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    const hasSlot = asm.label("has_slot");
    const needsSlot = asm.label("needs_slot");
    const refused = asm.label("refused");
    asm.comment(`count in row r2, in the half at ${direction}`);
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, fds.rows, KEY, next);
    this.#loadCell(direction);
    asm.jeq(r2, 0, needsSlot);
    asm.place(hasSlot);
    this.#counters.count(next);
    asm.putOff(() => {
      asm.place(needsSlot);
      asm.store(8, r10, CELL_POINTER, r1);
      asm.store(8, r10, ROW_POINTER, r0);
      this.#newSlot(hasSlot, refused);

      asm.place(refused);
      this.#lookUpOtherRow(next);
      this.#loadCell(direction);
      asm.jne(r2, 0, hasSlot);
      if (this.#options.sizes.vlans > 0) {
        asm.comment("that of the VLAN has none: that of other VLANs has");
        asm.store(8, r10, ROW_POINTER, r0);
        this.#lookUpOtherRow(next);
        this.#loadCell(direction);
        asm.jne(r2, 0, hasSlot);
      }
      asm.jump(next);
    });
  }

  /** Counts for place r2, of an address that has all its slots. */
  countDense(direction: number, next: Label): void {
    const asm = this.#asm;
    const { denseSlot, densePlaces } = this.#options.sizes;
    asm.comment("r2 = slot of place r2, computed");
    asm.add(r2, r6);
    asm.add(r2, denseSlot + (direction / DIRECTION_BYTES) * PROTOCOL_COLUMNS * densePlaces);
    this.#counters.countUnknown(next);
  }

  /** r0 = the row that takes what the one on the stack refuses. */
  #lookUpOtherRow(next: Label): void {
    const asm = this.#asm;
    asm.comment("r0 = the row that takes what this one refuses");
    asm.load(8, r3, r10, ROW_POINTER);
    asm.load(4, r2, r3, OTHER_OFFSET);
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, this.#options.fds.rows, KEY, next);
  }

  /** r2 = slot of the column at offset r6 in a half of the row at r0, r1 = where that stands. */
  #loadCell(direction: number): void {
    const asm = this.#asm;
    asm.comment("r2 = slot of column r6 at r1");
    asm.mov(r1, r0);
    if (direction > 0) asm.add(r1, direction);
    asm.add(r1, r6);
    asm.load(4, r2, r1, 0);
  }

  /** r2 = a new slot, published in the cell. */
  #newSlot(hasSlot: Label, refused: Label): void {
    const asm = this.#asm;
    const { fds, sizes } = this.#options;
    const exhausted = asm.label("no_slot_left");
    asm.comment("r2 = a new slot, published in the cell");
    writeTake(asm, fds.state, slotDispenser(sizes), 0, exhausted);
    asm.load(8, r3, r10, CELL_POINTER);
    asm.mov(r0, 0);
    asm.atomicCompareExchange(4, r3, 0, r2);
    asm.jeq(r0, 0, hasSlot);
    asm.comment("another CPU was faster: its slot is the one, ours stays empty");
    asm.mov(r2, r0);
    asm.jump(hasSlot);

    asm.place(exhausted);
    this.#counters.countEvent(EVENT.EXHAUSTED);
    asm.jump(refused);
  }

  /** The row in NEW_ROW is nobody's. */
  #giveRowBack(next: Label): void {
    const asm = this.#asm;
    asm.comment("the new row is nobody's");
    asm.load(8, r2, r10, NEW_ROW);
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, this.#options.fds.rows, KEY, next);
    asm.store(4, r0, FLAG_OFFSET, FLAG.FREE);
  }
}
