import { grown } from "../../grown-array.ts";

const FIRST_PLACES = 256;
/** Slot 0 has place 1: place 0 is where the ring begins, older than the oldest and newer than the newest. */
const ENDS = 0;
const UNLISTED = -1;

/**
 * Slots in the order of their last activity: which of a full set has been silent longest, and gives its place to what is
 * new. A ring, linked through two arrays: 8 bytes a slot.
 */
export class Recency {
  #older = new Int32Array(FIRST_PLACES).fill(UNLISTED);
  #newer = new Int32Array(FIRST_PLACES);

  constructor() {
    this.#older[ENDS] = ENDS;
    this.#newer[ENDS] = ENDS;
  }

  /** The slot that has been silent longest; -1 when none is listed. */
  get oldest(): number {
    return this.#newer[ENDS]! - 1;
  }

  /** All that are listed, the slot first that has been silent longest. */
  *inOrder(): Generator<number> {
    for (let place = this.#newer[ENDS]!; place !== ENDS; place = this.#newer[place]!) yield place - 1;
  }

  /** Makes a slot, listed or not, the newest. Hot; allocates only for a slot higher than all before. */
  touch(slot: number): void {
    const place = slot + 1;
    const newest = this.#older[ENDS]!;
    if (place === newest) return;
    if (place >= this.#older.length) this.#grow(place);
    else this.#unlink(place);
    this.#older[place] = newest;
    this.#newer[place] = ENDS;
    this.#newer[newest] = place;
    this.#older[ENDS] = place;
  }

  /** Takes a slot from the list; touching it lists it again. */
  remove(slot: number): void {
    const place = slot + 1;
    if (place >= this.#older.length) return;
    this.#unlink(place);
    this.#older[place] = UNLISTED;
  }

  #unlink(place: number): void {
    const older = this.#older[place]!;
    if (older === UNLISTED) return;
    const newer = this.#newer[place]!;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }

  #grow(place: number): void {
    const known = this.#older.length;
    this.#older = grown(this.#older, place + 1).fill(UNLISTED, known);
    this.#newer = grown(this.#newer, place + 1);
  }
}
