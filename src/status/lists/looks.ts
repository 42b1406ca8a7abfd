import type { CountedList } from "../../collectors/status.ts";
import { type Found, type Top, TopList } from "./top-list.ts";

/** Lists of what is largest need a look at everything. */
const PAUSE_MS = 5000;
/** Until the second look, which is the first that can tell rates: who asks again after a second has them then. */
const FIRST_PAUSE_MS = 900;
/** What all lists may take of a CPU; what takes longer is looked at less often. */
const MAX_SHARE = 0.004;
/** Part of the time that may be spent on bringing a list up to date, which other programs may do. */
const MAX_WAITING_SHARE = 0.05;
/** Searches that wait for others: each reads the names of everything. */
const MAX_SEARCHES = 4;
/** What is shown of what a search finds in a list. */
const MAX_FOUND = 50;

/** When a list may be looked at again. */
interface Looked {
  readonly top: TopList;
  dueMs: number;
}

/** Looks at lists while somebody wants to see them: at each as often as it may take of a CPU. */
export class Looks {
  readonly #lists: () => readonly CountedList[];
  readonly #looked = new Map<CountedList, Looked>();
  #looking: Promise<void> | undefined;
  #searches = 0;
  #searching: Promise<unknown> = Promise.resolve();

  /** `lists`: those there are now; features come and go. */
  constructor(lists: () => readonly CountedList[]) {
    this.#lists = lists;
  }

  /** What was found when they were last looked at. */
  tops(): Top[] {
    return this.#all().map(({ top }) => top.top);
  }

  /** Looks at the lists whose time has come, unless that is under way. */
  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  /** What has this text in its name, by list; undefined if too many search. Searches come one after the other. */
  async find(text: string): Promise<Found[] | undefined> {
    if (this.#searches >= MAX_SEARCHES) return undefined;
    this.#searches++;
    const search = this.#searching.then(() => this.#find(text));
    this.#searching = search.catch(() => {});
    try {
      return await search;
    } finally {
      this.#searches--;
    }
  }

  async #look(): Promise<void> {
    const all = this.#all();
    for (const looked of all) {
      if (performance.now() < looked.dueMs) continue;
      // One that can't be brought up to date is not asked again at once.
      looked.dueMs = performance.now() + PAUSE_MS;
      const { waitedMs, busyMs } = await looked.top.look();
      const restMs = Math.max(waitedMs / MAX_WAITING_SHARE, (busyMs * all.length) / MAX_SHARE);
      looked.dueMs = performance.now() + (looked.top.hasRates ? Math.max(PAUSE_MS, restMs) : FIRST_PAUSE_MS);
    }
  }

  async #find(text: string): Promise<Found[]> {
    const all: Found[] = [];
    for (const { top } of this.#all()) {
      const found = await top.find(text, MAX_FOUND);
      if (found.count > 0) all.push(found);
    }
    return all;
  }

  #all(): Looked[] {
    const lists = this.#lists();
    for (const list of this.#looked.keys()) if (!lists.includes(list)) this.#looked.delete(list);
    return lists.map((list) => {
      const looked = this.#looked.get(list) ?? { top: new TopList(list), dueMs: Number.NEGATIVE_INFINITY };
      this.#looked.set(list, looked);
      return looked;
    });
  }
}
