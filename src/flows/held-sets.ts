import { TEMPLATE_LIFE_MS } from "./template.ts";

/** A set of records that came before the template that says how to read it. */
interface Held {
  readonly owner: HeldBy;
  readonly template: number;
  readonly bytes: Uint8Array;
  readonly sinceMs: number;
}

/** Sets of a domain, by the template that they wait for; the oldest first. */
export type HeldBy = Map<number, Held[]>;

const MAX_SETS = 16_384;
const MAX_BYTES = 8 * 2 ** 20;
/** Exporters send templates every half hour at the latest, unless told otherwise; after two of these they may mean another. */
const MAX_WAIT_MS = 2 * TEMPLATE_LIFE_MS;

/**
 * Holds sets that wait for their template, of all domains together; for what is new the oldest go, and so does what has
 * waited for too long.
 */
export class HeldSets {
  /** Sets that were given up: their records are lost. */
  dropped = 0;
  /** In the order in which they came. */
  readonly #queue = new Set<Held>();
  #bytes = 0;
  #nowMs = 0;

  get count(): number {
    return this.#queue.size;
  }

  /** It is so late: gives up what has waited for too long. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#queue.size === 0) return;
    for (const each of this.#queue) {
      if (each.sinceMs >= nowMs - MAX_WAIT_MS) return;
      this.#give(each);
    }
  }

  /** Keeps a copy. */
  hold(owner: HeldBy, template: number, view: DataView, at: number, end: number): void {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, end - at).slice();
    const held = { owner, template, bytes, sinceMs: this.#nowMs };
    const others = owner.get(template);
    if (others === undefined) owner.set(template, [held]);
    else others.push(held);
    this.#queue.add(held);
    this.#bytes += bytes.length;
    for (const each of this.#queue) {
      if (this.#queue.size <= MAX_SETS && this.#bytes <= MAX_BYTES) return;
      this.#give(each);
    }
  }

  /** The sets that waited for a template, which are held no longer. */
  take(owner: HeldBy, template: number): readonly Uint8Array[] {
    const found = owner.get(template);
    if (found === undefined) return [];
    owner.delete(template);
    for (const held of found) this.#remove(held);
    return found.map(({ bytes }) => bytes);
  }

  /** Gives up all of an owner that goes. */
  drop(owner: HeldBy): void {
    for (const held of [...owner.values()].flat()) this.#give(held);
  }

  #give(held: Held): void {
    const others = held.owner.get(held.template)!;
    // It is the oldest of its template, too.
    others.shift();
    if (others.length === 0) held.owner.delete(held.template);
    this.#remove(held);
    this.dropped++;
  }

  #remove(held: Held): void {
    this.#queue.delete(held);
    this.#bytes -= held.bytes.length;
  }
}
