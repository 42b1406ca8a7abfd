import { PROTOCOL_COLUMNS } from "../../../packet/protocols.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { BPF_FUNC } from "../assembly/helper.ts";
import { r0, r1, r2, r3, r4, r6, r10, type Register } from "../assembly/instruction.ts";
import {
  BUDGET,
  COLUMN_MASK,
  DIRECTION_BYTES,
  EVENT,
  FLAG,
  FLAG_OFFSET,
  KEY_BYTES,
  type MapFds,
  OTHER_OFFSET,
  RANGE,
  STATE,
} from "../layout.ts";
import type { CountersWriter } from "./counters.ts";
import { writeLookUp } from "./look-up.ts";
import {
  ADDRESS,
  CELL_POINTER,
  COLUMN,
  FASTER_ROW,
  KEY,
  NEW_ROW,
  OTHER_ROW,
  PLACE,
  ROW_KEY,
  ROW_POINTER,
} from "./storage.ts";

/** Flag of an update: only if the key is not there yet. */
const BPF_NOEXIST = 1;

export interface RowsOptions {
  fds: MapFds;
  rows: number;
  slots: number;
  firstRow: number;
  denseSlot: number;
  densePlaces: number;
  maxAddresses: number;
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

  /** r2 = row of place r2 of range r3, which is given one where it has none. */
  placeRow(next: Label): void {
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
    asm.load(4, r1, r0, RANGE.OTHER_ROW);
    asm.store(8, r10, OTHER_ROW, r1);
    this.#newRow(other, next);
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

  /** r2 = row of the address on the stack, of range r2, which is given one where it has none. */
  indexedRow(next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    const known = asm.label("address_known");
    const isNew = asm.label("new_address");
    const noMemory = asm.label("no_memory");
    const other = asm.label("address_refused");
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
    asm.load(4, r1, r0, RANGE.OTHER_ROW);
    asm.store(8, r10, OTHER_ROW, r1);
    writeLookUp(asm, fds.index, ROW_KEY, isNew);
    asm.load(8, r2, r0, 0);
    asm.jump(known);

    asm.place(isNew);
    this.#newRow(other, next);
    asm.loadMap(r1, fds.index);
    asm.mov(r2, r10);
    asm.add(r2, ROW_KEY);
    asm.mov(r3, r10);
    asm.add(r3, NEW_ROW);
    asm.mov(r4, BPF_NOEXIST);
    asm.call(BPF_FUNC.MAP_UPDATE_ELEM);
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

  /** Takes an address from the budget and a row for it, and fills that in; `other` where either is used up. */
  #newRow(other: Label, next: Label): void {
    const asm = this.#asm;
    const { fds, rows } = this.#options;
    const full = asm.label("no_row_left");
    const taken = asm.label("row_taken");
    this.#takeAddress(other);
    asm.comment("a new row");
    asm.loadMapValue(r1, fds.state, STATE.NEXT_ROW);
    asm.mov(r2, 1);
    asm.atomicFetchAdd(8, r1, 0, r2);
    asm.jge(r2, rows, full);
    asm.store(8, r10, NEW_ROW, r2);
    asm.jump(taken);

    asm.place(full);
    this.#giveBack();
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
    asm.store(4, r0, FLAG_OFFSET, FLAG.ADMITTED);
  }

  /** Counts in row r2, in the half at `direction`. A slot is given out on first use; where there is none, the row for the refused has one. */
  countInRow(direction: number, next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    const hasSlot = asm.label("has_slot");
    const needsSlot = asm.label("needs_slot");
    const refused = asm.label("refused");
    asm.comment(`count in row r2, in the half at ${direction}`);
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, fds.rows, KEY, next);
    this.#loadCell(direction, r6);
    asm.jeq(r2, 0, needsSlot);
    asm.place(hasSlot);
    this.#counters.count(next);
    asm.putOff(() => {
      asm.place(needsSlot);
      asm.store(8, r10, CELL_POINTER, r1);
      asm.store(8, r10, ROW_POINTER, r0);
      this.#admit(refused);
      this.#newSlot(hasSlot, refused);

      asm.place(refused);
      this.#lookUpOtherRow(next);
      this.#loadCell(direction, r6);
      asm.jne(r2, 0, hasSlot);
      asm.jump(next);
    });
  }

  /**
   * Counts for place r2 where an address has all its slots: the row is only looked at, for the limit of addresses, as
   * long as the slot is empty.
   */
  countDense(direction: number, next: Label): void {
    const asm = this.#asm;
    const { fds, denseSlot, densePlaces, firstRow } = this.#options;
    const isEmpty = asm.label("empty_slot");
    const refused = asm.label("refused");
    const hasSlot = asm.label("has_slot");
    const firstSlot = denseSlot + (direction / DIRECTION_BYTES) * PROTOCOL_COLUMNS * densePlaces;
    asm.comment("r2 = slot of place r2, computed");
    asm.store(8, r10, PLACE, r2);
    asm.add(r2, r6);
    asm.add(r2, firstSlot);
    this.#counters.countUnlessEmpty(isEmpty, next);
    asm.putOff(() => {
      asm.place(isEmpty);
      asm.comment("nothing was counted here yet: has the address been admitted?");
      asm.load(8, r2, r10, PLACE);
      asm.add(r2, firstRow);
      asm.store(4, r10, KEY, r2);
      writeLookUp(asm, fds.rows, KEY, next);
      asm.store(8, r10, ROW_POINTER, r0);
      this.#admit(refused);
      asm.load(8, r2, r10, PLACE);
      asm.add(r2, r6);
      asm.add(r2, firstSlot);
      asm.jump(hasSlot);
      asm.place(refused);
      this.#lookUpOtherRow(next);
      asm.load(4, r3, r10, COLUMN);
      asm.and(r3, COLUMN_MASK);
      this.#loadCell(direction, r3);
      asm.place(hasSlot);
      this.#counters.count(next);
      asm.jump(next);
    });
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

  /** r2 = slot of the column at offset `column` in a half of the row at r0, r1 = where that stands. */
  #loadCell(direction: number, column: Register): void {
    const asm = this.#asm;
    asm.comment(`r2 = slot of column r${column.number} at r1`);
    asm.mov(r1, r0);
    if (direction > 0) asm.add(r1, direction);
    asm.add(r1, column);
    asm.load(4, r2, r1, 0);
  }

  /** Takes an address from the budget for a row that is seen for the first time. */
  #admit(refused: Label): void {
    const asm = this.#asm;
    const admitted = asm.label("admitted");
    const refuse = asm.label("refuse");
    asm.comment("has the address been admitted?");
    asm.load(4, r1, r0, FLAG_OFFSET);
    asm.jeq(r1, FLAG.ADMITTED, admitted);
    asm.jeq(r1, FLAG.REFUSED, refused);
    this.#takeAddress(refuse);
    asm.load(8, r3, r10, ROW_POINTER);
    asm.mov(r0, FLAG.UNSEEN);
    asm.mov(r2, FLAG.ADMITTED);
    asm.atomicCompareExchange(4, r3, FLAG_OFFSET, r2);
    asm.jeq(r0, FLAG.UNSEEN, admitted);
    asm.comment("another CPU decided meanwhile");
    this.#giveBack();
    asm.jeq(r0, FLAG.ADMITTED, admitted);
    asm.jump(refused);

    asm.place(refuse);
    asm.load(8, r3, r10, ROW_POINTER);
    asm.mov(r0, FLAG.UNSEEN);
    asm.mov(r2, FLAG.REFUSED);
    asm.atomicCompareExchange(4, r3, FLAG_OFFSET, r2);
    asm.jne(r0, FLAG.ADMITTED, refused);
    asm.place(admitted);
  }

  /** r2 = a new slot, published in the cell. */
  #newSlot(hasSlot: Label, refused: Label): void {
    const asm = this.#asm;
    const { fds, slots } = this.#options;
    const exhausted = asm.label("no_slot_left");
    asm.comment("r2 = a new slot, published in the cell");
    asm.loadMapValue(r1, fds.state, STATE.NEXT_SLOT);
    asm.mov(r2, 1);
    asm.atomicFetchAdd(8, r1, 0, r2);
    asm.jge(r2, slots, exhausted);
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

  /** One address more; `full` where the limit is reached. */
  #takeAddress(full: Label): void {
    const asm = this.#asm;
    const { fds, maxAddresses } = this.#options;
    const taken = asm.label("address_taken");
    asm.comment("one address more, if the limit allows it");
    asm.loadMapValue(r1, fds.budget, BUDGET.USED);
    asm.load(8, r2, r1, 0);
    asm.jge(r2, maxAddresses, full);
    asm.mov(r2, 1);
    asm.atomicFetchAdd(8, r1, 0, r2);
    asm.jlt(r2, maxAddresses, taken);
    this.#giveBack();
    asm.jump(full);
    asm.place(taken);
  }

  /** The row in NEW_ROW is nobody's: it and its address are not counted when tables are closed. */
  #giveRowBack(next: Label): void {
    const asm = this.#asm;
    asm.comment("the new row is nobody's");
    asm.load(8, r2, r10, NEW_ROW);
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, this.#options.fds.rows, KEY, next);
    asm.store(4, r0, FLAG_OFFSET, FLAG.UNSEEN);
    this.#giveBack();
  }

  /** One address less; keeps r0. */
  #giveBack(): void {
    const asm = this.#asm;
    asm.comment("one address less");
    asm.loadMapValue(r1, this.#options.fds.budget, BUDGET.USED);
    asm.mov(r2, -1);
    asm.atomicAdd(8, r1, 0, r2);
  }
}
