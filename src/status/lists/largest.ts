/** How many are shown. */
export const SHOWN = 10;

/** Keeps the largest of many values, and what they are of, in order. */
export class Largest<T> {
  readonly #most: number;
  readonly #entries: { value: number; of: T }[] = [];
  /** Values that are no larger are not taken. */
  #floor = 0;

  constructor(most: number = SHOWN) {
    this.#most = most;
  }

  /** Whether a value would be kept. Hot, for a look. */
  takes(value: number): boolean {
    return value > this.#floor;
  }

  /** `of` is made only if it is kept. */
  offer(value: number, of: () => T): void {
    if (!this.takes(value)) return;
    const entries = this.#entries;
    const at = entries.findIndex((each) => each.value < value);
    entries.splice(at < 0 ? entries.length : at, 0, { value, of: of() });
    if (entries.length > this.#most) entries.pop();
    if (entries.length === this.#most) this.#floor = entries[this.#most - 1]!.value;
  }

  take(): T[] {
    return this.#entries.map(({ of }) => of);
  }
}
