/** The highest of the numbers that are taken, as many as asked for: a heap, the least of them first. */
export class Highest {
  readonly #limit: number;
  readonly #heap: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Hot. */
  take(value: number): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) this.#rise(value);
    else if (value > heap[0]!) this.#sink(value);
  }

  /** The highest but so many; 0 if fewer were taken. */
  but(count: number): number {
    return this.#heap.toSorted((a, b) => b - a)[count] ?? 0;
  }

  #rise(value: number): void {
    const heap = this.#heap;
    let at = heap.length;
    for (let above = (at - 1) >> 1; at > 0 && heap[above]! > value; above = (at - 1) >> 1) {
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = value;
  }

  /** In the place of the least. */
  #sink(value: number): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below + 1 < heap.length && heap[below + 1]! < heap[below]!) below++;
      if (below >= heap.length || heap[below]! >= value) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = value;
  }
}

/** Of so many samples, those that the 95th percentile leaves out: the highest 5 %. The next one is it. */
export function leftOut(samples: number): number {
  return Math.floor(samples / 20);
}
