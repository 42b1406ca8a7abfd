import type { CountedList, CountedSet } from "../../../src/collectors/status.ts";

/** A list of things whose counts a test sets, each with its place. */
export class FakeList implements CountedList, CountedSet {
  readonly title = "things";
  readonly isPrivate = true;
  readonly unit = "bytes";
  readonly counts: number[] = [];
  readonly editions: number[] = [];
  readonly names: string[] = [];
  refreshes = 0;

  get count(): number {
    return this.counts.length;
  }

  async refresh(): Promise<void> {
    this.refreshes++;
  }

  sets(): CountedSet[] {
    return [this];
  }

  countOf(place: number): number {
    return this.counts[place]!;
  }

  editionOf(place: number): number {
    return this.editions[place] ?? 0;
  }

  nameOf(place: number): string {
    return this.names[place] ?? `thing ${place}`;
  }

  whereOf(place: number): string {
    return place % 2 === 0 ? "even" : "odd";
  }
}
