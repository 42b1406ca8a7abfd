import { FREE, type Places as BoundedPlaces, Silence } from "../../../ledger/quota/silence.ts";
import { findSilentAtOnce, type SilentQueue } from "../../../ledger/quota/silent-queue.ts";
import { ROW_CELLS } from "../../../ledger/rows.ts";
import { PROTOCOL_COLUMNS } from "../../../packet/protocols.ts";
import type { Dispenser } from "./dispenser.ts";
import type { KernelCounters } from "./kernel-counters.ts";
import type { KernelRows } from "./kernel-rows.ts";
import type { TableSizes } from "./table-sizes.ts";

/** From one look at what is silent to the next at least. */
export const PAUSE_MS = 5000;
/** As long as more than this part can be given out, nothing is taken back. */
export const PLENTY = 1 / 8;

/** Rows and slots of one interface, and what knows what they are for. */
export interface Recycled {
  readonly sizes: TableSizes;
  readonly rows: KernelRows;
  readonly counters: KernelCounters;
  readonly rowDispenser: Dispenser;
  readonly slotDispenser: Dispenser;
  /** Has the addresses of rows find none; returns those rows whose address does not find them any more. */
  unpublish(rows: readonly number[]): readonly number[];
  /** Resolves when no program is running any more that is running now. */
  untilProgramsEnd(): Promise<void>;
  /** Takes for the ledger what was counted in the slot of a cell. */
  take(row: number, cell: number, slot: number): void;
  /** A row is for nobody from now on. */
  forget(row: number): void;
}

/** The slot of a cell that has it no more. */
interface LooseSlot {
  readonly row: number;
  readonly cell: number;
  readonly slot: number;
}

/** What is nobody's any more, but for programs that were running then. */
interface Leaving {
  readonly rows: readonly number[];
  readonly slots: readonly LooseSlot[];
  /** That two CPUs took at once for the same address, or that CPUs took tickets for beyond their end. */
  readonly lostRows: readonly number[];
  readonly lostSlots: readonly number[];
  readonly nextRow: number;
  readonly nextSlot: number;
  isOver: boolean;
}

/**
 * Takes rows and slots back from addresses that are silent, so that there are some for what is new. What was counted in
 * them is in the ledger by then, and an address that speaks again is given others, so that nothing is seen of it on the
 * page: it is the ledger that bounds what has series.
 *
 * Programs find a row by a place or by the index, and a slot by a row. First they are made to find them no more; when the
 * programs that ran meanwhile have ended, the last packets are taken, and what is nobody's then is given out again.
 */
export class Recycler implements BoundedPlaces {
  readonly #recycled: Recycled;
  #silence = new Silence(this);
  #looks = 0;
  #nextLookAtMs = 0;
  #chosen: number[] = [];
  #leaving: Leaving | undefined;
  /** Row → whether it is leaving. */
  readonly #isLeaving: Uint8Array;
  #spareRows: number[] = [];
  #spareSlots: number[] = [];

  constructor(recycled: Recycled) {
    this.#recycled = recycled;
    this.#isLeaving = new Uint8Array(recycled.sizes.rows);
  }

  /** Lets silent addresses go if rows or slots are scarce; to be called when all is in the ledger. `onOver`: see `finish`. */
  start(nowMs: number, onOver: () => void): void {
    if (this.#leaving !== undefined) return;
    if (!this.#isScarce(this.#recycled.rowDispenser, this.#dynamicRows) && !this.#hasFewSlots) {
      this.#silence = new Silence(this);
      return;
    }
    if (nowMs < this.#nextLookAtMs) return;
    this.#nextLookAtMs = nowMs + PAUSE_MS;
    this.#choose(findSilentAtOnce([this.#silence], ++this.#looks));
    const leaving = this.#leave();
    if (leaving === undefined) return;
    this.#leaving = leaving;
    void this.#wait(leaving, onOver);
  }

  /** Takes for the ledger what programs have counted in slots that rows have no more. */
  takeLoose(): void {
    for (const { row, cell, slot } of this.#leaving?.slots ?? []) this.#take(row, cell, slot);
  }

  /** Gives out again what is nobody's any more, if that is sure by now: `onOver` told so. */
  finish(): void {
    const leaving = this.#leaving;
    if (leaving?.isOver !== true) return;
    this.#leaving = undefined;
    const { rows, rowDispenser, slotDispenser } = this.#recycled;
    for (const row of leaving.rows) this.#clearRow(row);
    for (const { row, cell, slot } of leaving.slots) this.#clearSlot(row, cell, slot);
    for (const row of leaving.lostRows) if (!rows.isUsed(row)) this.#spareRows.push(row);
    if (leaving.lostSlots.length > 0) {
      const has = this.#slotsOfRows();
      for (const slot of leaving.lostSlots) if (has[slot] === 0) this.#spareSlots.push(slot);
    }
    rowDispenser.give(this.#spareRows.splice(0, rowDispenser.room(leaving.nextRow)));
    slotDispenser.give(this.#spareSlots.splice(0, slotDispenser.room(leaving.nextSlot)));
  }

  async #wait(leaving: Leaving, onOver: () => void): Promise<void> {
    await this.#recycled.untilProgramsEnd();
    leaving.isOver = true;
    onOver();
  }

  get count(): number {
    return this.#recycled.rowDispenser.highest;
  }

  activity(row: number): number {
    const { sizes, rows, counters } = this.#recycled;
    const isDynamic = row >= sizes.firstDynamicRow;
    if (isDynamic ? this.#isLeaving[row] === 1 || !rows.isUsed(row) : !this.#hasLooseSlots(row)) return FREE;
    let bytes = 0;
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot > 0) bytes += counters.takenBytes(slot);
    }
    return bytes;
  }

  hasSent(row: number): boolean {
    const { rows } = this.#recycled;
    for (let cell = 0; cell < PROTOCOL_COLUMNS; cell++) if (rows.slotOf(row, cell) > 0) return true;
    return false;
  }

  vacate(row: number): void {
    this.#chosen.push(row);
  }

  get #dynamicRows(): number {
    return this.#recycled.sizes.rows - this.#recycled.sizes.firstDynamicRow;
  }

  get #hasFewSlots(): boolean {
    const { sizes, slotDispenser } = this.#recycled;
    return this.#isScarce(slotDispenser, sizes.slots - sizes.firstDynamicSlot);
  }

  #isScarce({ left }: Dispenser, all: number): boolean {
    return left < all * PLENTY;
  }

  /** Whether a row that its address always finds has slots that it can lose, and that are scarce. */
  #hasLooseSlots(row: number): boolean {
    const { sizes, rows } = this.#recycled;
    if (rows.hasFixedSlots(row) || sizes.densePlaces > 0 || !this.#hasFewSlots) return false;
    for (let cell = 0; cell < ROW_CELLS; cell++) if (rows.slotOf(row, cell) > 0) return true;
    return false;
  }

  /** Chooses as many rows as can be given out again. */
  #choose(queue: SilentQueue): void {
    const { sizes, rows, rowDispenser, slotDispenser } = this.#recycled;
    let rowsLeft = rowDispenser.room(rowDispenser.next) - this.#spareRows.length;
    let slotsLeft = slotDispenser.room(slotDispenser.next) - this.#spareSlots.length;
    this.#chosen = [];
    while (rowsLeft > 0 && slotsLeft > 0 && queue.vacate(true)) {
      const row = this.#chosen.at(-1)!;
      if (row >= sizes.firstDynamicRow) rowsLeft--;
      for (let cell = 0; cell < ROW_CELLS; cell++) if (rows.slotOf(row, cell) > 0) slotsLeft--;
    }
  }

  /** Makes what was chosen, and what was lost, nobody's; undefined if there is nothing. */
  #leave(): Leaving | undefined {
    const { sizes, rowDispenser, slotDispenser } = this.#recycled;
    // What was lost is looked for first: what is chosen now is not lost.
    const lostRows = this.#lostRows();
    const lostSlots = this.#lostSlots();
    const rows = this.#recycled.unpublish(this.#chosen.filter((row) => row >= sizes.firstDynamicRow));
    for (const row of rows) this.#isLeaving[row] = 1;
    const slots = this.#chosen.filter((row) => row < sizes.firstDynamicRow).flatMap((row) => this.#takeSlots(row));
    if (rows.length + slots.length + lostRows.length + lostSlots.length === 0) return undefined;
    const [nextRow, nextSlot] = [rowDispenser.next, slotDispenser.next];
    return { rows, slots, lostRows, lostSlots, nextRow, nextSlot, isOver: false };
  }

  #takeSlots(row: number): LooseSlot[] {
    const loose: LooseSlot[] = [];
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = this.#recycled.rows.takeSlot(row, cell);
      if (slot > 0) loose.push({ row, cell, slot });
    }
    return loose;
  }

  /** Rows that were given out, and that nobody has: or somebody is about to have them. */
  #lostRows(): number[] {
    const { sizes, rows, rowDispenser } = this.#recycled;
    const has = new Uint8Array(sizes.rows);
    for (const row of [...rowDispenser.pending(), ...this.#spareRows]) has[row] = 1;
    const lost: number[] = [];
    for (let row = sizes.firstDynamicRow; row < rowDispenser.highest; row++) {
      if (has[row] === 0 && !rows.isUsed(row)) lost.push(row);
    }
    return lost;
  }

  /** Likewise slots. */
  #lostSlots(): number[] {
    const { sizes, slotDispenser } = this.#recycled;
    const has = this.#slotsOfRows();
    for (const slot of [...slotDispenser.pending(), ...this.#spareSlots]) has[slot] = 1;
    const lost: number[] = [];
    for (let slot = sizes.firstDynamicSlot; slot < slotDispenser.highest; slot++) if (has[slot] === 0) lost.push(slot);
    return lost;
  }

  /** Slot → 1 if a row has it. */
  #slotsOfRows(): Uint8Array {
    const { sizes, rows, rowDispenser } = this.#recycled;
    const has = new Uint8Array(sizes.slots);
    const { highest } = rowDispenser;
    for (let row = 1; row < highest; row++) {
      for (let cell = 0; cell < ROW_CELLS; cell++) has[rows.slotOf(row, cell)] = 1;
    }
    return has;
  }

  #clearRow(row: number): void {
    const { rows } = this.#recycled;
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot > 0) this.#clearSlot(row, cell, slot);
    }
    rows.clear(row);
    this.#recycled.forget(row);
    this.#isLeaving[row] = 0;
    this.#spareRows.push(row);
  }

  #clearSlot(row: number, cell: number, slot: number): void {
    this.#take(row, cell, slot);
    this.#recycled.counters.clear(slot);
    this.#spareSlots.push(slot);
  }

  #take(row: number, cell: number, slot: number): void {
    if (this.#recycled.counters.hasNews(slot)) this.#recycled.take(row, cell, slot);
  }
}
