import { lengthened } from "../../grown-array.ts";

/** Places of a bounded set, by number. */
export interface Places {
  /** One more than the highest place. */
  readonly count: number;
  /** Grows with every packet that counts at a place; FREE if nothing has it that could lose it. */
  activity(place: number): number;
  /** Whether what has the place has ever sent. */
  hasSent(place: number): boolean;
  /** Takes a place from what has it: that counts as `other` from now on, and has always done so. */
  vacate(place: number): void;
}

export const FREE = -1;
/** Stands for the number of a look; they are numbered from 1 on. */
export const NEVER = 0;
/** Activity of a place of which nothing is known: whatever it is, it is another one. */
const UNKNOWN = -2;

/**
 * Since when places have been silent, as far as that is seen by looking at them now and then: 12 bytes a place, and
 * nothing to do for a packet.
 */
export class Silence {
  readonly places: Places;
  #activity = new Float64Array(0);
  /** Place → the look that last found it active. */
  #active = new Uint32Array(0);

  constructor(places: Places) {
    this.places = places;
  }

  /** Makes room for all places that there are now. */
  grow(): void {
    const { count } = this.places;
    if (count <= this.count) return;
    this.#activity = lengthened(this.#activity, count).fill(UNKNOWN, this.count);
    this.#active = lengthened(this.#active, count);
  }

  /** Places that there is room for. */
  get count(): number {
    return this.#active.length;
  }

  /** Looks at a place, for the `look`th time; returns the look that last found it active, or NEVER if it is now. */
  see(place: number, look: number): number {
    const activity = this.places.activity(place);
    if (activity !== this.#activity[place]) {
      this.#activity[place] = activity;
      this.#active[place] = activity === FREE ? NEVER : look;
    }
    const active = this.#active[place]!;
    return active < look ? active : NEVER;
  }

  /** Whether a place that was silent in a look has been silent ever since. */
  isSilent(place: number, look: number): boolean {
    const active = this.#active[place]!;
    return active !== NEVER && active < look && this.places.activity(place) === this.#activity[place];
  }

  /** Something else has the place from now on. */
  forget(place: number): void {
    this.#activity[place] = UNKNOWN;
  }
}
