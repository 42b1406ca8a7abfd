import type { CountedSet } from "../../collectors/status.ts";
import { grown } from "../../grown-array.ts";

const INITIAL_PLACES = 64;

/** What places of a set had counted when they were last looked at, and for what they stood then. */
export class Growth {
  readonly #set: CountedSet;
  #sums = new Float64Array(INITIAL_PLACES);
  /** What was taken last. */
  #taken = new Float64Array(INITIAL_PLACES);
  /** One more than the edition of the place then; 0 if it was not looked at. */
  #editions = new Float64Array(INITIAL_PLACES);

  constructor(set: CountedSet) {
    this.#set = set;
  }

  /** The growth of a place since it was last taken; 0 if it stood for something else then. */
  of(place: number): number {
    if (this.#editions[place] !== this.#set.editionOf(place) + 1) return 0;
    return Math.max(this.#set.countOf(place) - this.#sums[place]!, 0);
  }

  /** The growth that was taken last. */
  takenOf(place: number): number {
    return this.#editions[place] === this.#set.editionOf(place) + 1 ? this.#taken[place]! : 0;
  }

  /** Takes the growth of a place, given what the place has counted by now; the next one begins with that. Hot, for a look. */
  take(place: number, sum: number): number {
    while (place >= this.#sums.length) {
      this.#sums = grown(this.#sums);
      this.#taken = grown(this.#taken);
      this.#editions = grown(this.#editions);
    }
    const edition = this.#set.editionOf(place) + 1;
    const growth = this.#editions[place] === edition ? Math.max(sum - this.#sums[place]!, 0) : 0;
    this.#sums[place] = sum;
    this.#taken[place] = growth;
    this.#editions[place] = edition;
    return growth;
  }
}
