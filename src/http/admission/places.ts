/** Who has a place. */
export interface Holder {
  /** Stands for the client that it is of. */
  readonly client: string;
  /** When it began to wait for its client; undefined while the client waits for it. */
  readonly waitingSince: number | undefined;
  /** Ends it, and with that its place. */
  evict(): void;
}

export interface PlaceLimits {
  /** Of all clients. */
  readonly max: number;
  /** Of each. */
  readonly maxPerClient: number;
  /** What has waited for its client as long as that gives way to what is new. */
  readonly minWaitMs: number;
}

/** The one client without a number of places of its own: who comes by a unix socket can't be told apart. */
export const LOCAL_CLIENT = "unix";

/**
 * So many places. When there is none left, the one goes to what is new that has waited for its client the longest: of
 * the same client if that has all that it may have, else of those that have the most.
 */
export class Places {
  readonly #limits: () => PlaceLimits;
  readonly #holders = new Map<string, Set<Holder>>();
  #count = 0;

  /** `limits`: as they are at the time. */
  constructor(limits: () => PlaceLimits) {
    this.#limits = limits;
  }

  /** Whether there was one. `evicted` is called for who had to give way. */
  take(holder: Holder, evicted: () => void): boolean {
    const { max, maxPerClient } = this.#limits();
    const own = this.#holders.get(holder.client);
    const isOver = own !== undefined && holder.client !== LOCAL_CLIENT && own.size >= maxPerClient;
    if (isOver || this.#count >= max) {
      const loser = this.#loser(isOver ? [own] : [...this.#holders.values()]);
      if (loser === undefined) return false;
      evicted();
      this.leave(loser);
      loser.evict();
    }
    const holders = this.#holders.get(holder.client) ?? new Set();
    this.#holders.set(holder.client, holders.add(holder));
    this.#count++;
    return true;
  }

  leave(holder: Holder): void {
    const holders = this.#holders.get(holder.client);
    if (holders?.delete(holder) !== true) return;
    this.#count--;
    if (holders.size === 0) this.#holders.delete(holder.client);
  }

  #loser(clients: readonly ReadonlySet<Holder>[]): Holder | undefined {
    const latest = performance.now() - this.#limits().minWaitMs;
    let loser: { holder: Holder; size: number; since: number } | undefined;
    for (const holders of clients) {
      const { size } = holders;
      if (loser !== undefined && size < loser.size) continue;
      for (const holder of holders) {
        const since = holder.waitingSince;
        if (since === undefined || since > latest) continue;
        if (loser === undefined || size > loser.size || since < loser.since) loser = { holder, size, since };
      }
    }
    return loser?.holder;
  }
}
