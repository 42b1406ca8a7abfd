import { grown } from "../grown-array.ts";
import type { SlotPool } from "../ledger/zones/slot-pool.ts";
import type { Zoning } from "../ledger/zones/zoning.ts";
import { LabelList } from "../page/label-list.ts";

const INITIAL_SLOTS = 64;
const INITIAL_BYTES = 4096;

/** The labels of slots that zones have, which are the names of those. */
export class NamedSlotLabels {
  readonly #zoning: Zoning;

  constructor(zoning: Zoning) {
    this.#zoning = zoning;
  }

  /** They are there already. */
  learn(): void {}

  get bytes(): Uint8Array {
    return this.#zoning.names.bytes;
  }

  start(slot: number): number {
    return this.#zoning.names.start(this.#zoning.slots.ownerOf(slot));
  }

  end(slot: number): number {
    return this.#zoning.names.end(this.#zoning.slots.ownerOf(slot));
  }
}

/** The labels of slots as bytes, made when a slot is first asked for after it was given to its owner. */
export class MadeSlotLabels {
  readonly #slots: SlotPool;
  readonly #labelsOf: (slot: number) => string;
  readonly #list = new LabelList(INITIAL_SLOTS, INITIAL_BYTES);
  /** Slot → owner that its labels were made for. */
  #owners = new Float64Array(INITIAL_SLOTS);
  #drops = 0;

  constructor(slots: SlotPool, labelsOf: (slot: number) => string) {
    this.#slots = slots;
    this.#labelsOf = labelsOf;
  }

  /** Hot. */
  learn(slot: number): void {
    while (this.#list.count <= slot) this.#list.append("");
    if (slot >= this.#owners.length) this.#owners = grown(this.#owners, slot + 1);
    if (this.#drops !== this.#slots.drops) this.#begin();
    const owner = this.#slots.ownerOf(slot);
    if (this.#owners[slot] === owner) return;
    this.#owners[slot] = owner;
    this.#list.replace(slot, this.#labelsOf(slot));
  }

  /** Makes all of them again: what has a number may be another. */
  #begin(): void {
    this.#drops = this.#slots.drops;
    this.#owners.fill(0);
  }

  get bytes(): Uint8Array {
    return this.#list.bytes;
  }

  start(slot: number): number {
    return this.#list.start(slot);
  }

  end(slot: number): number {
    return this.#list.end(slot);
  }
}
