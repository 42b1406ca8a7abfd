/** How many are shown. */
export const SHOWN = 10;

/** Keeps the largest of many values, and what they are of, in order. */
export class Largest<T> {
  readonly #entries: { value: number; of: T }[] = [];

  /** `of` is made only if it is kept. */
  offer(value: number, of: () => T): void {
    const entries = this.#entries;
    if (value <= 0 || (entries.length === SHOWN && value <= entries[SHOWN - 1]!.value)) return;
    const at = entries.findIndex((each) => each.value < value);
    entries.splice(at < 0 ? entries.length : at, 0, { value, of: of() });
    if (entries.length > SHOWN) entries.pop();
  }

  take(): T[] {
    return this.#entries.map(({ of }) => of);
  }
}
