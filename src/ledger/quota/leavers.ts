/**
 * What lost its series, until a page was without it: if it came back before, its counters would go back from page to
 * page.
 */
export class Leavers<Key> {
  /** Since the last page began, and between that one and the one before. */
  #since = new Set<Key>();
  #before = new Set<Key>();

  /** How many there are since the last page began. */
  get sincePage(): number {
    return this.#since.size;
  }

  get isEmpty(): boolean {
    return this.#since.size + this.#before.size === 0;
  }

  add(key: Key): void {
    this.#since.add(key);
  }

  has(key: Key): boolean {
    return this.#since.has(key) || this.#before.has(key);
  }

  /** A page begins: what left before is not on it. */
  beginPage(): void {
    this.#before = this.#since;
    this.#since = new Set();
  }
}
