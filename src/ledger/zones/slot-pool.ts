import { Leavers } from "../quota/leavers.ts";
import { Quota } from "../quota/quota.ts";
import { FREE, type Places } from "../quota/silence.ts";
import { Direction } from "../rows.ts";
import { FIRST_NAMED, Zone } from "./zone.ts";

/** Counts of nobody: no page has them. */
const NOWHERE = 0;

/** What is counted by slot on one interface. */
export interface SlotCounts {
  packets(slot: number, direction: Direction): number;
  /** Moves all counts of a slot to another one. */
  fold(slot: number, into: number): void;
}

/** Told that all that was counted in a slot is about to count in another one, `into`. */
export type SlotListener = (slot: number, into: number) => void;

/**
 * Slots for what has series, its owners, by number: as many as the limit says, and then that one gives way which has been
 * silent longest. The first slots are those of the zones without a name of their own.
 */
export class SlotPool implements Places {
  /** Of the slots that have an owner, without the first ones. */
  readonly quota: Quota;
  /** Owners that gave their slot to others. */
  evicted = 0;
  /** How often owners were dropped: their numbers may be others' from then on. */
  drops = 0;
  /** Slot → owner; 0 if it is free. */
  readonly #owners: number[] = [];
  readonly #freeSlots: number[] = [];
  /** Owners that lost their slot. */
  readonly #leavers = new Leavers<number>();
  readonly #ledgers = new Set<SlotCounts>();
  readonly #onVacate: (owner: number) => void;
  readonly #slotListeners = new Set<SlotListener>();
  readonly #pageListeners = new Set<() => void>();

  /** `onVacate` is told what has no slot any more. */
  constructor(limit: number, onVacate: (owner: number) => void) {
    this.quota = new Quota(limit, () => [this]);
    this.#onVacate = onVacate;
    for (let zone = 0; zone < FIRST_NAMED; zone++) this.#owners.push(zone);
  }

  /** One more than the highest slot; they are given out from 1 on. */
  get count(): number {
    return this.#owners.length;
  }

  /** What a slot is for; 0 if it is for nothing. */
  ownerOf(slot: number): number {
    return this.#owners[slot]!;
  }

  /** A slot for what has none, and sends or receives now; OTHER's if there is no room. */
  admit(owner: number, direction: Direction): number {
    if (this.#leavers.has(owner) || !this.quota.take(direction === Direction.TX)) return Zone.OTHER;
    const slot = this.#freeSlots.pop() ?? this.#owners.length;
    this.#owners[slot] = owner;
    return slot;
  }

  /** A page begins, once all is counted that is to be on it: owners that lost their slot before are not on it. */
  beginPage(): void {
    this.quota.beginPage();
    this.#leavers.beginPage();
    // What is being read of others keeps its sum.
    if (!this.quota.isHeld) for (const listener of this.#pageListeners) listener();
  }

  /** Tells of pages that begin while none is being written. */
  watchPages(listener: () => void): void {
    this.#pageListeners.add(listener);
  }

  /** Takes the slots of owners that are gone for good, with all that they counted. */
  drop(isGone: (owner: number) => boolean): void {
    this.drops++;
    for (let slot = FIRST_NAMED; slot < this.#owners.length; slot++) {
      const owner = this.#owners[slot]!;
      if (owner === 0 || !isGone(owner)) continue;
      this.#fold(slot, NOWHERE);
      this.quota.used--;
      this.#free(slot);
    }
  }

  /** Lets a ledger count by slot, until it is told to leave. */
  join(ledger: SlotCounts): void {
    this.#ledgers.add(ledger);
  }

  leave(ledger: SlotCounts): void {
    this.#ledgers.delete(ledger);
  }

  /** Tells of every slot whose counts go elsewhere, as long as its owner is known, until the returned function is called. */
  watchSlots(listener: SlotListener): () => void {
    this.#slotListeners.add(listener);
    return () => this.#slotListeners.delete(listener);
  }

  activity(slot: number): number {
    if (slot < FIRST_NAMED || this.#owners[slot] === 0) return FREE;
    return this.#packets(slot, Direction.TX) + this.#packets(slot, Direction.RX);
  }

  hasSent(slot: number): boolean {
    return this.#packets(slot, Direction.TX) > 0;
  }

  vacate(slot: number): void {
    const owner = this.#owners[slot]!;
    this.#fold(slot, Zone.OTHER);
    if (this.quota.hasPages) this.#leavers.add(owner);
    this.evicted++;
    this.#free(slot);
  }

  #fold(slot: number, into: number): void {
    for (const listener of this.#slotListeners) listener(slot, into);
    for (const ledger of this.#ledgers) ledger.fold(slot, into);
  }

  #free(slot: number): void {
    const owner = this.#owners[slot]!;
    this.#owners[slot] = 0;
    this.#freeSlots.push(slot);
    this.#onVacate(owner);
  }

  #packets(slot: number, direction: Direction): number {
    let packets = 0;
    for (const ledger of this.#ledgers) packets += ledger.packets(slot, direction);
    return packets;
  }
}
