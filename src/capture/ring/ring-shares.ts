import { ErrorCode, PromtapError } from "../../errors.ts";

/** Memory of all rings together, and the bounds of one: powers of two. */
const ALL_RINGS_BYTES = 64 * 1024 * 1024;
const MAX_RING_BYTES = 16 * 1024 * 1024;
const MIN_RING_BYTES = 64 * 1024;

/** Holds a ring, and can change it for one of another size; false if it could not. */
export interface RingHolder {
  resize(ringBytes: number): Promise<boolean>;
}

/**
 * Memory that rings share. A new ring gets the share that each of its siblings could have; if that is not left, the
 * largest rings give half of theirs. A ring that fills up is doubled as long as something is left.
 */
export class RingShares {
  readonly #bytes: number;
  readonly #held = new Map<RingHolder, number>();
  #leftBytes: number;
  /** Changes are made one after the other, because each takes the kernel some milliseconds. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(bytes = ALL_RINGS_BYTES) {
    this.#bytes = bytes;
    this.#leftBytes = bytes;
  }

  /** Claims memory for a new ring, one of `siblings`. Throws PromtapError if there is none. */
  claim(siblings: number): Promise<number> {
    return this.#inTurn(async () => {
      const wanted = clamp(powerOfTwoIn(this.#bytes / Math.max(siblings, 1)));
      await this.#makeRoom(wanted);
      const ringBytes = Math.min(wanted, powerOfTwoIn(this.#leftBytes));
      if (ringBytes < MIN_RING_BYTES) throw this.#exhausted();
      this.#leftBytes -= ringBytes;
      return ringBytes;
    });
  }

  /** Gives back what was claimed for a ring that did not come to be. */
  giveBack(ringBytes: number): void {
    this.#leftBytes += ringBytes;
  }

  /** Notes which ring has what was claimed. */
  hold(holder: RingHolder, ringBytes: number): void {
    this.#held.set(holder, ringBytes);
  }

  /** Gives back the memory of a ring that is gone. */
  release(holder: RingHolder): void {
    this.#leftBytes += this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
  }

  /** Doubles a ring if that much is left. */
  async grow(holder: RingHolder): Promise<void> {
    await this.#inTurn(async () => {
      const ringBytes = this.#held.get(holder) ?? MAX_RING_BYTES;
      if (ringBytes < MAX_RING_BYTES && ringBytes <= this.#leftBytes) await this.#resize(holder, 2 * ringBytes);
    });
  }

  /** Halves the largest rings until there is room for a new one, or none that is larger than it would be. */
  async #makeRoom(ringBytes: number): Promise<void> {
    while (this.#leftBytes < ringBytes) {
      const [largest, largestBytes] = this.#largest();
      const fairBytes = this.#leftBytes < MIN_RING_BYTES ? MIN_RING_BYTES : ringBytes;
      if (largest === undefined || largestBytes <= fairBytes) return;
      if (!(await this.#resize(largest, largestBytes / 2))) return;
    }
  }

  async #resize(holder: RingHolder, ringBytes: number): Promise<boolean> {
    const hasChanged = await holder.resize(ringBytes);
    const before = this.#held.get(holder);
    if (!hasChanged || before === undefined) return hasChanged;
    this.#leftBytes += before - ringBytes;
    this.#held.set(holder, ringBytes);
    return true;
  }

  #largest(): [RingHolder | undefined, number] {
    let largest: [RingHolder | undefined, number] = [undefined, 0];
    for (const held of this.#held) if (held[1] > largest[1]) largest = held;
    return largest;
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(change);
    this.#last = turn.catch(() => {});
    return turn;
  }

  #exhausted(): PromtapError {
    const why = `${this.#held.size} interfaces have the ${this.#bytes / 2 ** 20} MiB that there are for packets`;
    return new PromtapError(ErrorCode.HOST, `couldn't make a ring: ${why}; capture fewer interfaces`);
  }
}

function clamp(bytes: number): number {
  return Math.min(MAX_RING_BYTES, Math.max(MIN_RING_BYTES, bytes));
}

/** The largest power of two that is not above `bytes`; 0 below 1. */
function powerOfTwoIn(bytes: number): number {
  return bytes < 1 ? 0 : 2 ** Math.floor(Math.log2(bytes));
}
