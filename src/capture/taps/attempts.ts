import { messageOf } from "../../errors.ts";
import { WorkQueue } from "./work-queue.ts";

/** The pause before what failed is tried again; it doubles from the first to the longest. */
export const FIRST_PAUSE_MS = 1000;
export const MAX_PAUSE_MS = 60_000;
/** How many of those that failed for the same reason are tried after a pause: if one of them works, so may the rest. */
export const TRIALS = 4;

/** Attempts at the same time. */
const LANES = 8;

/** Tries an item; false if there was nothing to try. Throws what prevents it. */
export type Attempt<Item> = (item: Item) => Promise<boolean>;

/** Told of items that fail for a reason that they did not fail for the last time. */
export type FailureListener<Item> = (items: readonly Item[], reason: string) => void;

/** Items that failed for the same reason, and share a pause. */
interface Group<Item> {
  readonly members: Set<Item>;
  /** The members that are tried first. */
  readonly urgent: Set<Item>;
  triedAtMs: number;
  pauseMs: number;
  dueAtMs: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Tries items one after the other, a few in each turn of the event loop. What fails is tried again after a pause that
 * grows, one for all that fail for the same reason. What asks for more can't have it sooner than FIRST_PAUSE_MS after
 * the last time: an attempt may itself be what causes the asking.
 */
export class Attempts<Item extends object> {
  readonly #attempt: Attempt<Item>;
  readonly #onFailure: FailureListener<Item>;
  readonly #now: () => number;
  readonly #queue = new WorkQueue<Item>(
    (item) => this.#try(item),
    LANES,
    () => this.#pauseAll(),
  );
  readonly #groups = new Map<string, Group<Item>>();
  /** Why an item failed the last time. */
  readonly #reasonOf = new WeakMap<Item, string>();
  /** Items being tried. */
  readonly #trying = new Set<Item>();
  /** Those of them that were added meanwhile. */
  readonly #again = new Set<Item>();
  readonly #untold = new Map<string, Item[]>();
  #isOver = false;

  /** `now`: a clock in milliseconds that never steps back. */
  constructor(attempt: Attempt<Item>, onFailure: FailureListener<Item>, now: () => number) {
    this.#attempt = attempt;
    this.#onFailure = onFailure;
    this.#now = now;
  }

  /** Tries an item when its turn comes, or when it has paused for long enough. */
  add(item: Item): void {
    if (this.#isOver) return;
    const group = this.#groupOf(item);
    if (this.#trying.has(item)) this.#again.add(item);
    else if (group === undefined) this.#queue.add(item);
    else {
      group.urgent.add(item);
      this.#arm(group, group.triedAtMs + FIRST_PAUSE_MS);
    }
  }

  /** Tries all that failed again soon: what kept them from working may be over. */
  hurry(): void {
    for (const group of this.#groups.values()) this.#arm(group, group.triedAtMs + FIRST_PAUSE_MS);
  }

  /** Stops trying an item. */
  remove(item: Item): void {
    const group = this.#groupOf(item);
    group?.members.delete(item);
    group?.urgent.delete(item);
    this.#again.delete(item);
    this.#queue.delete(item);
  }

  /** Resolves when all that was added has been tried once. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  /** Stops trying; resolves when the last attempt is over. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#queue.clear();
    await this.settled();
    for (const { timer } of this.#groups.values()) clearTimeout(timer);
  }

  /** The group that an item waits in. */
  #groupOf(item: Item): Group<Item> | undefined {
    const group = this.#groups.get(this.#reasonOf.get(item) ?? "");
    return group?.members.has(item) === true ? group : undefined;
  }

  async #try(item: Item): Promise<void> {
    this.#trying.add(item);
    try {
      if (await this.#attempt(item)) this.#succeeded(item);
    } catch (error) {
      if (!this.#isOver) this.#failed(item, messageOf(error));
    }
    this.#trying.delete(item);
    if (this.#again.delete(item)) this.add(item);
  }

  /** What kept others from working may be over. */
  #succeeded(item: Item): void {
    const reason = this.#reasonOf.get(item);
    this.#reasonOf.delete(item);
    const group = reason === undefined ? undefined : this.#groups.get(reason);
    if (reason === undefined || group === undefined) return;
    this.#groups.delete(reason);
    clearTimeout(group.timer);
    for (const member of group.members) this.#queue.add(member);
  }

  #failed(item: Item, reason: string): void {
    if (this.#reasonOf.get(item) !== reason) this.#untold.set(reason, [...(this.#untold.get(reason) ?? []), item]);
    this.#reasonOf.set(item, reason);
    const group = this.#groups.get(reason) ?? newGroup<Item>();
    this.#groups.set(reason, group);
    group.members.add(item);
    group.triedAtMs = this.#now();
  }

  #pauseAll(): void {
    for (const [reason, items] of this.#untold) this.#onFailure(items, reason);
    this.#untold.clear();
    for (const [reason, group] of this.#groups) this.#pause(reason, group);
  }

  #pause(reason: string, group: Group<Item>): void {
    if (group.members.size === 0) {
      clearTimeout(group.timer);
      this.#groups.delete(reason);
    } else this.#arm(group, group.triedAtMs + (group.urgent.size > 0 ? FIRST_PAUSE_MS : group.pauseMs));
  }

  /** Tries the group then, if not before. */
  #arm(group: Group<Item>, dueAtMs: number): void {
    if (this.#isOver || (group.timer !== undefined && group.dueAtMs <= dueAtMs)) return;
    clearTimeout(group.timer);
    group.dueAtMs = dueAtMs;
    group.timer = setTimeout(() => this.#tryGroup(group), Math.max(0, dueAtMs - this.#now()));
  }

  #tryGroup(group: Group<Item>): void {
    group.timer = undefined;
    group.pauseMs = Math.min(group.pauseMs * 2, MAX_PAUSE_MS);
    // Those that fail again are behind the others the next time.
    for (const item of [...new Set([...group.urgent, ...group.members])].slice(0, TRIALS)) {
      group.members.delete(item);
      group.urgent.delete(item);
      this.#queue.add(item);
    }
  }
}

function newGroup<Item>(): Group<Item> {
  return {
    members: new Set(),
    urgent: new Set(),
    triedAtMs: 0,
    pauseMs: FIRST_PAUSE_MS,
    dueAtMs: 0,
    timer: undefined,
  };
}
