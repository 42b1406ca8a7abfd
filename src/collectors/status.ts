import { parseLabels } from "../page/labels.ts";

/** What the things of a list are counted in. */
export type CountedUnit = "bytes" | "packets";

/** Things that are counted, in places that may be given to others. */
export interface CountedSet {
  /** One more than the highest place. */
  readonly count: number;
  /** What was counted since the start; 0 if there is nothing in the place. Hot, for a look. */
  countOf(place: number): number;
  /** Changes when the place is given to something else. Hot, for a look. */
  editionOf(place: number): number;
  nameOf(place: number): string;
  /** What else there is to say, such as the interface; "" if that is nothing. */
  whereOf(place: number): string;
}

/** A list of what is counted, for who wants to see the largest of it. */
export interface CountedList {
  readonly title: string;
  /** Whether it shows addresses, or what may be one's. */
  readonly isPrivate: boolean;
  readonly unit: CountedUnit;
  /** Brings it up to date. */
  refresh?(): Promise<void>;
  /** No place is given to others until what this returns is disposed of. */
  hold?(): Disposable;
  /** The same objects for the same things. */
  sets(): readonly CountedSet[];
}

/** A bound, and how much of it is used. */
export interface Limit {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
}

/** Labels of a series, for people: the value if there is one with a value, else what each is called and says. */
export function labelWords(labels: string): string {
  const pairs = parseLabels(labels).filter(([, value]) => value !== "");
  if (pairs.length === 0) return labels;
  return pairs.length === 1 ? pairs[0]![1] : pairs.map(([name, value]) => `${name} ${value}`).join(", ");
}
