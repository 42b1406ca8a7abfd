import { setImmediate as nextTurn } from "node:timers/promises";
import type { CountedList, CountedSet, CountedUnit } from "../../collectors/status.ts";
import { Growth } from "./growth.ts";
import { Largest } from "./largest.ts";

/** One line of what is largest. */
export interface TopLine {
  readonly name: string;
  /** What else there is to say of it, such as the interface. */
  readonly where: string;
  /** In the unit of the list, a second, since the look before; 0 if that was long ago. */
  readonly rate: number;
  /** Since the start. */
  readonly sum: number;
  /** Rates of the last looks, the newest last. */
  readonly history: readonly number[];
}

/** What is largest: since the look before, and since the start. */
export interface Top {
  readonly title: string;
  readonly isPrivate: boolean;
  readonly unit: CountedUnit;
  readonly byRate: readonly TopLine[];
  readonly bySum: readonly TopLine[];
}

/** What matches, as much as is shown of it. */
export interface Found {
  readonly title: string;
  readonly unit: CountedUnit;
  /** How many there are. */
  readonly count: number;
  readonly lines: readonly TopLine[];
}

/** Looks that a chart shows: two minutes, of a list that takes little time. */
export const LOOKS = 24;
/** What of a list is looked at in one go: 2 ms. */
const PLACES_PER_TURN = 4096;
/** Looks for what matches compare texts. */
const NAMES_PER_TURN = 512;
/** Things whose rates are remembered: those that are shown, and those that were. */
const MAX_REMEMBERED = 64;
/** What is longer ago than so many seconds says nothing of now. */
const MAX_GAP_SECONDS = 60;

/** What a look has taken: time in which the list was brought up to date, and time of a CPU. */
export interface Cost {
  readonly waitedMs: number;
  readonly busyMs: number;
}

/** A thing whose rates are remembered. */
interface Remembered {
  readonly set: CountedSet;
  readonly place: number;
  readonly edition: number;
  readonly history: number[];
}

interface Candidate {
  readonly set: CountedSet;
  readonly place: number;
  readonly rate: number;
  readonly sum: number;
}

/** Finds what is largest in a list, from look to look. */
export class TopList {
  readonly list: CountedList;
  readonly #growths = new WeakMap<CountedSet, Growth>();
  #remembered: Remembered[] = [];
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** From the look before to the last one. */
  #seconds = Number.POSITIVE_INFINITY;
  #top: Top;

  constructor(list: CountedList) {
    this.list = list;
    this.#top = this.#topOf([], []);
  }

  /** What the last look has found. */
  get top(): Top {
    return this.#top;
  }

  /** Whether the last look could tell rates of now. */
  get hasRates(): boolean {
    return this.#seconds <= MAX_GAP_SECONDS;
  }

  /** Looks at all of it, in turns. */
  async look(): Promise<Cost> {
    const start = performance.now();
    await this.list.refresh?.();
    const nowMs = performance.now();
    this.#seconds = (nowMs - this.#lookedAtMs) / 1000;
    this.#lookedAtMs = nowMs;
    let busyMicroseconds = 0;
    const looking = this.#look();
    for (let isDone = false; !isDone;) {
      const before = process.cpuUsage();
      isDone = looking.next().done === true;
      const { user, system } = process.cpuUsage(before);
      busyMicroseconds += user + system;
      if (!isDone) await nextTurn();
    }
    return { waitedMs: nowMs - start, busyMs: busyMicroseconds / 1000 };
  }

  /** What has a text in its name, or in what else is said of it; the largest first. */
  async find(text: string, most: number): Promise<Found> {
    const wanted = text.toLowerCase();
    const largest = new Largest<Candidate>(most);
    let count = 0;
    let names = 0;
    using _ = this.list.hold?.();
    for (const set of this.list.sets()) {
      for (let place = 0; place < set.count; place++) {
        const sum = set.countOf(place);
        if (sum <= 0) continue;
        if (++names % NAMES_PER_TURN === 0) await nextTurn();
        if (!`${set.nameOf(place)}\n${set.whereOf(place)}`.toLowerCase().includes(wanted)) continue;
        count++;
        const rate = this.#rateOf(this.#growths.get(set)?.takenOf(place) ?? 0);
        largest.offer(sum, () => ({ set, place, rate, sum }));
      }
    }
    const { title, unit } = this.list;
    return { title, unit, count, lines: largest.take().map((each) => this.#lineOf(each)) };
  }

  *#look(): Generator<void> {
    if (!this.hasRates) this.#remembered = [];
    const byRate = new Largest<Candidate>();
    const bySum = new Largest<Candidate>();
    using _ = this.list.hold?.();
    const sets = this.list.sets();
    this.#remember(sets);
    for (const set of sets) {
      const growth = this.#growthOf(set);
      for (let place = 0; place < set.count; place++) {
        if (place % PLACES_PER_TURN === PLACES_PER_TURN - 1) yield;
        const sum = set.countOf(place);
        if (sum <= 0) continue;
        const rate = this.#rateOf(growth.take(place, sum));
        if (byRate.takes(rate)) byRate.offer(rate, () => ({ set, place, rate, sum }));
        if (bySum.takes(sum)) bySum.offer(sum, () => ({ set, place, rate, sum }));
      }
    }
    const [rated, summed] = [byRate.take(), bySum.take()];
    for (const each of [...summed, ...rated]) this.#begin(each);
    this.#top = this.#topOf(rated, summed);
  }

  #topOf(rated: readonly Candidate[], summed: readonly Candidate[]): Top {
    const { title, isPrivate, unit } = this.list;
    const lines = (candidates: readonly Candidate[]) => candidates.map((each) => this.#lineOf(each));
    return { title, isPrivate, unit, byRate: lines(rated), bySum: lines(summed) };
  }

  #rateOf(growth: number): number {
    return this.hasRates ? growth / this.#seconds : 0;
  }

  #growthOf(set: CountedSet): Growth {
    const growth = this.#growths.get(set) ?? new Growth(set);
    this.#growths.set(set, growth);
    return growth;
  }

  /** Adds the rates of now to what is remembered, and forgets what is there no more. */
  #remember(sets: readonly CountedSet[]): void {
    this.#remembered = this.#remembered.filter(
      ({ set, place, edition }) => sets.includes(set) && set.editionOf(place) === edition,
    );
    for (const { set, place, history } of this.#remembered) {
      history.push(this.#rateOf(this.#growthOf(set).of(place)));
      if (history.length > LOOKS) history.shift();
    }
  }

  /** Remembers what is shown as the newest. */
  #begin({ set, place, rate }: Candidate): void {
    const at = this.#remembered.findIndex((each) => each.set === set && each.place === place);
    const history = this.hasRates ? [rate] : [];
    const [known = { set, place, edition: set.editionOf(place), history }] =
      at < 0 ? [] : this.#remembered.splice(at, 1);
    this.#remembered.push(known);
    if (this.#remembered.length > MAX_REMEMBERED) this.#remembered.shift();
  }

  #lineOf({ set, place, rate, sum }: Candidate): TopLine {
    const known = this.#remembered.find((each) => each.set === set && each.place === place);
    const history = [...(known?.history ?? [])];
    return { name: set.nameOf(place), where: set.whereOf(place), rate, sum, history };
  }
}
