import type { CountedList, CountedSet } from "../status.ts";
import { TYPE_COUNT } from "./protocol/packet-type.ts";
import { OTHER_ROW, type SeriesTable } from "./series-table.ts";
import { DeviceColumn, type Tally } from "./tally.ts";

/** Packets of Wialon IPS by what sends them. `sync`: brings the counts up to date. */
export function seriesLists({ devices, pairs }: Tally, sync: () => void): CountedList[] {
  const types = Array.from({ length: TYPE_COUNT }, (_, type) => type);
  const ofPairs = new SeriesList("connections of trackers", pairs, types, sync, (key) => key.replace(" ", " → "));
  return devices === undefined
    ? [ofPairs]
    : [new SeriesList("trackers", devices, [DeviceColumn.PACKETS], sync, (key) => key), ofPairs];
}

/** What has series in a table, by the sum of some columns. */
class SeriesList implements CountedList, CountedSet {
  readonly title: string;
  readonly isPrivate = true;
  readonly unit = "packets";
  readonly #table: SeriesTable;
  readonly #columns: readonly number[];
  readonly #sync: () => void;
  readonly #wordsOf: (key: string) => string;

  constructor(
    title: string,
    table: SeriesTable,
    columns: readonly number[],
    sync: () => void,
    wordsOf: (key: string) => string,
  ) {
    this.title = title;
    this.#table = table;
    this.#columns = columns;
    this.#sync = sync;
    this.#wordsOf = wordsOf;
  }

  get count(): number {
    return this.#table.count;
  }

  async refresh(): Promise<void> {
    this.#sync();
  }

  hold(): Disposable {
    return this.#table.hold();
  }

  sets(): CountedSet[] {
    return [this];
  }

  countOf(row: number): number {
    if (row === OTHER_ROW) return 0;
    let sum = 0;
    for (const column of this.#columns) sum += this.#table.of(this.#table.at(row), column);
    return sum;
  }

  editionOf(row: number): number {
    return this.#table.editionOf(row);
  }

  nameOf(row: number): string {
    return this.#wordsOf(this.#table.at(row).key);
  }

  whereOf(): string {
    return "";
  }
}
