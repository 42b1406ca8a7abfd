const LULL_MS = 1000;

/** Does what can wait when nobody has asked for it for a second, and no more after the end. */
export class Lull implements Disposable {
  readonly #work: () => void;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(work: () => void) {
    this.#work = work;
  }

  ask(): void {
    clearTimeout(this.#timer);
    if (!this.#hasEnded) this.#timer = setTimeout(this.#work, LULL_MS).unref();
  }

  [Symbol.dispose](): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }
}
