/** The highest of the numbers that are taken, none below 0, as many as asked for: a heap, the least of them first. */
export class Highest {
  readonly #heap: Float64Array;
  #count = 0;

  constructor(limit: number) {
    this.#heap = new Float64Array(limit);
  }

  /** Hot. */
  take(value: number): void {
    if (this.#count < this.#heap.length) this.#rise(value);
    else if (value > this.#heap[0]!) this.#sink(value);
  }

  /** The highest but so many; 0 if fewer were taken. */
  but(count: number): number {
    const heap = this.#heap;
    if (count >= this.#count) return 0;
    // Sorted, it is a heap as well.
    return count === heap.length - 1 ? heap[0]! : heap.subarray(0, this.#count).sort()[this.#count - 1 - count]!;
  }

  #rise(value: number): void {
    const heap = this.#heap;
    let at = this.#count++;
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
