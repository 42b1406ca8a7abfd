/** Requests of one side that the other side has not answered yet. A tracker waits for its answer; a few may be under way. */
const MAX_OPEN = 16;

/**
 * Pairs answers with requests of their type, oldest first. Of requests that are never answered the oldest is forgotten
 * when there are too many.
 */
export class OpenRequests {
  /** Type, time, type, time, ... */
  #open: number[] = [];

  add(type: number, time: number): void {
    if (this.#open.length === 2 * MAX_OPEN) this.#remove(0);
    this.#open.push(type, time);
  }

  /** Seconds since the oldest request of this type, which is answered now; undefined where there is none. */
  answer(type: number, time: number): number | undefined {
    for (let at = 0; at < this.#open.length; at += 2) {
      if (this.#open[at] !== type) continue;
      const asked = this.#open[at + 1]!;
      this.#remove(at);
      return Math.max(0, time - asked);
    }
    return undefined;
  }

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  #remove(at: number): void {
    this.#open.copyWithin(at, at + 2);
    this.#open.length -= 2;
  }
}
