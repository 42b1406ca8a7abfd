import { setImmediate as nextTurn } from "node:timers/promises";
import { parseLabels } from "../../page/labels.ts";
import type { CountedList, CountedSet } from "../status.ts";
import type { Reading } from "./reading.ts";
import type { RowList } from "./rows.ts";

/** How long a look may wait for the rules. */
const READING_MS = 5000;
const ROWS_PER_TURN = 2048;
/** Places of rules that are gone are given up when there are so many times as many as rules. */
const MAX_SPREAD = 2;
const MIN_PLACES = 1024;

/** Where a place's rule stands. */
interface Row {
  readonly rows: RowList;
  readonly row: number;
  readonly bytes: ArrayLike<number>;
}

/** The rules of the firewall, by the bytes that matched them. A rule keeps its place when others change. */
export class RuleList implements CountedList, CountedSet {
  readonly title = "firewall rules";
  readonly isPrivate = true;
  readonly unit = "bytes";
  readonly #read: (deadline: number) => Promise<readonly Reading[]>;
  #readings: readonly Reading[] = [];
  /** Labels of a rule → its place. */
  #places = new Map<string, number>();
  #rows: (Row | undefined)[] = [];
  /** Changes when all places are given to others. */
  #edition = 0;

  constructor(read: (deadline: number) => Promise<readonly Reading[]>) {
    this.#read = read;
  }

  get count(): number {
    return this.#rows.length;
  }

  async refresh(): Promise<void> {
    this.#readings = await this.#read(performance.now() + READING_MS);
    const contents = this.#readings.flatMap(({ content }) => content ?? []);
    const total = contents.reduce((sum, { rows }) => sum + rows.rules.numbers.length, 0);
    if (this.#places.size > MAX_SPREAD * total + MIN_PLACES) {
      this.#places = new Map();
      this.#edition++;
    }
    const placed: (Row | undefined)[] = Array.from({ length: this.#places.size });
    let count = 0;
    for (const { rows, counts } of contents) {
      const { labels, numbers } = rows.rules;
      for (let row = 0; row < numbers.length; row++) {
        const text = labels.textOf(row);
        const place = this.#places.get(text) ?? this.#places.size;
        this.#places.set(text, place);
        placed[place] = { rows: rows.rules, row, bytes: counts.bytes };
        if (++count % ROWS_PER_TURN === 0) await nextTurn();
      }
    }
    this.#rows = placed;
  }

  sets(): CountedSet[] {
    return [this];
  }

  countOf(place: number): number {
    const found = this.#rows[place];
    return found === undefined ? 0 : (found.bytes[found.rows.numbers[found.row]!] ?? 0);
  }

  editionOf(): number {
    return this.#edition;
  }

  nameOf(place: number): string {
    const { rule = "", comment } = this.#labelsOf(place);
    return comment === undefined || rule.includes(comment) ? rule : `${rule} (${comment})`;
  }

  whereOf(place: number): string {
    const { family, backend, table, chain } = this.#labelsOf(place);
    return [family, backend, table, chain].filter((text) => text !== undefined).join(" ");
  }

  #labelsOf(place: number): Readonly<Record<string, string>> {
    const found = this.#rows[place];
    if (found === undefined) return {};
    return Object.fromEntries(parseLabels(found.rows.labels.textOf(found.row)));
  }
}
