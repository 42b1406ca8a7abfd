import { FREE, type Places, Silence } from "../../../ledger/quota/silence.ts";
import { findSilentAtOnce } from "../../../ledger/quota/silent-queue.ts";
import { Direction } from "../../../ledger/rows.ts";
import { FIRST_NAMED } from "../../../ledger/zones/zone.ts";
import type { Dispenser } from "../tables/dispenser.ts";
import { PAUSE_MS, PLENTY } from "../tables/recycler.ts";

/** What is counted by slot on one interface. */
export interface SlotTakings {
  /** Packets of a slot that were taken for the ledger. */
  takenPackets(slot: number, direction: Direction): number;
  /** Takes what was counted in a slot; false if there is no ledger to take it. */
  take(slot: number): boolean;
  /** Makes a slot as it was at first. */
  clear(slot: number): void;
}

/** The slots of the zones, which the programs of all interfaces share. */
export interface RecycledSlots {
  readonly slotCount: number;
  readonly dispenser: Dispenser;
  readonly takings: Iterable<SlotTakings>;
  /** Slot → 1 if a zone has it. */
  published(): Uint8Array;
  /** Has the zones of slots be without them; a program that needs one takes another. Returns those that are free. */
  unpublish(slots: readonly number[]): readonly number[];
  /** A slot is of no zone from now on. */
  forget(slot: number): void;
  /** A clock in milliseconds that never steps back. */
  now(): number;
  /** Resolves when no program is running any more that is running now. */
  untilProgramsEnd(): Promise<void>;
}

/** Slots of no zone, which programs that were running then may still have; some were never of any. */
interface Leaving {
  readonly slots: readonly number[];
  readonly lost: readonly number[];
  readonly next: number;
  isOver: boolean;
}

/** Takes slots back from zones, or accounts, that are silent, as Recycler does from addresses. */
export class ZoneRecycler implements Places {
  readonly #recycled: RecycledSlots;
  #silence = new Silence(this);
  #looks = 0;
  #nextLookAtMs = 0;
  #published: Uint8Array = new Uint8Array(0);
  #chosen: number[] = [];
  #leaving: Leaving | undefined;
  #spare: number[] = [];
  #isOpen = true;

  constructor(recycled: RecycledSlots) {
    this.#recycled = recycled;
  }

  /** Lets silent zones go if slots are scarce; to be called when all of an interface is in the ledger. */
  recycle(): void {
    this.#finish();
    this.#start();
  }

  /** Takes back no more. */
  close(): void {
    this.#isOpen = false;
  }

  #start(): void {
    const { slotCount, dispenser } = this.#recycled;
    const nowMs = this.#recycled.now();
    if (this.#leaving !== undefined) return;
    if (dispenser.left >= (slotCount - FIRST_NAMED) * PLENTY) {
      this.#silence = new Silence(this);
      return;
    }
    if (nowMs < this.#nextLookAtMs) return;
    this.#nextLookAtMs = nowMs + PAUSE_MS;
    const leaving = this.#choose();
    if (leaving === undefined) return;
    this.#leaving = leaving;
    void this.#wait(leaving);
  }

  /** Gives out again what is of no zone any more, if that is sure by now. */
  #finish(): void {
    const leaving = this.#leaving;
    if (!this.#isOpen || leaving?.isOver !== true || !this.#takeAll(leaving.slots)) return;
    this.#leaving = undefined;
    const { dispenser } = this.#recycled;
    const published = this.#recycled.published();
    for (const slot of leaving.slots) this.#clear(slot);
    const lost = leaving.lost.filter((slot) => published[slot] === 0);
    this.#spare = [...this.#spare, ...leaving.slots, ...lost];
    dispenser.give(this.#spare.splice(0, dispenser.room(leaving.next)));
  }

  async #wait(leaving: Leaving): Promise<void> {
    await this.#recycled.untilProgramsEnd();
    leaving.isOver = true;
    this.#finish();
  }

  get count(): number {
    return this.#recycled.dispenser.highest;
  }

  activity(slot: number): number {
    if (slot < FIRST_NAMED || this.#published[slot] === 0) return FREE;
    return this.#packets(slot, Direction.TX) + this.#packets(slot, Direction.RX);
  }

  hasSent(slot: number): boolean {
    return this.#packets(slot, Direction.TX) > 0;
  }

  vacate(slot: number): void {
    this.#chosen.push(slot);
  }

  #packets(slot: number, direction: Direction): number {
    let packets = 0;
    for (const takings of this.#recycled.takings) packets += takings.takenPackets(slot, direction);
    return packets;
  }

  /** Makes silent zones be without their slot, as many as can be given out again; undefined if there are none. */
  #choose(): Leaving | undefined {
    const { dispenser } = this.#recycled;
    this.#published = this.#recycled.published();
    const lost = this.#lost();
    const queue = findSilentAtOnce([this.#silence], ++this.#looks);
    this.#chosen = [];
    let left = dispenser.room(dispenser.next) - this.#spare.length;
    while (left > 0 && queue.vacate(true)) left--;
    const slots = this.#recycled.unpublish(this.#chosen);
    if (slots.length + lost.length === 0) return undefined;
    return { slots, lost, next: dispenser.next, isOver: false };
  }

  /** Slots that were given out, and that no zone has: or one is about to have them. */
  #lost(): number[] {
    const { dispenser } = this.#recycled;
    const has = new Set([...dispenser.pending(), ...this.#spare]);
    const lost: number[] = [];
    for (let slot = FIRST_NAMED; slot < dispenser.highest; slot++) {
      if (this.#published[slot] === 0 && !has.has(slot)) lost.push(slot);
    }
    return lost;
  }

  /** Takes what was counted in slots on all interfaces; false if one of them has no ledger for it yet. */
  #takeAll(slots: readonly number[]): boolean {
    for (const takings of this.#recycled.takings) if (!slots.every((slot) => takings.take(slot))) return false;
    return true;
  }

  #clear(slot: number): void {
    for (const takings of this.#recycled.takings) takings.clear(slot);
    this.#recycled.forget(slot);
  }
}
