import { setImmediate as nextTurn } from "node:timers/promises";
import { ErrorCode, PromtapError } from "../../errors.ts";
import { descriptorRefusal, hasDescriptors } from "../../native/descriptors.ts";
import type { Engine, EngineKind } from "../engine.ts";
import type { Link } from "../netlink.ts";

/** If there are descriptors for so many engines they may be opened at the same time. */
const PLENTY = 32;

/** Opens engines as there are descriptors for them. */
export class Openings<Sink> {
  readonly #closed: () => Promise<void>;
  readonly #opens = new Set<Promise<unknown>>();
  #last: Promise<unknown> = Promise.resolve();

  /** `closed` resolves when all is closed that is to be. */
  constructor(closed: () => Promise<void>) {
    this.#closed = closed;
  }

  /** Opens an engine of a kind on one of `siblings` interfaces. Throws PromtapError. */
  open(kind: EngineKind<Sink>, link: Link, sink: Sink, siblings: number): Promise<Engine<Sink>> {
    const opening = this.#openWhenThereIsRoom(kind, link, sink, siblings);
    this.#opens.add(opening);
    return opening.finally(() => this.#opens.delete(opening));
  }

  /** Resolves when all is open that is being opened, and those who asked for it know. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#opens);
    await nextTurn();
  }

  #openWhenThereIsRoom(kind: EngineKind<Sink>, link: Link, sink: Sink, siblings: number): Promise<Engine<Sink>> {
    if (hasDescriptors(kind.descriptors * PLENTY)) return kind.open(link, sink, siblings);
    // One after the other, so that two don't count on the same descriptor.
    const opened = this.#last.then(() => this.#openSparingly(kind, link, sink, siblings));
    this.#last = opened.catch(() => {});
    return opened;
  }

  async #openSparingly(kind: EngineKind<Sink>, link: Link, sink: Sink, siblings: number): Promise<Engine<Sink>> {
    // What is gone gives its resources back first.
    if (!hasDescriptors(kind.descriptors)) await this.#closed();
    if (hasDescriptors(kind.descriptors)) return kind.open(link, sink, siblings);
    throw new PromtapError(ErrorCode.HOST, `couldn't open ${link.name}: ${descriptorRefusal()}`);
  }
}
