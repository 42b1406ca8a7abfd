import { setImmediate as turn } from "node:timers/promises";

/** How long work may hold the event loop before others have their turn. A piece can't be cut short. */
const SLICE_MS = 5;

/** Works through what is added, each once, in short slices: the event loop is never held longer than a piece takes. */
export class WorkQueue<Item> {
  readonly #work: (item: Item) => Promise<void>;
  readonly #lanes: number;
  readonly #onEmpty: () => void;
  readonly #items = new Set<Item>();
  #working: Promise<void> | undefined;
  #turn: Promise<void> | undefined;
  #sliceStartMs = 0;

  /**
   * `work` throws nothing. `lanes`: items that are worked on at the same time, because the kernel lets them wait for it
   * together. `onEmpty` is called each time when all is done.
   */
  constructor(work: (item: Item) => Promise<void>, lanes: number, onEmpty: () => void = () => {}) {
    this.#work = work;
    this.#lanes = lanes;
    this.#onEmpty = onEmpty;
  }

  add(item: Item): void {
    this.#items.add(item);
    this.#working ??= this.#workOff();
  }

  /** Forgets an item that is not being worked on yet. */
  delete(item: Item): void {
    this.#items.delete(item);
  }

  clear(): void {
    this.#items.clear();
  }

  /** Resolves when all is done. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  async #workOff(): Promise<void> {
    // What is added in the same turn comes along.
    await this.#nextTurn();
    while (this.#items.size > 0) await Promise.all(Array.from({ length: this.#lanes }, () => this.#runLane()));
    this.#working = undefined;
    this.#onEmpty();
  }

  async #runLane(): Promise<void> {
    while (this.#items.size > 0) {
      if (performance.now() - this.#sliceStartMs > SLICE_MS) await this.#nextTurn();
      else await this.#workOnNext();
    }
  }

  async #workOnNext(): Promise<void> {
    const [item] = this.#items;
    this.#items.delete(item!);
    await this.#work(item!);
  }

  /** One for all lanes. */
  #nextTurn(): Promise<void> {
    this.#turn ??= this.#takeTurn();
    return this.#turn;
  }

  async #takeTurn(): Promise<void> {
    await turn();
    this.#sliceStartMs = performance.now();
    this.#turn = undefined;
  }
}
